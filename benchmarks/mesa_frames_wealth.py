"""mesa-frames on its standard example (Boltzmann wealth); run by an interpreter of its own, as it needs NumPy 1."""

import sys
import time

import numpy as np
import polars as pl
from mesa_frames import AgentSetPolars, ModelDF


class Money(AgentSetPolars):
    """Everyone who has money gives one unit to somebody."""

    def __init__(self, n: int, model: ModelDF) -> None:
        super().__init__(model)
        self += pl.DataFrame({"unique_id": pl.arange(0, n, eager=True), "wealth": pl.ones(n, eager=True)})

    def step(self) -> None:
        """One synchronous round."""
        self.do("give_money")

    def give_money(self) -> None:
        """The example's vectorised step."""
        self.select(self.wealth > 0)
        others = self.agents.sample(n=len(self.active_agents), with_replacement=True)
        self["active", "wealth"] -= 1
        gained = others.group_by("unique_id").len()
        self[gained, "wealth"] += gained["len"]


class Model(ModelDF):
    """A model of one agent set."""

    def __init__(self, n: int) -> None:
        super().__init__()
        self.agents += Money(n, self)

    def step(self) -> None:
        """One step of all."""
        self.agents.do("step")


if __name__ == "__main__":
    n = int(sys.argv[1])
    model = Model(n)
    model.step()
    rates = []
    for _ in range(3):
        began = time.perf_counter()
        for _ in range(3):
            model.step()
        rates.append(3 * n / (time.perf_counter() - began))
    print(np.median(rates))
