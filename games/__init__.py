"""Solvers of normal-form games, in batches: equilibria, bargaining solutions, measures of play, dynamics.

Games are tensors [..., acts of player 1, ..., acts of player n, n]. No world is needed and none is here.
"""

from populace.games.bargaining import bargain, nash_product_set, product_set, security, utilitarian
from populace.games.correlated import correlated_equilibrium, stackelberg_mixed
from populace.games.metrics import exploitability, nash_conv, price_of_anarchy, regret
from populace.games.mixed import mixed_nash
from populace.games.normal_form import from_bimatrix, from_nashpy, from_openspiel, from_payoffs, preset
from populace.games.pure import classify, pareto, pure_nash, stackelberg

__all__ = [
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
