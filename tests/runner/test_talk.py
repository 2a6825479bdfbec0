"""What was said, in the run folder: the same rows however the run was cut up, readable, and of tracked worlds only."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

import populace
from populace.analysis.chats import chats
from populace.errors import RunError
from populace.scenarios import runner

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))


def _scenario(**changes):
    scenario = {
        "schema": 1,
        "name": "chat",
        "world": {"id": "test_words:Chat", "words": True},
        "worlds": 3,
        "horizon": 4,
        "population": {"size": 3},
        "agents": {"user": "test_words:Speaks", "assistant": "test_words:Listens"},
        "record": {"worlds": 2},
    }
    return {**scenario, **changes}


def test_talk_is_recorded_of_tracked_worlds(tmp_path):
    run = populace.simulate(_scenario(), out=tmp_path / "a")
    talk = run.talk
    assert set(talk["world"]) == {0, 1}
    assert len(talk) == 2 * 4 * 3
    assert set(talk["text"]) <= {"My mood is glad.", "My mood is sad."}
    assert talk["code"].str.fullmatch("mood=(glad|sad)").all()
    assert (talk["text"].str.contains("glad") == talk["code"].str.contains("glad")).all()
    own = run.conversation("main", 1, 2)
    assert own["step"].tolist() == [1, 2, 3, 4]
    with pytest.raises(RunError, match=r"record\.worlds"):
        run.conversation("main", 2, 0)
    assert populace.simulate(_scenario(record={"talk": "none"}), out=tmp_path / "d").talk.empty


def test_rows_do_not_show_batches_and_phrases_are_read(tmp_path):
    scenario = _scenario(record={"talk": "all"}, agents={"user": "test_words:Keeps", "assistant": "test_words:Coin"})
    whole = populace.simulate(scenario, out=tmp_path / "a")
    runner.run(populace.load(scenario), tmp_path / "b", batch=1)
    assert (tmp_path / "a" / "talk.parquet").read_bytes() == (tmp_path / "b" / "talk.parquet").read_bytes()
    assert set(whole.talk["text"]) == {"I am glad.", "What a day!", "I am sad.", "Oh dear."}
    assert set(whole.talk["world"]) == {0, 1, 2}


def _asked(**changes):
    return {
        "schema": 1,
        "name": "asked",
        "extends": "talk-drift",
        "worlds": 2,
        "horizon": 2,
        "population": {"size": 4},
        "record": {"worlds": 2},
        **changes,
    }


MODEL = ["agents.assistant.policy=llm/random"]


@pytest.fixture(scope="module")
def asked(tmp_path_factory):
    folder = tmp_path_factory.mktemp("asked")
    return populace.simulate(_asked(), out=folder / "a", sets=MODEL)


def test_what_a_model_was_asked_and_replied_is_kept_with_its_words(asked):
    talk = asked.talk
    mine = talk[(talk["role"] == "assistant") & (talk["prompt"] != "")]
    arms = set(mine["arm"])
    assert arms, "some arm is played by the model"
    assert (mine["reader"] == "form").all()
    assert (mine[["tokens_in", "tokens_out"]] > 0).all(axis=None)
    scripts = talk[talk["prompt"] == ""]
    assert (scripts["reader"] == "").all()
    assert (scripts["reply"] == "").all()
    assert (scripts["tokens_in"] == 0).all()
    prompts = asked.prompts
    assert set(mine["prompt"]) == set(prompts["prompt"])
    assert prompts["prompt"].is_unique
    messages = json.loads(prompts["text"].iloc[0])
    assert {message["role"] for message in messages} == {"system", "user"}
    assert all(row["text"] in row["reply"] for row in mine.to_dict("records"))
    keys = ["arm", "world", "step", "seat"]
    asks = talk[(talk["role"] == "user") & (talk["phase"] == "put")][[*keys, "text"]]
    both = mine.merge(asks, on=keys, suffixes=("", "_asked"))  # seats of probes are asked by nobody
    texts = prompts.set_index("prompt")["text"]
    assert len(both) == 2 * 2 * 4 * len(arms)
    for row in both.to_dict("records"):
        assert json.loads(texts[row["prompt"]])[-1]["content"].endswith(row["text_asked"])


def test_prompts_do_not_show_batches(asked, tmp_path):
    scenario = populace.load(_asked(), sets=MODEL)
    runner.run(scenario, tmp_path / "b", batch=1)
    for table in ("talk", "prompts"):
        assert (asked.path / f"{table}.parquet").read_bytes() == (tmp_path / "b" / f"{table}.parquet").read_bytes()


def test_chats_are_what_was_asked_and_the_whole_reply(asked, tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "populace", "chats", asked.path, "--out", tmp_path / "c.jsonl", "--role", "assistant"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    lines = [json.loads(line) for line in (tmp_path / "c.jsonl").read_text().splitlines()]
    mine = asked.talk[(asked.talk["role"] == "assistant") & (asked.talk["prompt"] != "")]
    assert len(lines) == len(mine)
    assert done.stdout == f"chats: {tmp_path / 'c.jsonl'} ({len(mine)})\n"
    assert [line["messages"][-1] for line in lines] == [{"role": "assistant", "content": t} for t in mine["reply"]]
    with pytest.raises(RunError, match="no reply of a language model in these arms and roles"):
        list(chats(asked, roles=["auditor"]))


def test_turns_of_a_conversation_are_counted(tmp_path):
    run = populace.simulate(
        {"schema": 1, "name": "turns", "extends": "talk-payoff", "worlds": 2, "horizon": 4, "population": {"size": 4},
         "record": {"worlds": 2}},
        out=tmp_path / "a",
    )  # fmt: skip
    talk = run.talk
    assert talk["turn"].max() > 0
    first = talk[(talk["step"] == 1)]
    assert (first["turn"] == 0).all()
    scenario = _asked(name="three", horizon=5, world={"turns": 3})
    talk = populace.simulate(scenario, out=tmp_path / "b").talk
    assert set(talk["phase"]) == {"put", "speak", "rate"}
    assert (talk["turn"] == (talk["step"] - 1) % 3).all()


def test_the_dry_run_says_how_much_is_recorded():
    """Every question of the scripts in drift is answered once: as many rows as a run records, within the ratings."""
    scenario = populace.load(_asked(horizon=3))
    told = runner.estimate(scenario).utterances
    assert told > 0
    assert runner.estimate(populace.load(_asked(record={"talk": "none"}))).utterances == 0
    assert runner.estimate(populace.load(_asked(worlds=8, horizon=3, record={"talk": "all"}))).utterances > 3 * told


def test_the_dry_run_counts_what_a_run_records(asked):
    told = runner.estimate(populace.load(_asked(), sets=MODEL)).utterances
    assert told == pytest.approx(len(asked.talk), rel=0.5)
