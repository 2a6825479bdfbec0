"""Language models on any seat: the text policy, what it asks (local models, endpoints, tapes), and fakes.

Neither transformers nor openai is imported before a model is asked. Models, tokenizers, caches, matchers of grammars,
engines, compiled patterns and HTTP clients of these libraries are `Any` in the annotations: the libraries come without
types, or with types that differ between their versions.
"""

from populace.agents.llm.backends.base import Ask, Backend, BudgetSpent, Reply, ask_all
from populace.agents.llm.backends.tape import Tape
from populace.agents.llm.seats.options import SeatOptions
from populace.agents.llm.seats.text_policy import TextPolicy

__all__ = ["Ask", "Backend", "BudgetSpent", "Reply", "SeatOptions", "Tape", "TextPolicy", "ask_all"]
