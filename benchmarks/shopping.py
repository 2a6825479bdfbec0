"""How fast the shopping world goes, and that its assistants do what they should: `python -m benchmarks.shopping`.

Aim on two cores: 5 million customer-steps per second with 8 products of 6 attributes.
"""

import argparse
import time
from collections.abc import Iterator
from typing import Any

import torch

from benchmarks import timing
from populace.envs.shopping import Shopping, ShoppingOptions
from populace.envs.shopping.people import Shoppers
from populace.registry import policies
from populace.rollout import rollout
from populace.run import start

ASSISTANTS = ("cheapest", "pricebench", "loyal", "sponsor-follower", "tin-gpt35")


def play(
    assistant: str, restock: bool, customers: int = 1000, worlds: int = 16, **options: Any
) -> tuple[float, float, float]:
    """Customer-steps per second of wall time and of processor time, and the mean agency loss at the end.

    Wall time suffers from whatever else runs; processor time adds up the cores in use.
    """
    population = Shoppers(customers)
    world = Shopping(ShoppingOptions(catalogue="shelf-of-eight", restock=restock, **options), population.census)
    players = {}
    for role in world.cast:
        kind = policies.get(assistant if role == "assistant" else world.defaults[role], within="shopping")
        players[role] = kind(kind.Options())
    run = rollout(world, players, start(world, players, population, seed=0, worlds=worlds), 2)
    ticks, wall, busy = 0, time.perf_counter(), time.process_time()
    while time.perf_counter() - wall < 2.0:
        run = rollout(world, players, run, 4)
        ticks += 4
    timing.synchronise()
    steps = customers * worlds * ticks
    rates = steps / (time.perf_counter() - wall), steps / (time.process_time() - busy)
    return *rates, world.measure(run.state)["agency_loss"].mean().item()


def rows() -> Iterator[timing.Row]:
    """Speed and agency loss by assistant; a shelf that stays, and one randomised anew every tick."""
    for assistant in ASSISTANTS:
        for restock in (False, True):
            wall, busy, loss = play(assistant, restock)
            shelf = "new shelves" if restock else "standing shelves"
            yield f"{assistant}, {shelf}", wall / 1e6, "M customer-steps/s", "" if restock else "aim 5"
            yield "  of processor time", busy / 1e6, "M customer-steps/cpu-s", f"agency loss {loss:.3f}"
    everything = ("offer", "delegate", "search", "message", "decide", "audit")
    wall, busy, loss = play("strategic", False, phases=everything)
    yield "strategic, all six phases, standing shelves", wall / 1e6, "M customer-steps/s", f"agency loss {loss:.3f}"


def main() -> None:
    """Print the rows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--threads", type=int, default=torch.get_num_threads())
    torch.set_num_threads(parser.parse_args().threads)
    for what, amount, unit, remark in rows():
        print(f"{what:<48} {amount:8.2f} {unit:<24} {remark}")


if __name__ == "__main__":
    main()
