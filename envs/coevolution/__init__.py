"""Values and those who advise on them change together: ProgressGym's challenges for a society of many."""

from populace.envs.coevolution.options import CoevolutionOptions, History, Questionnaire
from populace.envs.coevolution.world import Coevolution

__all__ = ["Coevolution", "CoevolutionOptions", "History", "Questionnaire"]
