"""The model that comes along: small, offline, readable in every world, better than random, made by the script here."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from typer.testing import CliRunner

from populace.agents.llm.backends import pocket
from populace.agents.llm.backends.local import load
from populace.agents.llm.policies import Pocket
from populace.cli import app
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import start
from populace.testing import check_policy
from populace.testing.tools import made, same

EXAMPLE = Path(__file__).parents[2] / "examples" / "pocket"


@pytest.fixture(scope="module")
def evaluation():
    sys.path.insert(0, str(EXAMPLE))
    try:
        import evaluate

        yield evaluate
    finally:
        sys.path.remove(str(EXAMPLE))


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    def refuse(*_args, **_kwargs):
        raise AssertionError("pocket must not ask the network")

    monkeypatch.setattr("socket.socket.connect", refuse)


def test_it_is_small():
    model = load(pocket.of(pocket.PocketOptions(), pocket.folder())).model
    assert sum(p.numel() for p in model.parameters()) <= 2_000_000
    assert sum(path.stat().st_size for path in pocket.folder().iterdir()) <= 8_000_000
    assert next(model.parameters()).dtype == torch.float32


def test_options_do_not_name_a_model():
    assert not {"model", "revision"} & set(pocket.PocketOptions.model_fields)
    with pytest.raises(ValueError, match="model"):
        pocket.PocketOptions(model="other")


LONG = [pytest.param(world, marks=pytest.mark.slow) for world in ("coevolution", "payoff")]
"""A minute and more of each; that they can be read is seen in test_end_to_end.py too."""


@pytest.mark.parametrize("world", ["lockin", "shopping", "drift", "culture", *LONG])
def test_it_can_be_read_and_beats_random(evaluation, world):
    # Where its gain is small beside the spread between societies, more of them are needed to see it.
    societies = {"coevolution": 24, "lockin": 40}.get(world, 8)
    rows = evaluation.evaluate(pocket.folder(), societies, pocket.PocketOptions(), [world])
    assert rows
    for row in rows:
        assert row["readable"] >= 0.95, evaluation.table(rows)
    # Nothing is told of what a culture holds, nor of whom to meet: such seats can only guess.
    told = [row for row in rows if (row["role"], row["phase"]) not in (("agent", "answer"), ("person", "exchange"))]
    # Two standard errors over societies; at least one role of a world must be beyond them, and none below.
    assert any(row["gain"] > 2 * row["error"] for row in told), evaluation.table(rows)
    assert all(row["gain"] >= -2 * row["error"] for row in told), evaluation.table(rows)


def test_a_run_in_words_is_the_same_twice():
    def played():
        stage, people = made("populace/drift-v0", None, 4, None)
        players = {"assistant": Pocket(), "user": Pocket()}
        keep = Keep()
        run = rollout(stage, players, start(stage, players, people, seed=5, worlds=2), 2, keep)
        return run.state

    assert same(played(), played())


def test_it_keeps_the_contract_of_policies():
    check_policy(Pocket(), "populace/payoff-v0", "user")
    assert policies.get("pocket") is Pocket


def test_tin_men_is_played_from_the_shell(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    sets = ["agents.assistant.policy=pocket", "worlds=1", "population.size=4"]
    told = CliRunner().invoke(
        app, ["run", "tin-men", "--out", "talk", *(part for one in sets for part in ("--set", one))]
    )
    assert told.exit_code == 0, told.output
    assert json.loads((tmp_path / "talk" / "run.json").read_text())["status"] == "complete"


def test_it_is_trained_by_the_script(tmp_path):
    command = [sys.executable, str(EXAMPLE / "train.py"), "--out", str(tmp_path / "m"), "--settings", "12"]
    subprocess.run([*command, "--steps", "3", "--threads", "1"], check=True, capture_output=True, timeout=250)
    found = load(pocket.of(pocket.PocketOptions(), tmp_path / "m"))
    assert sum(p.numel() for p in found.model.parameters()) <= 2_000_000
    chat = [
        {"role": "system", "content": "a"},
        {"role": "user", "content": "b 12"},
        {"role": "assistant", "content": "c"},
    ]
    shown = found.tokenizer.apply_chat_template(chat, tokenize=False)
    assert shown == "<|system|>a<|end|><|user|>b 12<|end|><|assistant|>c<|end|>"
    assert found.ends[0] == found.tokenizer.convert_tokens_to_ids("<|end|>")
    # Anything can be written, and read back as it was; digits are tokens of their own.
    for text in ("größer 漢字 \n\n 1.25; 33% x_y", "There should be more care."):
        assert found.tokenizer.decode(found.tokenizer(text)["input_ids"]) == text
    assert found.tokenizer.tokenize("987.5") == ["9", "8", "7", ".", "5"]
