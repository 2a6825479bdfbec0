"""Values and those who advise on them change together: ProgressGym's challenges for a society of many."""

from typing import TYPE_CHECKING

from populace.lazy import lazily

if TYPE_CHECKING:
    from populace.envs.coevolution.options import CoevolutionOptions, History, Questionnaire
    from populace.envs.coevolution.world import Coevolution

__all__ = ["Coevolution", "CoevolutionOptions", "History", "Questionnaire"]

__getattr__, __dir__ = lazily(
    __name__,
    {
        "Coevolution": "populace.envs.coevolution.world",
        "CoevolutionOptions": "populace.envs.coevolution.options",
        "History": "populace.envs.coevolution.options",
        "Questionnaire": "populace.envs.coevolution.options",
    },
)
