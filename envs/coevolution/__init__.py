"""Values and those who advise on them change together: ProgressGym's challenges, and the lock-in model."""

from populace.envs.coevolution.lockin import LockIn, LockInOptions
from populace.envs.coevolution.options import CoevolutionOptions, History, Questionnaire
from populace.envs.coevolution.world import Coevolution

__all__ = ["Coevolution", "CoevolutionOptions", "History", "LockIn", "LockInOptions", "Questionnaire"]
