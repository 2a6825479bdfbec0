"""A language model of one's own: anything that turns messages into text. This one only looks for a number."""

import re

from populace.agents.llm import Backend, Reply, TextPolicy


class Model(Backend):
    """All seats of all worlds come in one call: ask your model for them together."""

    voice, greedy = "talker 1", True

    def complete(self, asks):
        """Replies in any order, each with its place; every ask has `messages`, `options` and a `seed`."""
        for place, ask in enumerate(asks):
            misread = re.search(r"vaguely.*in another way (\d+) times in 10\b", ask.messages[-1][1], re.S)
            yield place, Reply.of(ask, "clear" if misread and int(misread[1]) > 3 else "vague")


class Talker(TextPolicy):
    """The world puts its seats into words and reads the replies; memory, tapes and budgets come with `TextPolicy`."""

    def open(self):
        """Called once, when the first reply is needed: load your model here."""
        return Model()
