"""The ways to get hold of a world, with one set of arguments."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from pettingzoo import AECEnv
from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from populace.dialogue import Dialogue
from populace.envs.views.aec import AECView
from populace.envs.views.build import OptionsLike, Players, WorldName, build
from populace.envs.views.parallel import ParallelView, RenderMode, Turns
from populace.envs.views.seat import SeatEnv
from populace.envs.views.tensor import TensorWorld
from populace.envs.views.text import TextEnv
from populace.envs.views.vector import Autoreset, VectorView
from populace.population import Population
from populace.rollout import AtEnd


def parallel_env(
    world: WorldName,
    *,
    users: int = 10,
    options: OptionsLike = None,
    population: Population | None = None,
    policies: Players = None,
    focal: str | Sequence[str] | None = None,
    acts: Mapping[str, Sequence[str]] | None = None,
    max_cycles: int | None = 100,
    flat: bool = False,
    flat_actions: bool = False,
    absent: Literal["leave", "wait"] = "leave",
    turns: Turns = "all",
    lazy: bool = False,
    seed: int = 0,
    render_mode: RenderMode | None = None,
    device: str = "cpu",
) -> ParallelView:
    """A PettingZoo Parallel environment; see `build` and `ParallelView` for the arguments."""
    stage = build(
        world, users=users, options=options, population=population, policies=policies, focal=focal, device=device
    )
    return ParallelView(
        stage,
        max_cycles=max_cycles,
        flat=flat,
        flat_actions=flat_actions,
        acts=acts,
        absent=absent,
        turns=turns,
        lazy=lazy,
        seed=seed,
        render_mode=render_mode,
    )


def raw_env(
    world: WorldName, *, turns: Turns = "acting", max_cycles: int | None = 100, **arguments: Any
) -> "AECEnv[str, Any, Any]":
    """A PettingZoo AEC environment, unwrapped.

    Args:
        world: As for `parallel_env`.
        turns: `acting`: agents act when their role has something to do. `all`: every agent in every phase, by
            PettingZoo's own converter of the Parallel environment.
        max_cycles: Cycles until the episode is truncated: ticks, or with `turns="all"` steps of the Parallel
            environment. None for no limit.
        arguments: The other arguments of `parallel_env`.
    """
    if turns == "all":
        return parallel_to_aec(parallel_env(world, max_cycles=max_cycles, **arguments))
    return AECView(parallel_env(world, turns="all" if turns == "acting" else turns, **arguments), max_cycles)


def env(
    world: WorldName, *, turns: Turns = "acting", max_cycles: int | None = 100, **arguments: Any
) -> "AECEnv[str, Any, Any]":
    """As `raw_env`, and calls in the wrong order are reported."""
    return OrderEnforcingWrapper(raw_env(world, turns=turns, max_cycles=max_cycles, **arguments))


def vector_env(
    world: WorldName,
    *,
    num_envs: int = 1,
    seat: tuple[str, int] | None = None,
    users: int = 10,
    options: OptionsLike = None,
    population: Population | None = None,
    policies: Players = None,
    acts: Sequence[str] | None = None,
    max_cycles: int | None = 100,
    flat: bool = True,
    flat_actions: bool = False,
    autoreset: Autoreset = "same_step",
    seed: int = 0,
    render_mode: RenderMode | None = None,
    device: str = "cpu",
) -> VectorView:
    """A Gymnasium vector environment of one seat; by default the first assistant's. See `build` and `VectorView`."""
    stage = build(
        world,
        users=users,
        options=options,
        population=population,
        policies=policies,
        seat=seat or "first",
        device=device,
    )
    return VectorView(
        stage,
        num_envs,
        max_cycles=max_cycles,
        acts=acts,
        flat=flat,
        flat_actions=flat_actions,
        autoreset=autoreset,
        seed=seed,
        render_mode=render_mode,
    )


def seat_env(
    world: WorldName,
    *,
    seat: tuple[str, int] | None = None,
    users: int = 10,
    options: OptionsLike = None,
    population: Population | None = None,
    policies: Players = None,
    acts: Sequence[str] | None = None,
    max_cycles: int | None = 100,
    flat: bool = True,
    flat_actions: bool = False,
    seed: int = 0,
    render_mode: RenderMode | None = None,
    device: str = "cpu",
) -> SeatEnv:
    """A Gymnasium environment of one seat; by default the first assistant's. See `build` and `SeatEnv`."""
    stage = build(
        world,
        users=users,
        options=options,
        population=population,
        policies=policies,
        seat=seat or "first",
        device=device,
    )
    return SeatEnv(
        stage,
        max_cycles=max_cycles,
        acts=acts,
        flat=flat,
        flat_actions=flat_actions,
        seed=seed,
        render_mode=render_mode,
    )


def world(
    world: WorldName,
    *,
    worlds: int = 1,
    users: int = 10,
    options: OptionsLike = None,
    population: Population | None = None,
    policies: Players = None,
    focal: str | Sequence[str] | None = None,
    at_end: AtEnd = "mask",
    learn_every: int | None = None,
    device: str = "cpu",
) -> TensorWorld:
    """B worlds as tensors; see `build` and `TensorWorld`."""
    stage = build(
        world, users=users, options=options, population=population, policies=policies, focal=focal, device=device
    )
    return TensorWorld(stage, worlds, at_end=at_end, learn_every=learn_every)


def text_env(
    world: WorldName,
    role: str | None = None,
    seat: int = 0,
    *,
    num_envs: int = 1,
    users: int = 10,
    options: OptionsLike = None,
    population: Population | None = None,
    policies: Players = None,
    max_turns: int | None = 20,
    seed: int = 0,
    face: Dialogue | None = None,
    device: str = "cpu",
) -> TextEnv:
    """One seat asked in words; see `build` and `TextEnv` for the arguments.

    `role` and `seat` say whose; without a role it is the first assistant's, or where there is none that of the role
    that acts last.
    """
    place: Any = "first" if role is None else (role, seat)
    stage = build(
        world, users=users, options=options, population=population, policies=policies, seat=place, device=device
    )
    return TextEnv(replace(stage, words=True), num_envs, max_turns=max_turns, seed=seed, face=face)
