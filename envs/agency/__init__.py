"""Principal-agent theory to play: contracts, cheap talk, delegation, lemons, signalling, screening, audits, trust."""

from populace.envs.agency.options import AgencyOptions
from populace.envs.agency.world import Agency

__all__ = ["Agency", "AgencyOptions"]
