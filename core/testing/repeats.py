"""The part of `check_world` that plays the same worlds again: alone, in other batches, and stopped and resumed."""

import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from populace import tree
from populace.draw import Draw
from populace.errors import DrawnTwice
from populace.policy import Policy
from populace.population import Population
from populace.run import Run
from populace.testing.tools import CheckFailed, blame, play, where_differs
from populace.world import AnyWorld


def check_draws(
    world: AnyWorld, players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int, ticks: int
) -> None:
    """Check that no purpose is drawn twice."""
    try:
        play(world, players, people, ids[:2], ticks, seed=seed, check=True)
        draw = Draw.of(seed, ids, check=True)
        world.begin(people.sample(draw.scope("population")), draw.scope("begin"))
    except DrawnTwice as error:
        raise CheckFailed(str(error)) from error


def check_bits(
    world: AnyWorld, players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int, ticks: int
) -> None:
    """The same bits alone, in the batch, in reversed order, and with one thread or two."""
    threads = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        whole = play(world, players, people, ids, ticks, seed=seed)[1]
        torch.set_num_threads(2)
        _compare(world, whole, play(world, players, people, ids, ticks, seed=seed)[1], "with two threads")
        back = play(world, players, people, ids.flip(0), ticks, seed=seed)[1]
        _compare(world, [tree.take(part, ids.flip(0)) for part in back], whole, "in a batch of another order")
        for number in range(len(ids)):
            alone = play(world, players, people, ids[number : number + 1], ticks, seed=seed)[1]
            part = [tree.take(item, torch.tensor([number])) for item in whole]
            _compare(world, part, alone, "alone")
    finally:
        torch.set_num_threads(threads)


def _compare(world: AnyWorld, a: list[Any], b: list[Any], how: str) -> None:
    if place := where_differs(a, b, world.phases):
        raise CheckFailed(
            f"a world is not the same to the bit {how}: it differs {place}. Let no world see another (reduce over "
            "dimension 1 and up only), draw with the world's own draw, and use the safe forms of populace.numerics "
            "(docs/architecture.md, Bits)"
        )


def check_resume(world: AnyWorld, players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int) -> None:
    """Save and load in every phase of two ticks: the run goes on as if it had never stopped."""
    through = play(world, players, people, ids, 2, seed=seed)[1]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "run.pt"

        def stop(run: Run) -> Run:
            with blame("saving and loading a run (states must be importable dataclasses of tensors and constants)"):
                run.save(path)
                return replace(Run.load(path, packages=tree.packages_of(run)))

        stopped = play(world, players, people, ids, 2, seed=seed, between=stop)[1]
    if place := where_differs(through, stopped, world.phases):
        raise CheckFailed(
            f"a run that was saved and loaded goes on differently: it differs {place}. Whatever later ticks need must "
            "be in the state, in fields that are arguments of the dataclass"
        )
