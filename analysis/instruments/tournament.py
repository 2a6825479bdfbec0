"""Rank assistants from pairwise matches: three schedules, one Bradley-Terry fitter.

Single elimination follows Varco Arena (arXiv 2411.01281): a fresh random bracket for every prompt, n - 1 matches each,
all matches pooled into one rating. Against random pairing with the same number of matches it is a tie; the gain is over
anchoring (every model against one reference), as the tests show.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

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


def bradley_terry(matches: Matches, models: int, ridge: float = 0.01) -> NDArray[np.float64]:
    """Strengths [models] with P(i beats j) = 1 / (1 + exp(s_j - s_i)), by penalised likelihood (ridge on squares).

    The penalty keeps the strength of a model that never lost finite; the mean strength is 0.
    """
    winners, losers = matches

    def loss(s: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
        gap = s[winners] - s[losers]
        slope = -expit(-gap)
        gradient = np.bincount(winners, slope, models) - np.bincount(losers, slope, models) + 2 * ridge * s
        return float(np.logaddexp(0, -gap).sum() + ridge * (s @ s)), gradient

    s = minimize(loss, np.zeros(models), jac=True, method="L-BFGS-B").x
    centred: NDArray[np.float64] = s - s.mean()
    return centred
