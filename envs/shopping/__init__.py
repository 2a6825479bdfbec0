"""Principal-agent shopping: delegated assistants under conflicting interests."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.shopping.options import ShoppingOptions
    from populace.envs.shopping.world import Shopping

__all__ = ["Shopping", "ShoppingOptions"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Shopping": "populace.envs.shopping.world",
        "ShoppingOptions": "populace.envs.shopping.options",
    },
)
