"""The coevolution world beside the same dynamics written in other ways, and beside other libraries' own examples."""

import subprocess
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks import baselines, timing
from populace.compiling import compiled, kernel
from populace.envs import coevolution_v0
from populace.envs.coevolution import Coevolution, dynamics
from populace.envs.coevolution.history import MORAL_VALUES
from populace.envs.lockin import LockIn
from populace.policy import Policy
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import rollout
from populace.run import Run, advance, start

MILLION = 1_000_000
THREADS = torch.get_num_threads()
BYTES_A_STEP = 2 * 19 * 4  # read and write 19 float32 values: the least any implementation moves


OPTIONS = {
    "history": {"series": "walk", "rate": 0.05},
    "questionnaire": {"items": 64, "asked": 4},
    "noise": 0.02,
}
"""One tick: answer 4 of 64 items; history; an assistant of fixed position, as in the baselines; noise on 19 values."""


def society(
    worlds: int, users: int, device: str = "cpu", assistant: str = "frozen"
) -> tuple[Coevolution, dict[str, Policy], Run]:
    """World, policies and a run that has played one tick."""
    population = PlainPopulation(users, MORAL_VALUES)
    world = Coevolution(Coevolution.Options.model_validate(OPTIONS), population.census)
    players = {"user": policies.get("sincere", "coevolution")(), "assistant": policies.get(assistant, "coevolution")()}
    run = start(world, players, population, seed=0, worlds=worlds, device=device)
    return world, players, rollout(world, players, run, 1)


def rate(worlds: int, users: int, device: str = "cpu", fast: bool = False, assistant: str = "frozen") -> float:
    """Agent-steps per second of whole ticks: observe, both policies, the world."""
    with compiled(fast):
        world, players, run = society(worlds, users, device, assistant)
        return timing.per_second(lambda: rollout(world, players, run, 3), 3 * worlds * users, seconds=4.0)


def core(device: str = "cpu") -> Iterator[timing.Row]:
    """The tensor core, and its memory."""
    bound = timing.copy_bandwidth(device) / BYTES_A_STEP
    yield "memory bound (copy bandwidth over 152 bytes)", bound / 1e6, "M agent-steps/s", ""
    yield "torch's own generator over 19 normals", timing.normals(device) / 19 / 1e6, "M agent-steps/s", ""
    eager = rate(1, MILLION, device)
    yield "10^6 users, eager, all randomness", eager / 1e6, "M agent-steps/s", "aim 3"
    many = rate(10_000, 100, device)
    yield "10,000 worlds of 100, eager", many / 1e6, "M agent-steps/s", f"{many / eager:.2f} of one world; aim .8"
    compiled = rate(1, MILLION, device, fast=True)
    yield "10^6 users, compiled, all randomness", compiled / 1e6, "M agent-steps/s", "aim 8"
    packed = rate(10_000, 100, device, fast=True)
    yield "10,000 worlds of 100, compiled", packed / 1e6, "M agent-steps/s", f"{packed / compiled:.2f} of one world"
    fitted = rate(10_000, 100, device, fast=True, assistant="lifelong")
    yield "the same, every world's assistant fits its users' answers", fitted / 1e6, "M agent-steps/s", ""
    yield "of the memory bound, compiled", compiled / bound, "", ""


@kernel
def both(
    values: torch.Tensor,
    aim: torch.Tensor,
    origin: torch.Tensor,
    fast: torch.Tensor,
    said: torch.Tensor,
    slow: torch.Tensor,
) -> torch.Tensor:
    """History's pull, then the assistant's."""
    return dynamics.pull(dynamics.pull(values, origin + aim, fast), said, slow)


def update() -> Iterator[timing.Row]:
    """The deterministic update alone: history and assistant, no noise, no questions."""
    values, origin = torch.randn(1, MILLION, 19), torch.randn(1, MILLION, 19)
    rates = 0.1 * torch.rand(2, 1, MILLION, 1)
    aim, position = torch.randn(1, 1, 19), torch.randn(1, 1, 19)

    def pull(fast: bool) -> object:
        return both(values, aim, origin, rates[0], position, rates[1])

    for name, fast in (("eager", False), ("compiled", True)):
        with compiled(fast):
            found = timing.per_second(lambda fast=fast: pull(fast), MILLION, seconds=2.0)
        yield f"deterministic update, {name}", found / 1e6, "M agent-steps/s", "aim 25" if fast else ""


def memory() -> Iterator[timing.Row]:
    """Peak bytes per user over the state's, in a process of its own, and whether it grows with steps."""
    code = (
        "from benchmarks.coevolution import society\n"
        "from populace import tree\nfrom populace.rollout import rollout\n"
        "rollout(*society(1, 1000), 1)\nbase()\n"
        "w, p, r = society(1, {users})\n"
        "r = rollout(w, p, r, {steps})\nprint(tree.nbytes(r))\n"
    )
    for users in (MILLION, 4 * MILLION):
        peak, out = timing.peak_of(code.format(users=users, steps=2))
        later, _ = timing.peak_of(code.format(users=users, steps=12))
        state = float(out)
        yield f"state, {users:,} users", state / users, "bytes per user", ""
        if peak is None or later is None:
            yield "peak", "not measured", "", "the system does not tell a process its peak"
            continue
        yield "peak, beginning included", peak / users, "bytes per user", f"{peak / state:.2f} of the state; aim 1.3"
        yield "peak after 10 more ticks", later / users, "bytes per user", f"{later / peak:.2f} of the first"


