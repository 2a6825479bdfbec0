"""Any normal-form game, played by a population that is matched in groups, at random or by a network."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.matrix.options import MatrixOptions
    from populace.envs.matrix.world import Matrix

__all__ = ["Matrix", "MatrixOptions"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Matrix": "populace.envs.matrix.world",
        "MatrixOptions": "populace.envs.matrix.options",
    },
)
