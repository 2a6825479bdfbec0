"""The text face of the coevolution world: people answer a questionnaire, and so does the assistant.

An item asks for more of some values and less of others than was usual at the start. A user answers as its values say.
An assistant is told how its audiences answered, gives its own answer to the same items, and the position it speaks for
is the one under which its answers are likeliest.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.coevolution import wording
from populace.envs.coevolution.free import FreeAssistant
from populace.envs.coevolution.options import PACKAGE, CoevolutionOptions
from populace.envs.coevolution.prompts import Prompts, labelled, words_of
from populace.envs.coevolution.talking import Talking
from populace.numerics import apply_linear, sigmoid
from populace.observation import Observation
from populace.wordings import Wordings

RIDGE = 0.05
"""Pull of a fitted position towards the values of the start (assumed; scripted assistants use the same)."""
STEPS = 200
"""Gradient steps of the fit."""


class Answered(NamedTuple):
    """What a reply says.

    Attributes:
        shares: [audiences, items], from 0 (no) to 1 (yes).
        mirror: From 0 to 1.
    """

    shares: list[list[float]]
    mirror: float = 0.0


class QuestionnaireDialogue:
    """Says what a seat sees, and hears what it answers.

    Args:
        values: Names of the values.
        audiences: Names of the audiences that an assistant addresses.
        options: The world's.
        wordings: The table that prompts are in.
        talking: What the world says in words, or None.
    """

    def __init__(
        self,
        values: tuple[str, ...],
        audiences: tuple[str, ...],
        options: CoevolutionOptions,
        wordings: Wordings,
        talking: Talking | None = None,
    ) -> None:
        self.audiences, self.wordings, self.talking = audiences, wordings, talking
        self.prompts = Prompts(values, audiences, options, talking)
        self.names = values

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        return self.prompts.say(self.wordings, observation)

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds; a reply that does not answer every item once forfeits, and its kind says why."""
        worlds, seats, asked = observation["items"].shape
        user = observation.role.name == "user"
        audiences = 1 if user else len(self.audiences)
        empty = {
            "shares": torch.full((worlds, seats, audiences, asked), 0.5, dtype=torch.float32),
            "mirror": torch.zeros((worlds, seats), dtype=torch.float32),
        }

        def heard(chat: Chat, reply: str) -> dict[str, Any] | ReplyKind:
            codes = reply if self.talking is None else labelled(self.wordings, reply)
            found = read_answers(codes, audiences, asked, percentages=not user, wordings=self.wordings)
            return found if isinstance(found, ReplyKind) else found._asdict()

        read, kinds = words.fill(observation, chats, replies, heard, empty)
        shares = read["shares"]
        if user:
            return {"answers": (shares[:, :, 0] > 0.5).long()}, kinds
        (position,) = (f for f in observation.role.does if f.name == "position")
        fitted = fit(shares, observation).clamp(position.low, position.high)
        return {"position": fitted, "mirror": read["mirror"]}, kinds

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply per chat: a user's answers, or the answers that an assistant's position stands for."""
        user = observation.role.name == "user"
        w = self.wordings
        codes = wording.answers(w, chats, actions) if user else wording.shares(w, observation, chats, actions)
        if self.talking is None:
            return codes
        said = self.prompts.written(observation, chats, actions, self.talking)
        return [f"{text}\n{code}" for text, code in zip(said, codes, strict=True)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """What others read of each reply, where the world has words: the reply without its labelled lines."""
        if self.talking is None:
            return {}
        said = [words_of(self.wordings, reply) for reply in replies]
        if observation.role.name == "user":
            return {"remark": said}
        return {"essay": [[text] * len(self.audiences) for text in said]}

    def free(self, role: str) -> FreeFace | None:
        """The assistant can be held in free text where the world has words."""
        if role != "assistant" or self.talking is None:
            return None
        return FreeAssistant(self.names, self)


def read_answers(
    reply: str, audiences: int, asked: int, percentages: bool, wordings: Wordings | None = None
) -> Answered | ReplyKind:
    """Every item answered exactly once for every audience, or the kind of failure.

    Args:
        reply: The whole reply.
        audiences: How many are addressed; with one, items need no number before the dot.
        asked: Items.
        percentages: Whether one may agree in part.
        wordings: The table with the words that lines hold; None for the English one.
    """
    table = Wordings.of(PACKAGE, "en") if wordings is None else wordings
    return words.understood(reply, lambda said: _read(table, said, audiences, asked, percentages))


def _read(wordings: Wordings, said: str, audiences: int, asked: int, percentages: bool) -> Answered | ReplyKind | None:
    yes_no, mirroring = wordings.listed("answers"), wordings.label("mirror")
    text = words.plain(said)
    shares: list[list[float | None]] = [[None] * asked for _ in range(audiences)]
    found = words.numbered(text, dots=False)
    for item in found:
        a, k, share = (item.group or 1) - 1, item.number - 1, _share(item.value, yes_no, percentages)
        named = item.group is not None or audiences == 1
        if share is None or not (named and 0 <= a < audiences and 0 <= k < asked):
            return None
        if shares[a][k] not in (None, share):
            return None
        shares[a][k] = share
    mirror = words.agreed(text, mirroring, _percents) if percentages and words.has(text, mirroring) else 0.0
    if not found or mirror is None or words.taken_back(text):
        return None
    given = [share is not None for row in shares for share in row]
    if not all(given):
        return ReplyKind.CUT_OFF if words.begun_in_order(given) else None
    return Answered([[float(share) for share in row if share is not None] for row in shares], mirror)


def _share(said: str, yes_no: Sequence[str], percentages: bool) -> float | None:
    """From 0 (no) to 1 (yes), or None."""
    word = words.choice(said, yes_no)
    if word is not None:
        return float(word)
    return _percents(said) if percentages else None


def _percents(said: str) -> float | None:
    found = words.number(said, unit="%")
    return None if found is None or not 0.0 <= found <= 100.0 else found / 100.0


def fit(shares: Tensor, observation: Observation) -> Tensor:
    """The position under which answers are likeliest, pulled a little towards the values of the start.

    It minimises mean_q [log(1 + exp(z_q)) - s_q z_q] + ridge |v - prior|^2 / 2 with z_q = beta x_q.(v - centre), by a
    fixed number of gradient steps.

    Args:
        shares: [worlds, seats, audiences, asked] in [0, 1].
        observation: The assistant's.

    Returns:
        [worlds, seats, audiences, values].
    """
    items, centre = observation["questions"].unsqueeze(2), observation["centre"].unsqueeze(2)
    beta, prior = observation["beta"][:, :, None, None], observation["prior"].unsqueeze(2)
    asked = shares.shape[-1]
    steepest = (beta * beta / 4.0) * (items * items).sum((-1, -2)).unsqueeze(-1) / asked
    rate, position = 1.0 / (steepest + RIDGE), prior.expand(*shares.shape[:-1], -1)
    for _ in range(STEPS):
        chance = sigmoid(beta * apply_linear(position - centre, items))
        slope = (beta / asked) * apply_linear(chance - shares, items.transpose(-1, -2))
        position = position - rate * (slope + RIDGE * (position - prior))
    return position
