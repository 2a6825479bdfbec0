"""The check of a policy; see populace.testing."""

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from populace import tree
from populace.builder import OptionsLike
from populace.dialogue import usable
from populace.errors import ActionError
from populace.fields import Role
from populace.observation import Observation
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
    same,
)
from populace.world import AnyWorld


def check_policy(
    policy: Policy,
    world: type[AnyWorld] | str,
    role: str | None = None,
    *,
    options: OptionsLike = None,
    users: int = 6,
    population: Population | None = None,
    worlds: int = 3,
    ticks: int = 4,
    seed: int = 0,
) -> None:
    """Check a policy in a world: legal actions, purity, independence of the batch, memory that can be saved.

    Args:
        policy: The policy.
        world: The world's class, id or `module:class`.
        role: The role it plays; None for `assistant`, or where there is none the role that acts last.
        options: The world's options or a mapping of them.
        users: How many, where no population is given.
        population: Whom to sample.
        worlds: Worlds in the batch.
        ticks: Ticks to play.
        seed: The seed.

    Raises:
        CheckFailed: The first fault found.
    """
    if not isinstance(policy, Policy):
        raise CheckFailed(f"the policy is {policy!r}; expected an instance of a populace.policy.Policy: call its class")
    with blame("building the world"):
        stage, people = made(world, options, users, population)
        acting = [r.name for r in stage.cast.values() if r.phases and r.does]
    if role is None and not acting:
        raise CheckFailed(f"no role of {type(stage).__name__} ever acts, so no policy can play one")
    name = role or ("assistant" if "assistant" in acting else acting[-1])
    own = stage.role(name)
    if name not in acting:
        raise CheckFailed(f"the role {name!r} never acts, so no policy can play it; these do: {', '.join(acting)}")
    players: Mapping[str, Policy] = {r: policy if r == name else AnyLegal() for r in acting}
    who, before = type(policy).__name__, fingerprint(policy)
    with no_global_randomness(who):
        with blame(f"{who}.begin"):
            run = start(stage, players, people, seed=seed, worlds=worlds)
        _memory(run.memory[name], who, worlds)
        for _ in range(ticks * len(stage.phases)):
            if stage.phases[run.phase] in own.phases:
                _turn(stage, policy, run, own, who)
            with blame(f"a world played by {who}"):
                run, _ = advance(stage, players, run)
    _memory(run.memory[name], who, worlds)
    if changed := kept(before, fingerprint(policy)):
        raise CheckFailed(
            f"{who} keeps {', '.join(changed)} in self: what changes belongs in the memory that act returns, "
            "or it is lost when a run is saved and mixed up between worlds"
        )


def _turn(world: AnyWorld, policy: Policy, run: Run, role: Role, who: str) -> None:
    """One call of act: its actions, its purity, and whether a world's actions depend on its neighbours."""
    seen = see(world, run, role, policy.privileged)
    draw = run.draw().scope(f"act/{role.name}")
    memory = run.memory[role.name]
    held, shown = copied(memory), copied(dict(seen))
    with blame(f"{who}.act in phase {seen.phase!r}"):
        actions, after = _pair(policy.act(seen, memory, draw), who)
    if not same(held, memory) or not same(shown, dict(seen)):
        raise CheckFailed(f"{who}.act changes its observation or memory in place: make new tensors instead")
    with blame(f"{who}.act"):
        again, after_again = _pair(policy.act(seen, memory, draw), who)
    if not same(dict(actions), dict(again)) or not same(after, after_again):
        raise CheckFailed(
            f"{who}.act gives something else for the same observation, memory and draw: take random numbers from the "
            "draw only and keep nothing in self"
        )
    _legal(role, seen, dict(actions), who)
    for world_ in range(len(run.worlds)):
        one = tree.take(run, torch.tensor([world_]))
        alone = see(world, one, role, policy.privileged)
        with blame(f"{who}.act for one world"):
            few, few_after = _pair(policy.act(alone, one.memory[role.name], one.draw().scope(f"act/{role.name}")), who)
        batch = tree.take((dict(actions), after), torch.tensor([world_]))
        if not same(dict(few), batch[0]) or not same(few_after, batch[1]):
            raise CheckFailed(
                f"{who}.act gives world {world_} something else alone than in a batch: let no world see another "
                "(reduce over dimension 1 and up only), and use the safe forms of populace.numerics "
                "(docs/architecture.md, Bits)"
            )


def _pair(given: Any, who: str) -> tuple[Mapping[str, Tensor], Any]:
    """What act gave, if it is (actions, memory)."""
    if not (isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Mapping)):
        what = "actions without memory" if isinstance(given, Mapping) else f"a {type(given).__name__}"
        raise CheckFailed(f"{who}.act gives {what}; expected (actions, memory), memory as it came if nothing changes")
    for name, value in given[0].items():
        if not isinstance(value, Tensor):
            raise CheckFailed(
                f"{who}.act gives a {type(value).__name__} as {name!r}; expected a tensor [worlds, seats]"
            )
    return given[0], given[1]


def _legal(role: Role, seen: Observation, actions: dict[str, Any], who: str) -> None:
    from populace.acts import valid

    kind = actions.get("kind")
    some = next(iter(seen.values()))
    try:
        valid(role, seen.phase, actions, some.shape[0])
    except ActionError as error:
        raise CheckFailed(f"{who}: {error}") from error
    for f in role.done_in(seen.phase):
        if f.name not in actions:
            continue  # what a policy may leave out
        if fault := out_of_range(f, actions[f.name]):
            raise CheckFailed(f"{who} does {fault} as {f.name!r}: clamp it to the field's range")
        mask = seen.get(f"{f.name}_mask")
        if not f.masked or mask is None:
            continue
        legal = mask.gather(-1, actions[f.name].unsqueeze(-1)).squeeze(-1).bool()
        taken = torch.ones(legal.shape[:2], dtype=torch.bool, device=legal.device)
        if seen.present is not None:
            taken = taken & seen.present
        if kind is not None:
            taken = taken & usable(kind)
        if bool((~legal & taken.view(*legal.shape[:2], *[1] * (legal.dim() - 2))).any()):
            raise CheckFailed(f"{who} chooses a {f.name!r} that {f.name}_mask forbids: choose among the legal options")


def _memory(memory: Any, who: str, worlds: int) -> None:
    with tempfile.TemporaryDirectory() as folder, blame(f"saving the memory of {who}"):
        path = Path(folder) / "memory.pt"
        tree.save(memory, path)
        back = tree.load(path, packages=tree.packages_of(memory))
    if not same(memory, back):
        raise CheckFailed(f"the memory of {who} comes back changed from a file: hold tensors and constants only")
    for tensor in tree.tensors(memory, shared=False):
        if tensor.dim() == 0 or tensor.shape[0] != worlds:
            raise CheckFailed(
                f"the memory of {who} holds a tensor of shape {tuple(tensor.shape)} with {worlds} worlds: its first "
                "dimension must be the world, or its field be declared shared()"
            )
