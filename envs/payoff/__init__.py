"""Users and assistants as players: GTAlign's game, from primitives."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.payoff.options import PayoffOptions
    from populace.envs.payoff.world import Payoff

__all__ = ["Payoff", "PayoffOptions"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Payoff": "populace.envs.payoff.world",
        "PayoffOptions": "populace.envs.payoff.options",
    },
)
