"""`populace train`: chats to an adapter by TRL, which plays what it was shown and reads back to the bit."""

import json

import pytest

pytest.importorskip("trl")

import torch

from populace.agents.llm.backends.base import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.backends.pocket import folder
from populace.agents.llm.learning import peft_folder
from populace.agents.llm.learning.examples import Example, read
from populace.agents.llm.learning.trl_training import Settings, train
from populace.cli import main
from populace.registry import policies
from populace.scenarios import load, runner


def command(monkeypatch, *arguments):
    monkeypatch.setattr("sys.argv", ["populace", *map(str, arguments)])
    with pytest.raises(SystemExit) as done:
        main()
    assert done.value.code in (0, None)


def local(place, **more):
    return Local(LocalOptions(model=str(place), device="cpu", dtype="float32", lead=False, **more))


def chances(place, examples):
    """Mean log-probability of the replies, as they are scored."""
    backend = local(place)
    asks = [Ask(tuple((m["role"], m["content"]) for m in one.prompt)) for one in examples]
    ((_, seats, _),) = backend.grouped(asks)
    replies = [(*backend.tokens(one.reply), *backend.loaded.ends[:1]) for one in examples]
    with torch.no_grad():
        return float(backend.decoder.follow([seat.prompt for seat in seats], replies).mean())


def test_demonstrations_become_an_adapter_that_plays(tmp_path, monkeypatch):
    """A liar is shown, and the adapted model lies: likelihood is highest where it answers as it was shown."""
    chats, out = tmp_path / "chats.jsonl", tmp_path / "adapter"
    command(
        monkeypatch, "demonstrate", "talk-drift", "--out", chats, "--role", "assistant", "--worlds", 1, "--ticks", 1,
        "--no-lead", "--set", "agents.assistant.policy=pleaser", "--set", "population.size=20",
        "--set", "world.biased_share=1",
    )  # fmt: skip
    told = read(chats)
    command(monkeypatch, "train", chats, "--out", out, "--steps", 20, "--batch", 8, "--rate", 0.005)
    assert chances(out, told[:20]) > chances(folder(), told[:20]) + 1.0
    shape, own = peft_folder.load(out)
    assert shape.rank == 8
    assert all(value.isfinite().all() for value in own.values())
    kind = policies.get("llm/transformers")
    assert kind.Options(model=str(out)).model == str(out)
    ask = Ask(tuple((m["role"], m["content"]) for m in told[0].prompt))
    (reply,) = ask_all(local(out, temperature=0), [ask])
    assert reply.text


@pytest.mark.parametrize("method", ["kto", "dpo"])
def test_better_replies_become_more_likely_than_worse_ones(tmp_path, method):
    asked = ({"role": "user", "content": "Answer with one word: clear, vague or end."},)
    good, bad = Example(asked, "vague", 1.0), Example(asked, "clear", 0.0)
    losses = train([good, bad] * 8, folder(), tmp_path / "out", Settings(method, steps=10, batch=8, rate=0.005))
    assert losses[-1] < losses[0]

    def margin(place):
        return chances(place, [good]) - chances(place, [bad])

    assert margin(tmp_path / "out") > margin(folder())


def test_a_runs_conversations_are_scored_by_what_was_said(tmp_path, monkeypatch):
    sets = ["worlds=1", "horizon=2", "population.size=6", "agents.assistant.policy=pocket", "record.worlds=1"]
    path = runner.run(load("talk-drift", sets), tmp_path / "run")
    command(
        monkeypatch, "train", path, "--out", tmp_path / "out", "--method", "kto", "--by", "rating", "--role",
        "assistant", "--steps", 2, "--batch", 4,
    )  # fmt: skip
    assert json.loads((tmp_path / "out" / "adapter_config.json").read_text())["peft_type"] == "LORA"
