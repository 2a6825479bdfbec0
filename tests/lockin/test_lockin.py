"""The lock-in model against exact figures, in three orders of events."""

import math

import pytest
import torch
from lockin_stage import lockin

from populace.envs.lockin.beliefs import combine, pool
from populace.envs.lockin.state import Beliefs
from populace.rollout import rollout

WORLDS = 4096
ORDERS = ("peer", "signal-first", "simultaneous")


def exact_sd(g: float, order: str, rounds: int, users: int = 10) -> float:
    """Standard deviation of the assistant's mean after `rounds`, by the weights of one human's signals.

    Weights are kept in double precision and rescaled each round; sigma is 1.
    """
    private = [1.0]
    public = [1.0]
    said: list[float] = [0.0]
    for _ in range(rounds):
        width = len(private)
        new = [g * w for w in public]  # the assistant's, in units in which humans trust it by one
        heard = said + [0.0] * (width - len(said)) if order == "simultaneous" else new
        updated = [*private, 1.0]
        own = private if order == "peer" else updated
        heard = heard + [0.0] * (len(own) - len(heard))
        public = [a + b for a, b in zip(own, heard, strict=True)]
        said, private = new, updated
    # Each human's signals enter with weight / users of the precision; humans' signals are independent.
    total = sum(said)
    return math.sqrt(sum((w / total) ** 2 for w in said) / users)


@pytest.mark.parametrize(
    ("g", "order", "limit"),
    [
        (1.1, "peer", 0.06962),
        (1.5, "peer", 0.15779),
        (2.0, "peer", 0.21943),
        (1.1, "signal-first", 0.06901),
        (1.5, "signal-first", 0.14142),
        (2.0, "signal-first", 0.18257),
    ],
)
def test_limit_of_the_weights_is_the_closed_form(g: float, order: str, limit: float) -> None:
    """The recursion used below agrees with the closed forms, so that it may stand in for them at finite times."""
    assert exact_sd(g, order, 200) == pytest.approx(limit, abs=1e-5)
    if order == "peer":
        assert math.sqrt((g**2 + 1 / (g**2 - 1)) / 10) / (g + 1 / (g - 1)) == pytest.approx(limit, abs=1e-5)
    else:
        assert math.sqrt((g - 1) / (g + 1) / 10) == pytest.approx(limit, abs=1e-5)


@pytest.mark.parametrize("g", [1.1, 1.5, 2.0])
@pytest.mark.parametrize("order", ORDERS)
def test_locked_in_error(g: float, order: str) -> None:
    """Four standard errors of the sd with 4,096 worlds (sd / sqrt(2 W)); at g = 2 that tells the orders apart."""
    rounds = 160 if g == 1.1 else 60
    world, players, run = lockin(WORLDS, lambda_assistant=g / 10, order=order)
    run = rollout(world, players, run, rounds)
    mean = run.state.assistant.mean[:, 0]
    exact = exact_sd(g, order, rounds)
    sd = float(((mean - 0.42) ** 2).mean().sqrt())
    assert sd == pytest.approx(exact, abs=4 * exact / math.sqrt(2 * WORLDS))
    assert float(mean.mean()) == pytest.approx(0.42, abs=4 * exact / math.sqrt(WORLDS))


@pytest.mark.parametrize(
    ("g", "rounds", "simultaneous"), [(1.5, (60, 61), (0.102, 0.100)), (2.0, (60, 61), (0.136, 0.129))]
)
def test_simultaneous_order_alternates(g: float, rounds: tuple[int, int], simultaneous: tuple[float, float]) -> None:
    """Even and odd rounds are two interleaved processes."""
    found = sorted(exact_sd(g, "simultaneous", r) for r in rounds)
    assert found == pytest.approx(sorted(simultaneous), abs=6e-4)


def test_below_one_everyone_learns_the_truth() -> None:
    """g = .5: the sd falls as 1 / sqrt(N T), 1.00 of it at T = 1600; claims are too modest, never too bold."""
    world, players, run = lockin(512, lambda_assistant=0.05)
    run = rollout(world, players, run, 400)
    error = run.state.assistant.mean[:, 0] - 0.42
    scaled = float((error**2).mean().sqrt()) * math.sqrt(10 * 400)
    assert scaled == pytest.approx(1.0, abs=4 / math.sqrt(2 * 512))
    assert float(world.measure(run.state)["overconfident"].mean()) < 0.01


def test_above_one_it_is_certain_and_wrong() -> None:
    """g = 1.1: after 160 rounds nearly all worlds lie beyond two claimed standard deviations."""
    world, players, run = lockin(512, lambda_assistant=0.11)
    run = rollout(world, players, run, 160)
    assert float(world.measure(run.state)["overconfident"].mean()) > 0.99


def test_ten_thousand_rounds_do_not_overflow() -> None:
    """At g = 2 precision passes 2^10000."""
    world, players, run = lockin(1, lambda_assistant=0.2)
    run = rollout(world, players, run, 10_000)
    assert torch.isfinite(run.state.public.mean).all()
    assert float(run.state.assistant.log_precision[0, 0]) == pytest.approx(10_000 * math.log(2.0), rel=1e-3)


def test_combine_adds_natural_parameters() -> None:
    """Against the sums themselves, where these are small."""
    a = Beliefs(torch.tensor([[1.0]]).double(), torch.tensor([[0.3]]).double())
    b = Beliefs(torch.tensor([[-2.0]]).double(), torch.tensor([[1.1]]).double())
    both = combine(a, b)
    p, q = math.exp(0.3), math.exp(1.1)
    assert float(both.mean) == pytest.approx((p - 2 * q) / (p + q))
    assert float(both.log_precision) == pytest.approx(math.log(p + q))


def test_pool_of_nobody_is_nothing() -> None:
    """Trust of zero leaves a belief of no precision, and no NaN."""
    beliefs = Beliefs(torch.tensor([[1.0, 2.0]]).double(), torch.zeros(1, 2).double())
    pooled = pool(beliefs, torch.tensor([[0.0, 0.0], [0.0, 3.0]]).double())
    assert float(pooled.log_precision[0, 0]) < -1e29
    assert float(pooled.mean[0, 1]) == pytest.approx(2.0)
    assert float(pooled.log_precision[0, 1]) == pytest.approx(math.log(3.0))
    assert torch.isfinite(pooled.mean).all()


def test_a_full_matrix_says_the_same_as_the_scalars() -> None:
    """Three humans and one assistant."""
    rows = [[0.0, 0.0, 0.0, 0.7]] * 3 + [[0.4, 0.4, 0.4, 0.0]]
    ends = []
    for options in ({"trust": rows}, {"lambda_assistant": 0.4, "lambda_human": 0.7}):
        world, players, run = lockin(5, users=3, **options)
        ends.append(rollout(world, players, run, 30).state.assistant.mean)
    assert torch.allclose(ends[0], ends[1], atol=1e-6)


def test_silence_leaves_humans_to_their_signals() -> None:
    """Without an assistant a human's public belief is the mean of its own signals: sd 1 / sqrt(T)."""
    world, players, run = lockin(256, assistant="silent")
    run = rollout(world, players, run, 99)
    error = run.state.public.mean - 0.42
    assert float((error**2).mean().sqrt()) * math.sqrt(99) == pytest.approx(1.0, abs=4 / math.sqrt(2 * 2560))
