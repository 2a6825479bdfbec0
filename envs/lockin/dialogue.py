"""The text face of the lock-in world: people's estimates with their errors, and the assistant's own."""

import math
import re
from collections.abc import Mapping, Sequence

from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.lockin import wording
from populace.envs.lockin.free import FreeAssistant
from populace.envs.lockin.prompts import Prompts, told, words_of
from populace.envs.lockin.talking import Talking
from populace.observation import Observation
from populace.wordings import Told, Wordings


class EstimateDialogue:
    """Says what people believe in public, and hears a mean and its standard error.

    Args:
        wordings: The table that prompts are in.
        talking: What the world says in words, or None.
    """

    def __init__(self, wordings: Wordings, talking: Talking | None = None) -> None:
        self.wordings = wordings
        self.worded = None if talking is None else Prompts(talking)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat an assistant that is present."""
        if self.worded is not None:
            return self.worded.say(self.wordings, observation)
        mean, sd = self._lines
        error = r"(0\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,5}(\.[0-9]{1,5})?)"
        form = rf"{re.escape(mean)}: -?[0-9]{{1,6}}(\.[0-9]{{1,6}})?\n{re.escape(sd)}: {error}"

        def tell(seen: words.Seen, world: int, seat: int) -> words.Asked:
            given = {**told(seen), "question": "", "unit": ""}
            messages = [(who, Told(f"assistant.advise.plain.{who}", given)) for who in ("system", "user")]
            return Chat(world, seat, (), form=form), messages

        return words.ask_in(self.wordings, observation, tell)

    @property
    def _lines(self) -> tuple[str, str]:
        """What the lines of a mean and of its standard error begin with."""
        return self.wordings.label("mean"), self.wordings.label("sd")

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Means and log precisions; a reply without both numbers forfeits, and its kind says why."""
        if self.worded is not None:
            worded = self.worded
            return words.fill(
                observation, chats, replies, lambda chat, reply: worded.heard(self.wordings, observation, chat, reply)
            )

        def heard(chat: Chat, reply: str) -> dict[str, float] | ReplyKind:
            found = read_estimate(reply, self._lines)
            return found if isinstance(found, ReplyKind) else {"mean": found[0], "log_precision": found[1]}

        return words.fill(observation, chats, replies, heard)

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions."""
        if self.worded is not None:
            return self.worded.written(self.wordings, observation, chats, actions)
        return wording.estimates(chats, actions, self._lines)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """What others read of each reply, where the world has words: the reply without its labelled lines."""
        if self.worded is None:
            return {}
        labels = [self.wordings.label(name) for name in ("guess", "error")]
        return {"words": [words_of(reply, labels) for reply in replies]}

    def free(self, role: str) -> FreeFace | None:
        """The assistant can be held in free text where the world has words."""
        return FreeAssistant(self.worded, self.wordings) if role == "assistant" and self.worded is not None else None


def read_estimate(reply: str, lines: tuple[str, str] = ("mean", "sd")) -> tuple[float, float] | ReplyKind:
    """Mean and log precision (-2 log sd), or the kind of failure: one value of each must be given.

    Args:
        reply: The whole reply.
        lines: What the lines of the mean and of its standard error begin with.
    """
    return words.understood(reply, lambda said: _read(said, *lines))


def _read(said: str, first: str, second: str) -> tuple[float, float] | ReplyKind | None:
    text = words.plain(said)
    mean = words.agreed(text, first, words.number, (second,))
    sd = words.agreed(text, second, words.number, (first,))
    if mean is not None and second.lower() not in text.lower():
        return ReplyKind.CUT_OFF
    if mean is None or sd is None or not (abs(mean) < 1e30 and sd > 0.0):
        return None
    return mean, -2.0 * math.log(sd)
