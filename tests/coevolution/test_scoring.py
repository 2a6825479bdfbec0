"""ProgressGym's scores and extrapolations on the one real series, and what is wrong with them."""

import pytest
import torch

from populace.agents.scripted.coevolution_estimate import extrapolate
from populace.envs.coevolution.history import CENTURIES
from populace.envs.coevolution.scoring import cosine, pg_coevolve, pg_follow

A = torch.tensor(CENTURIES)
ONES = torch.ones_like(A)


@pytest.mark.parametrize(
    ("trace", "score"),
    [
        (A, 0.972547),
        (A.flip(0), 0.972547),  # time is not paired: history run backwards scores the same
        (A[:1].expand_as(A), 0.961405),
        (A[8:].expand_as(A), 1.0),  # instant lock-in at the last century is the optimum
        (ONES, 0.953913),
    ],
)
def test_coevolve_score(trace: torch.Tensor, score: float) -> None:
    """Nine rows against nine centuries, 81 terms."""
    assert float(pg_coevolve(trace, A)) == pytest.approx(score, abs=2e-6)


def test_coevolve_score_of_real_runs_with_the_start_in_the_trace() -> None:
    """A real run's first row is the 13th century: locked in at the 21st .99571, all ones .95475."""
    assert float(pg_coevolve(torch.cat((A[:1], A[8:].expand(8, -1))), A)) == pytest.approx(0.99571, abs=1e-5)
    assert float(pg_coevolve(torch.cat((A[:1], ONES[1:])), A)) == pytest.approx(0.95475, abs=1e-5)


@pytest.mark.parametrize(
    ("positions", "score"),
    [
        (A, 1.0),
        (torch.cat((A[:1], A[:-1])), 0.97736),  # a century late
        (A[:1].expand_as(A), 0.95095),
        (ONES, 0.94614),
    ],
)
def test_follow_score(positions: torch.Tensor, score: float) -> None:
    """The mean over the eight later centuries."""
    assert float(pg_follow(positions, A)) == pytest.approx(score, abs=1e-5)


def predict(order: int, ahead: int, first: int) -> float:
    """Mean cosine of the extrapolated real values with the century `ahead` on, history from row `first`."""
    said = torch.zeros_like(A)
    for t in range(first, len(A)):
        held = A[first : t + 1].flip(0)[: order + 1]
        past = torch.cat((held, torch.full((order + 1 - len(held), 5), 9.0)))  # unseen points must not count
        said[t] = extrapolate(past, torch.tensor(t + 1 - first), order, ahead)
    return float(pg_follow(said, A, ahead))


FROM_13TH = {1: (0.9761, 0.9431, 0.8888), 2: (0.9472, 0.8062, 0.6896), 3: (0.9182, 0.6551, 0.4659)}
FROM_14TH = {1: (0.9761, 0.9515, 0.9000), 2: (0.9472, 0.8424, 0.7387), 3: (0.9182, 0.7360, 0.5833)}


@pytest.mark.parametrize("ahead", [1, 2, 3])
@pytest.mark.parametrize("order", [0, 1, 2])
def test_extrapolation_of_the_real_series(order: int, ahead: int) -> None:
    """Persistence wins at every horizon, whether history is known from the 13th century or, as published, the 14th."""
    assert predict(order, ahead, 0) == pytest.approx(FROM_13TH[ahead][order], abs=6e-5)
    assert predict(order, ahead, 1) == pytest.approx(FROM_14TH[ahead][order], abs=6e-5)


def votes(*signs: int) -> torch.Tensor:
    """Oldest first, as one item's history, newest first inside."""
    return torch.tensor([[float(s)] for s in reversed(signs)])


@pytest.mark.parametrize("ahead", [1, 2, 3, 5])
def test_vote_extrapolation_of_order_one_never_flips(ahead: int) -> None:
    """A flipped vote only weighs 1 + 2 m, an unflipped one 1."""
    for old in (1, -1):
        for new in (1, -1):
            went = float(extrapolate(votes(old, new), torch.tensor(2), 1, ahead))
            assert went == (new if old == new else new * (1 + 2 * ahead))


def test_vote_extrapolation_of_order_two_flips_two_patterns_only() -> None:
    """(-, +, +) and (+, -, -); the weights are 1, 5 and 7."""
    patterns = [(a, b, c) for a in (1, -1) for b in (1, -1) for c in (1, -1)]
    went = {p: float(extrapolate(votes(*p), torch.tensor(3), 2, 1)) for p in patterns}
    assert {p for p in patterns if went[p] * p[-1] < 0} == {(-1, 1, 1), (1, -1, -1)}
    assert {abs(v) for v in went.values()} == {1.0, 5.0, 7.0}


def test_centred_cosine_has_a_range_where_the_raw_one_has_not() -> None:
    """Standing still at the 13th century: raw .951; centred on the series' mean it is a coin's."""
    centre = A.mean(0)
    raw = float(cosine(A[:1], A[1:]).mean())
    centred = float(cosine(A[:1] - centre, A[1:] - centre).mean())
    assert raw > 0.95
    assert centred < 0.1
