"""Any normal-form game, played by a population that is matched in groups, at random or by a network."""

from populace.envs.matrix.options import MatrixOptions
from populace.envs.matrix.world import Matrix

__all__ = ["Matrix", "MatrixOptions"]
