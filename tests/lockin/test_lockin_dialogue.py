"""The lock-in world in words: a reader who pools what is written believes what the scripted aggregate does."""

import math
import re

import pytest
import torch

from populace.agents.llm import Backend, Reply, TextPolicy
from populace.dialogue import ReplyKind
from populace.envs.lockin import LockIn, LockInOptions
from populace.envs.lockin.dialogue import read_estimate
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import start


class Pooler(TextPolicy):
    """Sums precisions weighted by trust, out of the words alone."""

    def open(self):
        class Model(Backend):
            def complete(self, asks):
                for i, ask in enumerate(asks):
                    last = ask.messages[-1][1]
                    told = re.findall(r"^\d+\. (\S+), give or take (\S+)$", last, re.MULTILINE)
                    trust = float(re.search(r"as (\S+) hundredths", last)[1]) / 100.0
                    weights = [trust / float(sd) ** 2 for _, sd in told]
                    mean = sum(w * float(m) for w, (m, _) in zip(weights, told, strict=True)) / sum(weights)
                    yield i, Reply.of(ask, f"mean: {mean:.8g}\nsd: {sum(weights) ** -0.5:.8g}")

        return Model()


def played(policy):
    population = PlainPopulation(5, ("belief",))
    world, keep = LockIn(LockInOptions(), population.census), Keep()
    run = start(world, {"assistant": policy}, population, seed=1, worlds=4)
    return rollout(world, {"assistant": policy}, run, 6, keep), keep


def test_a_reader_believes_what_the_aggregate_does():
    text, keep = played(Pooler())
    script, _ = played(policies.get("aggregate", within="lockin")())
    assert [series.sum().item() for series in keep.series["invalid", "assistant", ""]] == [0.0] * 6
    # Four digits are told: means of spread 1 are rounded by 5e-4 at most, precisions by one part in a thousand.
    assert torch.allclose(text.state.assistant.mean, script.state.assistant.mean, atol=5e-3)
    assert torch.allclose(text.state.assistant.log_precision, script.state.assistant.log_precision, atol=2e-2)


@pytest.mark.parametrize(
    ("reply", "read"),
    [
        ("mean: 0.42\nsd: 0.5", (0.42, -2 * math.log(0.5))),
        ("Mean = -3\nSD = 1e-9", (-3.0, -2 * math.log(1e-9))),
        ("mean: 0.42\nsd: 0", ReplyKind.UNREADABLE),
        ("mean: 0.42\nsd: -1", ReplyKind.UNREADABLE),
        ("mean: 1e400\nsd: 1", ReplyKind.UNREADABLE),
        ("mean: 1\nmean: 2\nsd: 1", ReplyKind.UNREADABLE),
        ("mean: 0.4.2\nsd: 1", ReplyKind.UNREADABLE),
        ("mean: 0.42", ReplyKind.CUT_OFF),
        ("I'm sorry, I can't.", ReplyKind.REFUSED),
        ("", ReplyKind.UNREADABLE),
    ],
)
def test_replies_are_read_strictly(reply, read):
    assert read_estimate(reply) == (pytest.approx(read) if isinstance(read, tuple) else read)