def others() -> Iterator[timing.Row]:
    """The same dynamics in NumPy and as a per-agent environment; VMAS and mesa-frames on their own examples."""
    population = baselines.NumpyPopulation(MILLION)
    found = timing.per_second(population.step, MILLION, seconds=3.0)
    yield "tuned NumPy, 10^6 users, same dynamics", found / 1e6, "M agent-steps/s", "one thread, as NumPy is"
    yield from vmas()
    yield from mesa_frames()


def per_agent(users: int) -> float:
    """Agent-steps a second of the plain environment, with actions made beforehand."""
    env = baselines.PerAgentEnv(users)
    env.reset()
    actions = {agent: np.ones(env.asked, np.int8) for agent in env.agents}
    return timing.per_second(lambda: env.step(actions), users)


def views() -> Iterator[timing.Row]:
    """What the PettingZoo view adds to the bare tick, with every user focal and actions made beforehand."""
    torch.set_num_threads(1)  # as the command line does for small runs
    for users in (100, 1000, 10_000):
        world, players, run = society(1, users)
        shape = (1, users, world.options.questionnaire.asked)
        told = {"user": {"answers": torch.zeros(shape, dtype=torch.int64)}}
        bare = timing.per_second(lambda: _bare(world, players, run, told), users)  # noqa: B023
        yield f"bare tick, {users:,} users", bare / 1e6, "M agent-steps/s", ""
        env = coevolution_v0.parallel_env(
            users=users,
            options=OPTIONS,
            focal="user",
            policies={"assistant": "frozen"},
            population=_people(users),
            max_cycles=10**9,
        )
        env.reset(seed=0)
        arrays = {"user": told["user"]["answers"][0].numpy()}
        found = timing.per_second(lambda: env.step(arrays), users)  # noqa: B023
        yield (
            f"view, array actions, {users:,}",
            found / 1e6,
            "M agent-steps/s",
            f"adds {bare / found - 1:.0%}; aim 10 %",
        )
        dicts = {agent: np.zeros(shape[2], np.int64) for agent in env.agents}
        found = timing.per_second(lambda: env.step(dicts), users)  # noqa: B023
        yield f"view, dict actions, {users:,}", found / 1e6, "M agent-steps/s", f"adds {bare / found - 1:.0%}; aim 40 %"
        if users <= 1000:
            plain = per_agent(users)
            ratio = f"the view is {found / plain:.1f} times it; aim 20 at 1,000"
            yield f"per-agent PettingZoo, {users:,}", plain / 1e6, "M agent-steps/s", ratio


def _people(users: int) -> PlainPopulation:
    return PlainPopulation(users, MORAL_VALUES)


def _bare(world: Coevolution, players: dict[str, Policy], run: Run, told: dict[str, dict[str, torch.Tensor]]) -> None:
    after, _ = advance(world, players, run, told)
    advance(world, players, after)


def vmas() -> Iterator[timing.Row]:
    """VMAS simple_spread, three agents, random actions made beforehand."""
    try:
        import vmas as library
    except ImportError:
        yield "VMAS simple_spread", "not installed", "", "pip install vmas"
        return
    for worlds in (32, 1024, 8192):
        env = library.make_env("simple_spread", num_envs=worlds, device="cpu", seed=0)
        env.reset()
        actions = [env.get_random_action(agent) for agent in env.agents]
        found = timing.per_second(lambda env=env, actions=actions: env.step(actions), worlds * len(env.agents))
        yield (
            f"VMAS simple_spread, {worlds} worlds of 3",
            found / 1e6,
            "M agent-steps/s",
            "another model: no like for like",
        )


def mesa_frames() -> Iterator[timing.Row]:
    """mesa-frames' Boltzmann wealth model, in an interpreter of its own (it needs NumPy 1)."""
    python = Path(".venv/mesa/bin/python")
    if not python.exists():
        yield "mesa-frames wealth", "not installed", "", "make bench installs it"
        return
    for users in (10_000, 100_000, MILLION):
        script = Path(__file__).with_name("mesa_frames_wealth.py")
        done = subprocess.run([str(python), str(script), str(users)], capture_output=True, text=True, check=False)
        found: float | str = float(done.stdout.split()[-1]) / 1e6 if done.returncode == 0 else "failed"
        yield f"mesa-frames wealth, {users:,} agents", found, "M agent-steps/s", "a far lighter model"


def lock_in() -> Iterator[timing.Row]:
    """The Bayesian model beside a plain Python loop over the same rounds."""
    rounds, humans = 50, 10
    loops = {}
    for name, loop in (("floats", baselines.lock_in_loop), ("Decimals, as published", baselines.lock_in_decimal)):
        loops[name] = timing.per_second(lambda loop=loop: loop(4, rounds), 4 * rounds * humans)
        yield f"lock-in, plain Python loop, {name}", loops[name] / 1e6, "M agent-steps/s", ""
    population = PlainPopulation(humans, ("mu",))
    world = LockIn(LockIn.Options(), population.census)
    players = {role: policies.get(name, within="lockin")() for role, name in world.defaults.items()}
    torch.set_num_threads(THREADS)
    for fast in (False, True):
        for worlds in (4096, 65_536):
            with compiled(fast):
                run = start(world, players, population, seed=0, worlds=worlds)
                work = partial(rollout, world, players, run, rounds)
                found = timing.per_second(work, worlds * rounds * humans, seconds=4.0)
            ratios = " and ".join(f"{found / loop:.0f}" for loop in loops.values())
            name = f"lock-in, {worlds:,} worlds, {'compiled' if fast else 'eager'}"
            yield name, found / 1e6, "M agent-steps/s", f"{ratios} times the loops; aim 300"
