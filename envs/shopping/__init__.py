"""Principal-agent shopping: delegated assistants under conflicting interests."""

from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.world import Shopping

__all__ = ["Shopping", "ShoppingOptions"]
