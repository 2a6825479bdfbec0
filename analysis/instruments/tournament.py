"""Rank assistants from pairwise matches: three schedules, one Bradley-Terry fitter.

Single elimination follows Varco Arena (arXiv 2411.01281): a fresh random bracket for every prompt, n - 1 matches each,
all matches pooled into one rating. Against random pairing with the same number of matches it is a tie; the gain is over
anchoring (every model against one reference), as the tests show.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse.csgraph import connected_components
from scipy.special import expit
from scipy.stats import norm

from populace.analysis.intervals import CONFIDENCE, Floats
from populace.equality import Result

Match = Callable[[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]], NDArray[np.bool_]]
"""(prompts [k], first [k], second [k]) -> whether the first wins [k]."""

Matches = tuple[NDArray[np.int64], NDArray[np.int64]]
"""Winners [matches] and losers [matches]."""


def single_elimination(match: Match, models: int, prompts: int, rng: np.random.Generator) -> Matches:
    """A random bracket for every prompt; byes fill the first round up to a power of two.

    Args:
        match: Who wins.
        models: How many compete.
        prompts: How many brackets.
        rng: Draws the brackets.

    Returns:
        Winners and losers of all prompts * (models - 1) matches.
    """
    size = 1 << (models - 1).bit_length()
    order = np.argsort(rng.random((prompts, models)), axis=1)
    # Seat j of the bracket meets seat size - 1 - j first, so the first size - models seats have a bye.
    alive = np.full((prompts, size), -1, dtype=np.int64)
    alive[:, :models] = order
    winners, losers = [], []
    rows = np.arange(prompts)
    while alive.shape[1] > 1:
        half = alive.shape[1] // 2
        first, second = alive[:, :half], alive[:, : half - 1 : -1]
        played = (first >= 0) & (second >= 0)
        prompt = np.broadcast_to(rows[:, None], first.shape)[played]
        won = match(prompt, first[played], second[played])
        winners.append(np.where(won, first[played], second[played]))
        losers.append(np.where(won, second[played], first[played]))
        alive = np.where(second < 0, first, -1)
        alive[played] = winners[-1]
    return np.concatenate(winners), np.concatenate(losers)


def random_pairs(match: Match, models: int, prompts: int, rng: np.random.Generator) -> Matches:
    """As many matches as `single_elimination` plays, between pairs drawn at random."""
    count = prompts * (models - 1)
    first = rng.integers(0, models, count)
    second = (first + rng.integers(1, models, count)) % models
    won = match(np.repeat(np.arange(prompts), models - 1), first, second)
    return np.where(won, first, second), np.where(won, second, first)


def anchored(match: Match, models: int, prompts: int, anchor: int) -> NDArray[np.float64]:
    """Every model against `anchor` on every prompt: win rates [models] (the anchor's own is 1/2)."""
    prompt, first = (grid.ravel() for grid in np.meshgrid(np.arange(prompts), np.arange(models), indexing="ij"))
    won = match(prompt, first, np.full_like(first, anchor)).reshape(prompts, models).mean(0)
    won[(np.arange(models) == anchor)] = 0.5
    return won


@dataclass(frozen=True, eq=False)
class Strengths(Result):
    """Bradley-Terry strengths with P(i beats j) = 1 / (1 + exp(s_j - s_i)); their mean is 0.

    Attributes:
        strength: [models]; NaN for models that no chain of matches joins to the most.
        low: [models] lower ends of Wald intervals.
        high: [models] upper ends.
        matches: [models] matches that each played.
        note: What limits the strengths, or nothing.
    """

    strength: Floats
    low: Floats
    high: Floats
    matches: NDArray[np.int64]
    note: str = ""


def strengths(matches: Matches, models: int, confidence: float = CONFIDENCE) -> Strengths:
    """Strengths from matches by Firth's penalised likelihood, with intervals.

    The plain likelihood takes strengths too far apart when matches are few (with 8 models of ±1 and 3 brackets they
    come out as ±1.8) and puts a model that never lost at infinity. Jeffreys' prior, log likelihood +
    log det(information) / 2, removes the bias of first order and keeps them finite (D. Firth 1993, Biometrika 80:27);
    for two models it adds half a win to each. Matches are taken as independent given strengths, which they are not
    where a judge favours models on single prompts.

    Args:
        matches: Winners and losers.
        models: How many there are.
        confidence: Nominal coverage of the intervals; with few matches they cover more.
    """
    wins = np.zeros((models, models))
    np.add.at(wins, matches, 1.0)
    played = wins + wins.T
    groups = connected_components(played, directed=False)[1]
    joined = groups == np.bincount(groups).argmax()
    found = np.full((3, models), np.nan)
    if joined.sum() > 1:
        s, error = _firth(wins[np.ix_(joined, joined)])
        half = float(norm.ppf(0.5 + confidence / 2)) * error
        found[:, joined] = s, s - half, s + half
    apart = int((~joined).sum()) if joined.sum() > 1 else models
    note = f"{apart} of {models} models have no strength: no chain of matches joins them to the others" if apart else ""
    return Strengths(found[0], found[1], found[2], played.sum(1).astype(np.int64), note)


def bradley_terry(matches: Matches, models: int) -> Floats:
    """The strengths alone, [models]; see `strengths`."""
    return strengths(matches, models).strength


def _firth(wins: Floats) -> tuple[Floats, Floats]:
    """Strengths [models] and their standard errors, from wins [models, models] of models that are all joined."""
    models, played, s = len(wins), wins + wins.T, np.zeros(len(wins))

    def state(s: Floats) -> tuple[float, Floats, Floats]:
        """Penalised log likelihood, chances and information; a constant fills the direction that strengths lack."""
        gap = s[:, None] - s
        chance = expit(gap)
        weight = played * chance * (1 - chance)
        information = np.diag(weight.sum(1)) - weight + 1 / models
        return (
            0.5 * float(np.linalg.slogdet(information)[1]) - float((wins * np.logaddexp(0, -gap)).sum()),
            chance,
            information,
        )

    value, chance, information = state(s)
    for _ in range(100):
        cover = np.linalg.inv(information)
        own = cover.diagonal()
        leverage = played * chance * (1 - chance) * (own[:, None] + own - 2 * cover)
        slope = (wins * (1 - chance) - wins.T * chance + leverage * (0.5 - chance)).sum(1)
        step = cover @ slope
        if np.abs(step).max() < 1e-10:
            break
        for _ in range(30):
            trial = state(s + step)
            if trial[0] >= value:
                break
            step = step / 2
        s, (value, chance, information) = s + step, trial
    # The constant stands for the mean, which is 0 and known.
    error = np.sqrt(np.linalg.inv(information).diagonal() - 1 / models)
    return s - s.mean(), error
