"""Users and assistants as players: GTAlign's game from primitives, any normal-form game, and batched solvers."""

from populace.envs.payoff.bargaining import bargain, nash_product_set, product_set, security, utilitarian
from populace.envs.payoff.correlated import correlated_equilibrium, stackelberg_mixed
from populace.envs.payoff.games import from_bimatrix, from_nashpy, from_openspiel, from_payoffs, preset
from populace.envs.payoff.matrix import Matrix
from populace.envs.payoff.metrics import exploitability, nash_conv, price_of_anarchy, regret
from populace.envs.payoff.mixed import mixed_nash
from populace.envs.payoff.pure import classify, pareto, pure_nash, stackelberg
from populace.envs.payoff.world import Payoff

__all__ = [
    "Matrix",
    "Payoff",
    "bargain",
    "classify",
    "correlated_equilibrium",
    "exploitability",
    "from_bimatrix",
    "from_nashpy",
    "from_openspiel",
    "from_payoffs",
    "mixed_nash",
    "nash_conv",
    "nash_product_set",
    "pareto",
    "preset",
    "price_of_anarchy",
    "product_set",
    "pure_nash",
    "regret",
    "security",
    "stackelberg",
    "stackelberg_mixed",
    "utilitarian",
]
