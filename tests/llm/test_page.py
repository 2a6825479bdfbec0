"""The page on language models: its scenarios run, against a server on loopback, and its code passes its own check."""

import importlib.util
import re
from pathlib import Path

import pandas as pd
import pytest
from loopback import serving
from ruamel.yaml import YAML
from tiny_model import save

from populace.agents.llm import BudgetSpent
from populace.registry import policies
from populace.scenarios import load
from populace.scenarios.runner import read_info, resume, run
from populace.testing import check_policy

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "language-models.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"^```(\w+)\n(.*?)^```", TEXT, re.MULTILINE | re.DOTALL)
FOUR_TAGS = """<thinking>It is clear what is wanted.</thinking>
<payoff>{"DQ_DA": {"LLM": 1, "user": 1}, "DQ_CQ": {"LLM": 0, "user": 0}, "DQ_AQ": {"LLM": 0, "user": 0},
"VQ_DA": {"LLM": 0, "user": 0}, "VQ_CQ": {"LLM": 0, "user": 0}, "VQ_AQ": {"LLM": 0, "user": 0}}</payoff>
<analyze>The first.</analyze><response>Take the second one.</response>"""


def blocks(kind):
    return [text for name, text in BLOCKS if name == kind]


needs_openai = pytest.mark.skipif(
    importlib.util.find_spec("openai") is None, reason="the openai client is not installed (extra llm)"
)


@needs_openai
def test_the_two_minute_recipe_runs_and_replays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with serving(lambda body: FOUR_TAGS) as server:
        # Two ticks of the page's six, which show all that is asserted here.
        text = blocks("yaml")[0].replace("http://localhost:8000/v1", server.url).replace("horizon: 6", "horizon: 2")
        assert "horizon: 2" in text
        (tmp_path / "talk.yaml").write_text(text)
        run(load(tmp_path / "talk.yaml"), tmp_path / "first")
        asked = len(server.requests)
        assert asked > 0
        run(load(tmp_path / "talk.yaml"), tmp_path / "second")
        assert len(server.requests) == asked  # all of it was on the tape
    steps = [pd.read_parquet(tmp_path / name / "steps.parquet") for name in ("first", "second")]
    pd.testing.assert_frame_equal(*steps)
    last = (
        steps[0].query("step == 1 and role == 'assistant'").groupby(["arm", "measure"], observed=True)["value"].mean()
    )
    assert last["model", "invalid"] == 0.0
    assert last["nonsense", "invalid"] == 1.0
    assert last["model", "tokens"] == 10 * 12
    kinds = [last["nonsense", kind] for kind in ("unreadable", "refused", "cut_off", "timed_out", "failed")]
    assert sum(kinds) == pytest.approx(1.0)


@needs_openai
def test_the_other_seats_of_the_page_load_and_play(tmp_path):
    frame = YAML(typ="safe").load(blocks("yaml")[0])
    frame = {key: frame[key] for key in ("schema", "world", "worlds", "population")} | {"horizon": 1}
    spoken = frame | {
        "world": {"id": "populace/drift-v0"},
        "population": {"size": 2, "values": {"names": ["interest"]}},
    }
    folder, asked = str(save(tmp_path / "model")), {}
    with serving(lambda body: "clear") as server:
        for text in (text for text in blocks("yaml")[1:] if "agents:" in text):
            text = text.replace("path/or/hub-id", folder).replace("http://localhost:8000/v1", server.url)
            agents, before = YAML(typ="safe").load(text)["agents"], len(server.requests)
            held = spoken if "interpreter" in text else frame
            # The persona's trait is one of the world's own people.
            held = {key: held[key] for key in held if key != "population" or "persona" not in text}
            run(load({**held, "agents": agents}), tmp_path / f"run{len(text)}")
            asked["mix" if "mix" in text else "free" if "interpreter" in text else len(text)] = (
                len(server.requests) - before
            )
    assert asked.pop("mix") == 4 * 1  # one seat of ten in four worlds
    assert asked.pop("free") >= 4 * 2  # two users, and probes, in four worlds
    assert not any(asked.values())  # the others need no server


def test_the_code_of_the_page_keeps_the_contract():
    (code,) = blocks("python")
    names: dict[str, object] = {}
    exec(code, names)
    check_policy(names["Mine"](), "populace/payoff-v0", "user")


def test_every_policy_of_the_page_is_there_and_the_other_way_round():
    named = set(re.findall(r"`(llm/[a-z]+)`", TEXT))
    assert named == {name for name in policies.names() if name.startswith("llm/")}


def test_a_run_that_spent_its_budget_is_resumed_to_the_same_results(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    frame = YAML(typ="safe").load(blocks("yaml")[0])
    frame = {key: frame[key] for key in ("schema", "world", "worlds", "horizon", "population")}
    with serving(lambda body: "vague") as server:
        model = {"policy": "llm/openai", "model": "m", "base_url": server.url}

        def played(folder, **more):
            return run(load({**frame, "agents": {"user": {**model, **more}, "assistant": "always"}}), tmp_path / folder)

        with pytest.raises(BudgetSpent):
            played("tight", tape="tape.jsonl", max_tokens=100 * 12)
        assert read_info(tmp_path / "tight")["status"] == "interrupted"
        before = len(server.requests)
        assert before < 4 * 6 * 10
        with pytest.raises(BudgetSpent):  # a budget is the whole run's, resumed or not
            resume(tmp_path / "tight")
        assert len(server.requests) <= before + 8  # those that were under way at once
        resume(tmp_path / "tight", sets=["agents.user.max_tokens=1000000"])
        assert read_info(tmp_path / "tight")["status"] == "complete"
        assert len(server.requests) == 4 * 6 * 10  # nothing was asked twice
        played("calm")
    tight, calm = (pd.read_parquet(tmp_path / name / "steps.parquet") for name in ("tight", "calm"))
    pd.testing.assert_frame_equal(tight, calm)
