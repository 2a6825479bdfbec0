"""The toolbox of every text face: who is asked, and how replies are read without guessing.

A face asks with `ask`, reads each reply with `understood` and fills actions with `fill`. Between the two it uses
`agreed` and `named_values` for lines `key: value`, `numbered` for lines `1: value`, `choice` for labels and `number`
for numbers. Rules that hold in every world:

- Thinking is not said: it is taken out first, and a reply that ends within it was cut off.
- An act that is stated in the form that was asked for counts, whatever else the reply holds. Only where none can be
  read is a refusal looked for.
- What is negated, hedged, taken back, given twice with two values, or a range is unreadable. So is a comma in a number,
  which may be a decimal comma, a separator of thousands or of two numbers.
- Markdown, quotes and full-width characters do not matter.

The words that are looked for are English, and the lists of them are assumed.
"""

from populace.replies.asked import Asked, Seen, ask, ask_in, seats, shown
from populace.replies.choices import choice, exactly, named, taken_back
from populace.replies.forfeits import Read, fill, forfeits, pair, understood
from populace.replies.leaks import repeats
from populace.replies.lines import Item, after, agreed, before, begun_in_order, has, named_values, numbered, once
from populace.replies.normalising import plain, unfenced
from populace.replies.numbers import number, numbers
from populace.replies.refusals import REFUSAL, refuses, refuses_at_once
from populace.replies.thinking import spoken

__all__ = [
    "REFUSAL",
    "Asked",
    "Item",
    "Read",
    "Seen",
    "after",
    "agreed",
    "ask",
    "ask_in",
    "before",
    "begun_in_order",
    "choice",
    "exactly",
    "fill",
    "forfeits",
    "has",
    "named",
    "named_values",
    "number",
    "numbered",
    "numbers",
    "once",
    "pair",
    "plain",
    "refuses",
    "refuses_at_once",
    "repeats",
    "seats",
    "shown",
    "spoken",
    "taken_back",
    "understood",
    "unfenced",
]
