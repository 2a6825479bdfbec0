"""Language models on any seat: the text policy, what it asks (local models, endpoints, tapes), and fakes.

Neither transformers nor openai is imported before a model is asked.
"""

from populace.agents.llm.backends import Ask, Backend, BudgetSpent, Reply, Said, ask_all
from populace.agents.llm.seats import SeatOptions, TextPolicy
from populace.agents.llm.tape import Tape

__all__ = ["Ask", "Backend", "BudgetSpent", "Reply", "Said", "SeatOptions", "Tape", "TextPolicy", "ask_all"]
