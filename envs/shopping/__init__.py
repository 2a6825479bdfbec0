"""Principal-agent shopping: delegated assistants under conflicting interests, and the theory they are checked by."""

from populace.envs.shopping.agency import Agency
from populace.envs.shopping.agency_options import AgencyOptions
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.world import Shopping

__all__ = ["Agency", "AgencyOptions", "Shopping", "ShoppingOptions"]
