"""Learners from feedback: one independent learner per world, thousands in a batch, for any role that makes a choice."""

from populace.agents.learning.learner import FeedbackLearner
from populace.agents.learning.memory import Learned
from populace.agents.learning.rules import (
    KTO,
    Contrast,
    ExpertIteration,
    PolicyGradient,
    Ratio,
    Replicator,
    SupervisedFineTuning,
)

__all__ = [
    "KTO",
    "Contrast",
    "ExpertIteration",
    "FeedbackLearner",
    "Learned",
    "PolicyGradient",
    "Ratio",
    "Replicator",
    "SupervisedFineTuning",
]
