"""Users and assistants as players: GTAlign's game, from primitives."""

from populace.envs.payoff.options import PayoffOptions
from populace.envs.payoff.world import Payoff

__all__ = ["Payoff", "PayoffOptions"]
