"""The check of a world; see populace.testing."""

import dataclasses
import re
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
from populace.fields import Field, Role
from populace.policy import Policy
from populace.population import Population
from populace.run import Run, advance, see, start
from populace.testing.tools import (
    AnyLegal,
    CheckFailed,
    blame,
    copied,
    fingerprint,
    kept,
    made,
    no_global_randomness,
    out_of_range,
    play,
    same,
    where_differs,
)
from populace.world import World

_ID = re.compile(r"[\w.-]+/[\w.-]+-v\d+")


def check_world(
    world: type[World[Any]] | str,
    options: object | None = None,
    *,
    users: int = 6,
    population: Population | None = None,
    policies: Mapping[str, Policy] | None = None,
    worlds: int = 4,
    ticks: int = 5,
    seed: int = 0,
) -> None:
    """Check a world against its contract.

    Declarations and forfeits; observations within their fields, without undeclared or private ones; purity; the same
    bits alone, in a batch, in another order and with one thread or two; the same bits after a resume in any phase;
    no purpose drawn twice; no global random state; shapes of rewards, measures and ends; a society of one.

    Args:
        world: The class, id or `module:class`.
        options: Its options or a mapping of them.
        users: How many, where no population is given.
        population: Whom to sample.
        policies: Role -> policy; roles not named play at random within their ranges and masks.
        worlds: Worlds in the batch.
        ticks: Ticks to play.
        seed: The seed.

    Raises:
        CheckFailed: The first fault found.
    """
    with blame("building the world"):
        stage, people = made(world, options, users, population)
    _declared(stage)
    players = {name: AnyLegal() for name, role in stage.cast.items() if role.phases and role.does}
    players.update(policies or {})  # type: ignore[arg-type]
    ids = torch.arange(worlds)
    before = fingerprint(stage)
    with no_global_randomness(type(stage).__name__):
        _phases(stage, players, people, ids, seed, ticks)
    if changed := kept(before, fingerprint(stage)):
        raise CheckFailed(
            f"{type(stage).__name__} keeps {', '.join(changed)} in self: what changes belongs in the state, "
            "or it is lost when a run is saved and shared between worlds"
        )
    _random_numbers(stage, players, people, ids, seed, ticks)
    _bits(stage, players, people, ids, seed, ticks)
    _resume(stage, players, people, ids, seed)
    if population is None:
        with blame("a world with one user"):
            single, one = made(world, options, 1, None)
            play(single, players, one, ids[:1], 2, seed=seed)


def _declared(world: World[Any]) -> None:
    name = type(world).__name__
    if not _ID.fullmatch(getattr(world, "id", "")):
        raise CheckFailed(f"{name}.id is {getattr(world, 'id', None)!r}; expected 'namespace/name-v0'")
    with blame(f"{name}.roles"):
        roles = tuple(world.roles())
    if not roles or not all(isinstance(role, Role) for role in roles):
        raise CheckFailed(f"{name}.roles gives {roles!r}; expected one populace.fields.Role or more")
    if len({role.name for role in roles}) != len(roles):
        raise CheckFailed(f"{name} has two roles of the same name: {[role.name for role in roles]}")
    for role in roles:
        _role(world, role)


def _role(world: World[Any], role: Role) -> None:
    if strange := set(role.phases) - set(world.phases):
        raise CheckFailed(f"the role {role.name!r} acts in {sorted(strange)}, but the phases are {world.phases}")
    if role.seats < 1:
        raise CheckFailed(f"the role {role.name!r} has {role.seats} seats: a role needs one at least")
    for fields in (role.sees, role.does):
        names = [f.name for f in fields]
        if len(set(names)) != len(names):
            raise CheckFailed(f"the role {role.name!r} has two fields of the same name: {names}")
    for f in (*role.sees, *role.does):
        if f.kind == "choice" and not f.labels:
            raise CheckFailed(f"{role.name}'s choice {f.name!r} has no labels: name its options")
        if strange := set(f.phases or ()) - set(role.phases):
            raise CheckFailed(f"{role.name}'s {f.name!r} is for {sorted(strange)}, when the role does not act")
    for phase in role.phases:
        if not role.done_in(phase):
            raise CheckFailed(f"the role {role.name!r} acts in {phase!r} but has nothing to do there")
    for f in role.does:
        _repeats(role, f)
        for what, value in (("forfeit", f.empty(1, 1)), ("default", f.omitted(1, 1))):
            if fault := out_of_range(f, value):
                raise CheckFailed(f"the {what} of {role.name}'s {f.name!r} is {fault}: set {what}= to a legal value")


