"""The part of `check_world` that plays some ticks and looks at everything that comes out of every phase."""

from collections.abc import Mapping

import torch
from torch import Tensor

from populace.fields import Role
from populace.policy import Policy
from populace.population import Population
from populace.run import Run, advance, see, start
from populace.testing.results import check_state, check_step
from populace.testing.tools import CheckFailed, blame, copied, out_of_range, same
from populace.world import AnyWorld


def check_phases(
    world: AnyWorld, players: Mapping[str, Policy], people: Population, ids: Tensor, seed: int, ticks: int
) -> None:
    """Look at every phase of some ticks: observations, purity, and what comes back."""
    from populace.envs.views import critic  # not with the module: policies are checked without views

    with blame("begin"):
        run = start(world, players, people, seed=seed, worlds=ids)
    check_state(world, run)
    room = critic.space(run)
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
        check_step(world, run, step, phase)
        run = first
        check_state(world, run)
        if not room.contains(found := critic.vector(run)):
            raise CheckFailed(
                f"after phase {phase!r} the state has {len(found)} numbers per world, and {room.shape[0]} at the "
                "start: state() of the PettingZoo view would leave its space. Keep the shapes of the state, with a "
                "flag for what is empty"
            )


def _observation(world: AnyWorld, run: Run, role: Role) -> None:
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


def _private(world: AnyWorld, run: Run, role: Role, found: Mapping[str, Tensor]) -> None:
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
