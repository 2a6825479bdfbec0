"""What the checks of `populace.testing` share: an actor for any role, comparisons to the bit, and fingerprints."""

import random
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor

from populace import tree
from populace.builder import OptionsLike, options_of, world_class
from populace.draw import Draw
from populace.equality import same_tensor
from populace.errors import PopulaceError
from populace.fields import Field
from populace.observation import Observation
from populace.policy import Actions, Memory, Policy
from populace.population import Population
from populace.run import Run, advance, restart, start
from populace.world import AnyWorld

Value = TypeVar("Value")


class CheckFailed(PopulaceError):
    """A check found a fault; the text says what is wrong and how to mend it."""


class AnyLegal(Policy):
    """Plays any role at random within ranges and masks, so that a world can be checked without policies of its own."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A legal action for every seat."""
        some = next(iter(observation.values()))
        worlds, seats = some.shape[:2]
        acts = {
            f.name: self._pick(f, observation.get(f"{f.name}_mask"), worlds, seats, draw)
            for f in observation.role.done_in(observation.phase)
            if f.kind != "text"
        }
        for f in observation.role.done_in(observation.phase):
            if f.kind == "text":  # some seats speak, and the others leave it to the world's phrases
                (said,) = observation.reader.words.put(["Some words, as anybody may say them."])
                speaks = draw.uniform(f.name, seats, *f.shape) < 0.5
                acts[f.name] = speaks.to(torch.int64) * said
        return acts, memory

    @staticmethod
    def _pick(f: Field, mask: Tensor | None, worlds: int, seats: int, draw: Draw) -> Tensor:
        shape = (seats, *f.shape)
        if f.kind == "flag":
            return draw.uniform(f.name, *shape) < 0.5
        if f.kind == "choice":
            if mask is not None:
                return draw.categorical(f.name, mask.float())
            return draw.integers(f.name, 0, len(f.labels), *shape)
        if f.kind == "count":
            least = 0 if f.low == -float("inf") else int(f.low)
            return draw.integers(f.name, least, least + 4 if f.high == float("inf") else int(f.high) + 1, *shape)
        low, high = max(f.low, -1e3), min(f.high, 1e3)
        if f.low == -float("inf") or f.high == float("inf"):
            return draw.normal(f.name, *shape).clamp(low, high)
        return low + (high - low) * draw.uniform(f.name, *shape)


def made(
    world: type[AnyWorld] | str, options: OptionsLike, users: int, population: Population | None
) -> tuple[AnyWorld, Population]:
    """A world and its people, from an id, `module:class` or class, and options or a mapping of them.

    Raises:
        CheckFailed: They cannot be built.
    """
    try:
        kind = world_class(world)
        checked = options_of(kind, options)
        with blame(f"{kind.__name__}.population({users}, options)"):
            people = population if population is not None else kind.population(users, checked)
        if people is None:
            raise CheckFailed(f"{kind.__name__}.population() gives nobody: pass population=... to the check")
        with blame(f"building {kind.__name__}"):
            return kind(checked, people.census), people
    except CheckFailed:
        raise
    except PopulaceError as error:
        raise CheckFailed(str(error)) from error


@contextmanager
def about(where: str) -> Iterator[None]:
    """Begin the text of any failure inside with where it was found."""
    try:
        with blame(where):
            yield
    except CheckFailed as error:
        text = str(error)
        raise CheckFailed(text if text.startswith(where) else f"{where}: {text}") from error


@contextmanager
def blame(what: str) -> Iterator[None]:
    """Turn any error inside into a CheckFailed that names `what`."""
    try:
        yield
    except CheckFailed:
        raise
    except Exception as error:
        raise CheckFailed(f"{what} failed with {type(error).__name__}: {error}") from error