def _repeats(role: Role, f: Field) -> None:
    """A default that repeats what is seen must be seen whenever the field is done, in the same form."""
    if not isinstance(f.default, str):
        return
    for phase in (phase for phase in role.phases if f.in_phase(phase)):
        seen = {s.name: s for s in role.seen_in(phase)}.get(f.default)
        if seen is None or (seen.shape, seen.dtype) != (f.shape, f.dtype):
            raise CheckFailed(
                f"the default of {role.name}'s {f.name!r} is {f.default!r}: name a field it sees in phase {phase!r}, "
                f"of shape {f.shape} and {f.dtype}, or set a number"
            )


def _phases(
    world: World[Any], players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int, ticks: int
) -> None:
    """Look at every phase of some ticks: observations, purity, and the shapes of what comes back."""
    with blame("begin"):
        run = start(world, players, people, seed=seed, worlds=ids)
    _state(world, run)
    for _ in range(ticks * len(world.phases)):
        phase = world.phases[run.phase]
        before = copied(run.state)
        for role in world.acting[phase]:
            _observation(world, run, role)
        with blame(f"advance in phase {phase!r}"):
            first, step = advance(world, players, run)
            second, step_again = advance(world, players, run)
        if not same(before, run.state):
            raise CheckFailed(f"phase {phase!r} changes the state in place: return a new state (dataclasses.replace)")
        if not same(
            (first.state, dict(step.rewards), dict(step.measures)),
            (second.state, dict(step_again.rewards), dict(step_again.measures)),
        ):
            raise CheckFailed(
                f"phase {phase!r} gives something else for the same state, actions and draw: take random numbers from "
                "the draw only and keep nothing in self"
            )
        _step(world, run, step, phase)
        run = first
        _state(world, run)


def _observation(world: World[Any], run: Run, role: Role) -> None:
    phase, worlds = world.phases[run.phase], len(run.worlds)
    with blame(f"observe for {role.name!r} in phase {phase!r}"):
        found = world.observe(run.state, role.name, phase)
    if not (isinstance(found, Mapping) and all(isinstance(value, Tensor) for value in found.values())):
        raise CheckFailed(f"observe for {role.name!r} in phase {phase!r} must give field -> tensor, got {found!r}")
    declared = {f.name: f for f in role.seen_in(phase, private=True)}
    masks = {f"{f.name}_mask": f for f in (*declared.values(), *role.done_in(phase)) if f.masked}
    for name in found:
        if name not in declared and name not in masks:
            raise CheckFailed(
                f"observe shows {role.name!r} a {name!r} in phase {phase!r} that it does not declare: add a Field to "
                "sees, or drop it (undeclared knowledge could leak the truth)"
            )
    for name, f in declared.items():
        if name not in found:
            raise CheckFailed(
                f"observe does not show {role.name!r} its {name!r} in phase {phase!r}: declare its phases"
            )
        value, shape = found[name], (worlds, role.seats, *f.shape)
        if tuple(value.shape) != shape or value.dtype != f.dtype:
            raise CheckFailed(
                f"{role.name}'s {name!r} must be {f.dtype} of shape {shape} [worlds, seats, ...], got {value.dtype} "
                f"of shape {tuple(value.shape)}"
            )
        if fault := out_of_range(f, value):
            raise CheckFailed(f"{role.name} sees {fault} as {name!r} in phase {phase!r}: declare the range it has")
        if value.is_floating_point() and bool(value.isinf().any()):
            raise CheckFailed(
                f"{role.name} sees infinity as {name!r} in phase {phase!r}: show a finite number, and what infinity "
                "meant as a flag of its own (learners cannot train on what is not finite)"
            )
    for name, f in masks.items():
        mask, shape = found.get(name), (worlds, role.seats, *f.shape, len(f.labels))
        if mask is None or tuple(mask.shape) != shape or mask.dtype != torch.bool:
            raise CheckFailed(f"{role.name}'s {f.name!r} is masked: observe must give {name!r}, bool of shape {shape}")
        if name.removesuffix("_mask") in {g.name for g in role.does} and not bool(mask.any(-1).all()):
            raise CheckFailed(f"{name!r} forbids some seat of {role.name!r} every option: leave one legal")
    _private(world, run, role, found)


