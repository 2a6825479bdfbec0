"""Principal-agent theory to play: contracts, cheap talk, delegation, lemons, signalling, screening, audits, trust."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.agency.options import AgencyOptions
    from populace.envs.agency.world import Agency

__all__ = ["Agency", "AgencyOptions"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Agency": "populace.envs.agency.world",
        "AgencyOptions": "populace.envs.agency.options",
    },
)
