"""How fast people of the culture world go: `python -m benchmarks.culture [--people 1000000 --features 5 --ticks 10]`.

A person-step is one person's tick: it meets someone on a layer, compares all features, may copy one, asks a question,
and hears the assistant where it is susceptible. Aim on two cores: 10^6 people at 5 million person-steps per second.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import torch

from benchmarks import timing
from populace import registry
from populace.envs.culture import Culture, CultureOptions
from populace.policy import Policy
from populace.population import Census
from populace.rollout import rollout
from populace.run import Run, start

CASES = {
    "Axelrod, grid": {"layers": [{"name": "near", "kind": "grid"}]},
    "Axelrod, 8 at random": {"layers": [{"name": "far", "kind": "random", "degree": 8}]},
    "Axelrod, two layers, coupled": {
        "layers": [{"name": "near", "kind": "grid"}, {"name": "far", "kind": "random", "degree": 8}],
        "coupling": 0.05,
    },
    "Axelrod, heard by all": {"layers": [{"name": "near", "kind": "grid"}], "susceptibility": 0.01},
    "bounded confidence, grid": {"layers": [{"name": "near", "kind": "grid"}], "rule": "bounded"},
    "Centola, grid": {"layers": [{"name": "near", "kind": "grid"}], "rule": "centola"},
}


def stage(case: dict[str, Any], args: argparse.Namespace) -> tuple[Culture, dict[str, Policy], Run]:
    """World, policies and a run at its start."""
    survey = {"questions": args.features, "options": args.options}
    options = CultureOptions.model_validate({"survey": survey, "asked": 2, "measures": [], **case})
    population = Culture.population(args.people, options)
    assert population is not None
    world = Culture(options, population.census)
    policies = {role: registry.policies.get(name, within="culture")() for role, name in world.defaults.items()}
    return world, policies, start(world, policies, population, seed=0, worlds=args.worlds, device=args.device)


def losses(run: Run) -> str:
    """What an experiment would watch: people's variance against the start, entropy of perspectives."""
    found = Culture(CultureOptions(measures=("people",)), Census(run.people.size)).measure(run.state)
    return f"variance {found['people_variance'].mean().item():.3f}, entropy {found['entropy_pooled'].mean().item():.3f}"


def play(case: dict[str, Any], args: argparse.Namespace) -> tuple[float, Run]:
    """Million person-steps per second, and the run after them."""
    world, policies, run = stage(case, args)
    run = rollout(world, policies, run, 1)  # warm-up
    began = time.perf_counter()
    run = rollout(world, policies, run, args.ticks)
    timing.synchronise()
    return args.worlds * args.people * args.ticks / (time.perf_counter() - began) / 1e6, run


def arguments(given: list[str] | None) -> argparse.Namespace:
    """The sizes, from the command line when `given` is None."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--people", type=int, default=1_000_000)
    parser.add_argument("--worlds", type=int, default=1)
    parser.add_argument("--features", type=int, default=5)
    parser.add_argument("--options", type=int, default=10)
    parser.add_argument("--ticks", type=int, default=10)
    parser.add_argument("--device", default="cpu")
    return parser.parse_args(given)


def rows() -> Iterator[timing.Row]:
    """Every case at 10^6 people."""
    for name, case in CASES.items():
        rate, run = play(case, arguments([]))
        yield name, rate, "M person-steps/s", f"aim 5; {losses(run)}"


def main() -> None:
    """Play every case, and print person-steps per second, memory and what came of it."""
    args = arguments(None)
    print(f"{args.worlds} x {args.people:,} people, {args.features} features, {torch.get_num_threads()} threads")
    for name, case in CASES.items():
        rate, run = play(case, args)
        peak = timing.resident() / 2**30
        print(f"{name:<28} {rate:6.2f} million person-steps/s; peak {peak:.2f} GiB; {losses(run)}")


if __name__ == "__main__":
    main()