def _private(world: World[Any], run: Run, role: Role, found: Mapping[str, Tensor]) -> None:
    phase = world.phases[run.phase]
    secret = [f.name for f in role.seen_in(phase, private=True) if f.private]
    for hidden in secret:
        for f in role.seen_in(phase):
            value, truth = found[f.name], found[hidden]
            if value.shape == truth.shape and len(truth.unique()) > 1 and torch.equal(value, truth):
                raise CheckFailed(f"{role.name} sees {f.name!r}, which equals its private {hidden!r}: the truth leaks")
    dialogue = world.dialogue()
    if dialogue is not None:
        with blame(f"the text face for {role.name!r} in phase {phase!r} (it must do without private fields)"):
            dialogue.say(see(world, run, role))


def _state(world: World[Any], run: Run) -> None:
    state, worlds = run.state, len(run.worlds)
    parameters = getattr(type(state), "__dataclass_params__", None)
    if not dataclasses.is_dataclass(state) or not getattr(parameters, "frozen", False):
        raise CheckFailed(f"the state is a {type(state).__name__}; expected a frozen dataclass of tensors")
    for tensor in tree.tensors(state, shared=False):
        if tensor.dim() == 0 or tensor.shape[0] != worlds:
            raise CheckFailed(
                f"the state holds a tensor of shape {tuple(tensor.shape)} with {worlds} worlds: its first dimension "
                "must be the world, or its field be declared shared()"
            )
    for role in world.cast.values():
        present = world.present(state, role.name)
        if present is not None and (tuple(present.shape) != (worlds, role.seats) or present.dtype != torch.bool):
            raise CheckFailed(f"present({role.name!r}) must be bool [{worlds}, {role.seats}]")
    for name, value in world.measure(state).items():
        _measure(name, value, worlds)
    for name, value in world.panel(state).items():
        if value.dim() not in (2, 3) or value.shape[0] != worlds or value.dtype != torch.float32:
            raise CheckFailed(
                f"panel {name!r} must be float32 [worlds, users] or [worlds, users, values], got {value.dtype} "
                f"{tuple(value.shape)}"
            )


def _measure(name: str, value: Tensor, worlds: int) -> None:
    if tuple(value.shape) != (worlds,) or value.dtype != torch.float32:
        raise CheckFailed(f"the measure {name!r} must be float32 [{worlds}], got {value.dtype} {tuple(value.shape)}")


def _step(world: World[Any], run: Run, step: Any, phase: str) -> None:
    worlds = len(run.worlds)
    for name, reward in step.rewards.items():
        if name not in world.cast:
            raise CheckFailed(f"phase {phase!r} rewards {name!r}, who is no role: {sorted(world.cast)}")
        shape = (worlds, world.cast[name].seats)
        if tuple(reward.shape) != shape or reward.dtype != torch.float32 or not bool(reward.isfinite().all()):
            raise CheckFailed(
                f"{name}'s reward in phase {phase!r} must be finite float32 of shape {shape} [worlds, seats], got "
                f"{reward.dtype} of shape {tuple(reward.shape)}"
            )
    for name, value in step.measures.items():
        _measure(name, value, worlds)
    if step.ended is None:
        return
    if not world.ends:
        raise CheckFailed(f"phase {phase!r} gives ended, but {type(world).__name__}.ends is False: set ends = True")
    if tuple(step.ended.shape) != (worlds,) or step.ended.dtype != torch.bool:
        raise CheckFailed(f"ended must be bool [{worlds}], got {step.ended.dtype} {tuple(step.ended.shape)}")


def _random_numbers(
    world: World[Any], players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int, ticks: int
) -> None:
    try:
        play(world, players, people, ids[:2], ticks, seed=seed, check=True)
        draw = Draw.of(seed, ids, check=True)
        world.begin(people.sample(draw.scope("population")), draw.scope("begin"))
    except DrawnTwice as error:
        raise CheckFailed(str(error)) from error


def _bits(
    world: World[Any], players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int, ticks: int
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


def _compare(world: World[Any], a: list[Any], b: list[Any], how: str) -> None:
    if place := where_differs(a, b, world.phases):
        raise CheckFailed(
            f"a world is not the same to the bit {how}: it differs {place}. Let no world see another (reduce over "
            "dimension 1 and up only), draw with the world's own draw, and use the safe forms of populace.numerics "
            "(docs/architecture.md, Bits)"
        )


def _resume(world: World[Any], players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int) -> None:
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
