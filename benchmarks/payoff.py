"""The payoff and matrix worlds, and the solvers beside nashpy."""

import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import nashpy
import numpy as np
import torch

from benchmarks import timing
from populace.envs.matrix import Matrix
from populace.envs.payoff import Payoff
from populace.games import bargaining, correlated, mixed, pure
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import rollout
from populace.run import start


def games_a_second(
    kind: type[Any], options: Mapping[str, Any], agents: Mapping[str, Any], worlds: int, seats: int, ticks: int = 4
) -> float:
    """Games a second of whole ticks: observe, policies, the world. A game is a pair of players, or a user's turn."""
    chosen = kind.Options.model_validate(options)
    population = PlainPopulation(seats, ()) if kind is Matrix else kind.population(seats, chosen)
    world = kind(chosen, population.census)
    players = {}
    for role, (name, given) in agents.items():
        found = policies.get(name, within="payoff")
        players[role] = found(found.Options.model_validate(given))
    run = start(world, players, population, seed=0, worlds=worlds)
    games = worlds * (seats // 2 if kind is Matrix else seats)
    return timing.per_second(lambda: rollout(world, players, run, ticks), games * ticks, seconds=3.0)


def worlds() -> Iterator[timing.Row]:
    """Whole ticks of one-shot games, in batches that stay in the cache (`--batch` of the command line)."""
    dilemma = {"game": "prisoners_dilemma", "matching": "pairs"}
    for name, given in (("always", {}), ("random", {}), ("best-response", {}), ("tit-for-tat", {}), ("logit", {})):
        found = games_a_second(Matrix, dilemma, {"player": (name, given)}, 8, 8192)
        yield f"one-shot prisoner's dilemma, {name}", found / 1e6, "M games/s", "aim 10"
    shuffled = games_a_second(Matrix, {**dilemma, "matching": "random"}, {"player": ("best-response", {})}, 8, 8192)
    yield "the same, matched anew each tick, best-response", shuffled / 1e6, "M games/s", ""
    one_shot = {"turns": 1, "accuracy": "logged", "noise": 0.0, "misread": 0.0}
    always = {"user": ("always", {"act": "clear"}), "assistant": ("always", {"act": "both"})}
    plain = games_a_second(Payoff, {**one_shot, "games": False}, always, 8, 4096)
    yield "GTAlign's game, one turn, players that need not see it", plain / 1e6, "M games/s", "aim 10"
    shown = {"user": ("best-response", {}), "assistant": ("best-response", {})}
    seen = games_a_second(Payoff, one_shot, shown, 8, 2048)
    yield "GTAlign's game, one turn, both see their games and reply best", seen / 1e6, "M games/s", "aim 10"
    rich = {"conflict": 0.5, "stated": True, "harm": {"share": 0.2}, "pricing": {"policy": "per_token"}}
    full = games_a_second(Payoff, rich, {"user": ("best-response", {}), "assistant": ("cobb-douglas", {})}, 16, 1024)
    yield "five turns, all options on, Cobb-Douglas optimiser", full / 1e6, "M games/s", ""


def seconds_a_game(work: Callable[[], object], games: int) -> float:
    """Seconds a game, the best of a few windows."""
    return 1.0 / timing.per_second(work, games, seconds=1.5)


def solvers(games: int = 200_000, few: int = 300) -> Iterator[timing.Row]:
    """Solvers on random 2 x 3 games, beside nashpy game by game."""
    numbers = np.random.default_rng(0).normal(size=(games, 2, 3, 2))
    batch = torch.tensor(numbers)
    warnings.simplefilter("ignore", RuntimeWarning)  # nashpy warns of even numbers of equilibria
    theirs = [nashpy.Game(g[..., 0], g[..., 1]) for g in numbers[:few]]

    def each(solve: Callable[[Any], object]) -> float:
        began = time.perf_counter()
        for game in theirs:
            solve(game)
        return (time.perf_counter() - began) / few

    supports = each(lambda game: list(game.support_enumeration()))
    vertices = each(lambda game: list(game.vertex_enumeration()))
    cells = [(np.eye(2)[i], np.eye(3)[j]) for i in range(2) for j in range(3)]
    checks = each(lambda game: [game.is_best_response(*pair) for pair in cells])
    found = seconds_a_game(lambda: pure.pure_nash(batch), games)
    yield "nashpy support_enumeration, 2 x 3", 1e3 * supports, "ms a game", "loses 3 % of mixed equilibria"
    yield "nashpy is_best_response on the 6 cells", 1e3 * checks, "ms a game", "pure equilibria only"
    yield "pure equilibria", 1e6 * found, "us a game", ""
    yield "  over support enumeration", supports / found, "times", "aim 5,000"
    yield "  over the pure check", checks / found, "times", "the like-for-like baseline"
    part = batch[:20_000]
    all_ = seconds_a_game(lambda: mixed.mixed_nash(part), len(part))
    yield "all equilibria", 1e6 * all_, "us a game", f"{vertices / all_:,.0f} times vertex enumeration"
    for name, solve in (
        ("correlated equilibrium", lambda: correlated.correlated_equilibrium(part)),
        ("commitment to a mixture", lambda: correlated.stackelberg_mixed(part)),
        ("pure commitment", lambda: pure.stackelberg(part)),
        ("classes of games", lambda: pure.classify(part)),
        ("Nash bargaining with lotteries", lambda: bargaining.bargain(part, "nash")),
        ("Kalai-Smorodinsky with lotteries", lambda: bargaining.bargain(part, "kalai_smorodinsky")),
    ):
        yield name, 1e6 * seconds_a_game(solve, len(part)), "us a game", ""


def main() -> None:
    """Print all rows; those below their aim are printed like the others."""
    for rows in (worlds(), solvers()):
        for what, amount, unit, remark in rows:
            shown = f"{amount:,.3f}" if isinstance(amount, float) else amount
            print(f"{what:<64} {shown:>14} {unit:<12} {remark}")


if __name__ == "__main__":
    main()
