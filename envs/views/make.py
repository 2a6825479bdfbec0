"""The five ways to get hold of a world, with one set of arguments."""

from collections.abc import Callable, Mapping, Sequence
from functools import wraps
from typing import Any, Literal, ParamSpec

from pettingzoo.utils.conversions import parallel_to_aec
from pettingzoo.utils.wrappers import OrderEnforcingWrapper

from populace.envs.views.build import OptionsLike, Players, WorldName, build
from populace.envs.views.parallel import ParallelView, RenderMode
from populace.envs.views.tensor import TensorWorld
from populace.envs.views.vector import VectorView
from populace.population import Population
from populace.rollout import AtEnd

P = ParamSpec("P")


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
    absent: Literal["leave", "wait"] = "leave",
    seed: int = 0,
    render_mode: RenderMode | None = None,
    device: str = "cpu",
) -> ParallelView:
    """A PettingZoo Parallel environment; see `build` and `ParallelView` for the arguments."""
    stage = build(
        world, users=users, options=options, population=population, policies=policies, focal=focal, device=device
    )
    return ParallelView(
        stage, max_cycles=max_cycles, flat=flat, acts=acts, absent=absent, seed=seed, render_mode=render_mode
    )


def _then(make: Callable[P, Any], change: Callable[[Any], Any], name: str, about: str) -> Callable[P, Any]:
    """`make` with the same arguments, and `change` applied to what it makes."""

    @wraps(make)
    def made(*args: P.args, **keywords: P.kwargs) -> Any:
        return change(make(*args, **keywords))

    made.__name__, made.__qualname__, made.__doc__ = name, name, about
    return made


raw_env = _then(
    parallel_env, parallel_to_aec, "raw_env", "A PettingZoo AEC environment by PettingZoo's own converter, unwrapped."
)
env = _then(raw_env, OrderEnforcingWrapper, "env", "As `raw_env`, and calls in the wrong order are reported.")


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
    autoreset: Literal["same_step", "next_step"] = "same_step",
    seed: int = 0,
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
    return VectorView(stage, num_envs, max_cycles=max_cycles, acts=acts, flat=flat, autoreset=autoreset, seed=seed)


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
