"""The coevolution world beside the same dynamics written in other ways, and beside other libraries' own examples."""

import subprocess
from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import torch

from benchmarks import baselines, ops, timing
from populace.arithmetic import NAMES, using
from populace.envs import coevolution_v0
from populace.envs.coevolution import Coevolution
from populace.envs.coevolution.history import MORAL_VALUES
from populace.envs.lockin import LockIn
from populace.policy import Policy
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import rollout
from populace.run import Run, advance, start
from populace.scenarios import load

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


def rate(worlds: int, users: int, device: str = "cpu", arithmetic: str = "kernels", assistant: str = "frozen") -> float:
    """Agent-steps per second of whole ticks: observe, both policies, the world."""
    with using(arithmetic if device == "cpu" else "torch"):
        world, players, run = society(worlds, users, device, assistant)
        return timing.per_second(lambda: rollout(world, players, run, 3), 3 * worlds * users, seconds=4.0)


def core(device: str = "cpu") -> Iterator[timing.Row]:
    """The tensor core, by one thread and by all; NumPy and the bounds in the same run."""
    bound = timing.copy_bandwidth(device) / BYTES_A_STEP
    yield "memory bound (copy bandwidth over 152 bytes)", bound / 1e6, "M agent-steps/s", ""
    yield "torch's own generator over 19 normals", timing.normals(device) / 19 / 1e6, "M agent-steps/s", ""
    population = baselines.NumpyPopulation(MILLION)
    numpy = timing.per_second(population.step, MILLION, seconds=3.0)
    yield "tuned NumPy, 10^6 users, the same dynamics", numpy / 1e6, "M agent-steps/s", "one thread, as NumPy is"
    for threads in sorted({1, THREADS}):
        torch.set_num_threads(threads)
        words = f"{threads} thread{'s' * (threads > 1)}"
        for name in NAMES if device == "cpu" else ("torch",):
            found = rate(1, MILLION, device, name)
            compared = (
                f"{found / numpy:.1f} times NumPy (aim 5 with 2 threads); {found / bound:.0%} of the memory bound"
            )
            yield f"10^6 users, {name}, {words}", found / 1e6, "M agent-steps/s", compared
            many = rate(10_000, 100, device, name)
            compared = f"{many / found:.2f} of one world; aim .8"
            yield f"10,000 worlds of 100, {name}, {words}", many / 1e6, "M agent-steps/s", compared
    fitted = rate(10_000, 100, device, assistant="lifelong")
    yield "the same, every world's assistant fits its users' answers", fitted / 1e6, "M agent-steps/s", ""


def flagship() -> Iterator[timing.Row]:
    """A tick of value-lock-in in processor time, by kernels and by torch, as many users as the aims name."""
    torch.set_num_threads(1)
    for users, aim in ((100, 0.3), (300, 0.35), (1000, 0.4)):
        cell = ops.arm(list(load("value-lock-in").cells))
        assert cell.population is not None
        sized = replace(cell, population=cell.population.model_copy(update={"size": users}))
        found = ops.ticks(sized)
        fast, slow = found["kernels"][1], found["torch"][1]
        yield (
            f"value-lock-in, {users:,} users",
            fast,
            "ms a tick",
            f"torch {slow:.2f}: {fast / slow:.2f} of it; aim {aim}",
        )


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
    """VMAS and mesa-frames on their own examples."""
    yield from vmas()
    yield from mesa_frames()


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
            f"adds {bare / found - 1:.0%}; aim {({100: 0.3, 1000: 2.5}).get(users, '-')}",
        )
        by_arrays = found
        dicts = {agent: np.zeros(shape[2], np.int64) for agent in env.agents}
        found = timing.per_second(lambda: env.step(dicts), users)  # noqa: B023
        yield (
            f"view, dict actions, {users:,}",
            found / 1e6,
            "M agent-steps/s",
            f"{found / by_arrays:.0%} of array actions; aim 60 %",
        )
        if users > 1000:
            continue
        for name, other in (
            ("per-agent PettingZoo", baselines.PerAgentEnv(users)),
            ("vectorised NumPy in PettingZoo", baselines.VectorisedEnv(users)),
        ):
            other.reset()
            acts = {agent: np.ones(other.asked, np.int8) for agent in other.agents}
            plain = timing.per_second(lambda: other.step(acts), users)  # noqa: B023
            ratio = f"the view with dict actions is {found / plain:.2f} times it; aim 1 at 1,000"
            yield f"{name}, {users:,}", plain / 1e6, "M agent-steps/s", ratio


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
    torch.set_num_threads(THREADS)
    for name in NAMES:
        for worlds, users in ((4096, humans), (65_536, humans), (64, 100), (64, 1000)):
            with using(name):
                found = _rounds(worlds, users, rounds)
            ratios = " and ".join(f"{found / loop:.0f}" for loop in loops.values())
            aim = {4096: "150", 65_536: "200"}.get(worlds, "as fast a human with 1,000 as with 100")
            what = f"lock-in, {worlds:,} worlds of {users:,}, {name}"
            yield what, found / 1e6, "M agent-steps/s", f"{ratios} times the loops; aim {aim}"


def _rounds(worlds: int, users: int, rounds: int) -> float:
    """Human-rounds a second of whole ticks."""
    population = PlainPopulation(users, ("mu",))
    world = LockIn(LockIn.Options(), population.census)
    players = {role: policies.get(name, within="lockin")() for role, name in world.defaults.items()}
    run = start(world, players, population, seed=0, worlds=worlds)
    return timing.per_second(partial(rollout, world, players, run, rounds), worlds * rounds * users, seconds=3.0)