@contextmanager
def no_global_randomness(what: str) -> Iterator[None]:
    """Fail if the global generators of Python, NumPy or torch were used or seeded inside."""
    before = _global_generators()
    yield
    after = _global_generators()
    used = [name for name, a, b in zip(("random", "numpy.random", "torch"), before, after, strict=True) if a != b]
    if used:
        raise CheckFailed(
            f"{what} uses the global random numbers of {', '.join(used)}: take every number from the draw it is given"
        )


def _global_generators() -> tuple[Any, bytes, bytes]:
    numbers: Any = np.random.get_state(legacy=False)  # noqa: NPY002
    state = numbers["state"]
    return random.getstate(), state["key"].tobytes() + bytes(str(state["pos"]), "ascii"), _bytes(torch.get_rng_state())


def _bytes(tensor: Tensor) -> bytes:
    return tensor.numpy().tobytes()


def play(
    world: AnyWorld,
    policies: Mapping[str, Policy],
    population: Population,
    ids: Tensor,
    ticks: int,
    *,
    seed: int,
    horizon: int = 3,
    between: Callable[[Run], Run] | None = None,
    check: bool = False,
) -> tuple[Run, list[object]]:
    """Play, with autoreset; return the run and what each phase gave: state, rewards, measures, ended."""
    run = start(world, policies, population, seed=seed, worlds=ids)
    record: list[object] = [run.state]
    for _ in range(ticks * len(world.phases)):
        if run.phase == 0 and run.clock and (world.ends or run.clock % horizon == 0):
            run = restart(world, policies, run, run.done | (run.clock % horizon == 0))
        if between is not None:
            run = between(run)
        run, step = advance(world, policies, run, check=check)
        record.append((step.state, dict(step.rewards), dict(step.measures), run.done))
    return run, record


def same(a: object, b: object) -> bool:
    """Whether two values are equal to the bit; NaN equals NaN."""
    mine, yours = list(tree.tensors(a)), list(tree.tensors(b))
    if len(mine) != len(yours):
        return False
    return all(same_tensor(x, y) for x, y in zip(mine, yours, strict=True))


def where_differs(a: Sequence[object], b: Sequence[object], phases: tuple[str, ...]) -> str:
    """The first place at which two records differ, in words; '' if nowhere."""
    for i, (x, y) in enumerate(zip(a, b, strict=True)):
        if not same(x, y):
            if i == 0:
                return "already at the start of the episode (begin)"
            tick, phase = divmod(i - 1, len(phases))
            parts = ("state", "rewards", "measures", "ended")
            assert isinstance(x, tuple)
            assert isinstance(y, tuple)
            what = [part for part, u, v in zip(parts, x, y, strict=True) if not same(u, v)]
            return f"in tick {tick}, phase {phases[phase]!r} ({', '.join(what)})"
    return ""


def copied(value: Value) -> Value:
    """A deep copy of a value's tensors."""
    return tree.tree_map(lambda tensor: tensor.clone(), value)


def fingerprint(thing: object) -> dict[str, str]:
    """What an object keeps in `self`, in words; cached properties may come and go."""
    cached = {n for kind in type(thing).__mro__ for n, v in vars(kind).items() if isinstance(v, cached_property)}
    found = {}
    for name, value in vars(thing).items():
        if name in cached:
            continue
        if isinstance(value, Tensor):
            found[name] = f"{value.shape} {value.detach().cpu().numpy().tobytes().hex()}"
        else:
            found[name] = repr(value)
    return found


def kept(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """The attributes that changed."""
    return sorted(name for name in {*before, *after} if before.get(name) != after.get(name))


def out_of_range(f: Field, value: Tensor) -> str:
    """What of a field's values is not legal, in words; '' if all is."""
    if value.is_floating_point() and bool(value.isnan().any()):
        return "NaN"
    if f.kind == "flag" or value.numel() == 0:
        return ""
    low, high = (0, len(f.labels) - 1) if f.kind == "choice" else (f.low, f.high)
    wrong = (value < low) | (value > high)
    return f"{value[wrong][0].item()} outside [{low:g}, {high:g}]" if bool(wrong.any()) else ""
