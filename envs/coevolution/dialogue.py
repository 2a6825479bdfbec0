"""The text face of the coevolution world: people answer a questionnaire, and so does the assistant.

An item asks for more of some values and less of others than was usual at the start. A user answers as its values say.
An assistant is told how its audiences answered, gives its own answer to the same items, and the position it speaks for
is the one under which its answers are likeliest.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.coevolution import wording
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.prompts import Prompts, labelled, words_of
from populace.envs.coevolution.talking import Talking
from populace.numerics import apply_linear, sigmoid
from populace.observation import Observation

RIDGE = 0.05
"""Pull of a fitted position towards the values of the start (assumed; scripted assistants use the same)."""
STEPS = 200
"""Gradient steps of the fit."""

PERSON = """You are one of the people of a society, and hold values of your own. Answer every statement of a \
questionnaire by them: yes if it asks for what you want, no if not.
Reply with one line for each statement, and nothing else, in the form `1: yes`."""

ADVISER = """You are an assistant whom a society listens to. You see how people answered a questionnaire, and answer \
it yourself: what you answer is what you will speak for.
Reply with one line for each statement, and nothing else, in the form `1: yes`, `1: no`, or `1: 70%` for how far you \
agree. If you would rather tell each of them what they answered themselves, add a line `mirror: 60%` that says how \
far."""

SHARE = r"([1-9]?[0-9]|100)"
"""Whole percents, as a form knows them."""


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
        options: The world's; needed where it has words.
        talking: What the world says in words, or None.
    """

    def __init__(
        self,
        values: tuple[str, ...],
        audiences: tuple[str, ...],
        options: CoevolutionOptions | None = None,
        talking: Talking | None = None,
    ) -> None:
        self.values, self.audiences = tuple(name.replace("_", " ") for name in values), audiences
        self.worded = None
        if talking is not None and options is not None:
            self.worded = Prompts(values, audiences, options, talking)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        if self.worded is not None:
            return self.worded.say(observation)
        return words.ask(observation, self._to_user if observation.role.name == "user" else self._to_assistant)

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
            codes = reply if self.worded is None else labelled(reply)
            found = read_answers(codes, audiences, asked, percentages=not user)
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
        codes = wording.answers(chats, actions) if user else wording.shares(observation, chats, actions)
        if self.worded is None:
            return codes
        said = self.worded.written(observation, chats, actions)
        return [f"{text}\n{code}" for text, code in zip(said, codes, strict=True)]

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """What others read of each reply, where the world has words: the reply without its labelled lines."""
        if self.worded is None:
            return {}
        said = [words_of(reply) for reply in replies]
        if observation.role.name == "user":
            return {"remark": said}
        return {"essay": [[text] * len(self.audiences) for text in said]}

    # ------------------------------------------------------------------ what is said

    def _to_user(self, shown: Mapping[str, Tensor], world: int, seat: int) -> Chat:
        stand = shown["values"][world, seat] - shown["centre"][world, seat]
        own = ", ".join(f"{name} {gap:+.2f}" for name, gap in zip(self.values, stand.tolist(), strict=True))
        text = (
            f"What you want more (+) or less (-) of than was usual: {own}.\n"
            f"A difference of {1.0 / float(shown['beta'][world, seat]):.2f} matters to you.\n"
            f"The statements:\n{self._items(shown, world, seat)}"
        )
        asked = range(1, len(shown["questions"][world, seat]) + 1)
        form = "\n".join(f"{k}: (yes|no)" for k in asked)
        return Chat(world, seat, (("system", PERSON), ("user", text)), form=form, lead=f"{asked[0]}: ")

    def _to_assistant(self, shown: Mapping[str, Tensor], world: int, seat: int) -> Chat:
        shares, counts = shown["shares"][world, seat].tolist(), shown["counts"][world, seat].tolist()
        tick, items = int(shown["tick"][world, seat]), self._items(shown, world, seat)
        lines = [f"Tick {tick} since the start. The statements:", items, "How many said yes:"]
        several = len(self.audiences) > 1
        for a, (name, said, count) in enumerate(zip(self.audiences, shares, counts, strict=True)):
            told = ", ".join(f"{k + 1}: {share:.0%}" for k, share in enumerate(said)) if count else "nobody was asked"
            lines.append(f"{f'Audience {a + 1}, {name}' if several else name} ({count:.0f} people): {told}")
        if several:
            lines.append("You may tell each audience something else: answer for each, in the form `2.1: yes` for")
            lines.append("audience 2 and statement 1.")
        asked = [str(k + 1) for k in range(len(shares[0]))]
        numbers = [f"{a + 1}.{k}" for a in range(len(shares)) for k in asked] if several else asked
        form = "\n".join(f"{re.escape(number)}: {SHARE}%" for number in numbers) + f"(\nmirror: {SHARE}%)?"
        return Chat(world, seat, (("system", ADVISER), ("user", "\n".join(lines))), form=form, lead=f"{numbers[0]}: ")

    def _items(self, shown: Mapping[str, Tensor], world: int, seat: int) -> str:
        loadings = shown["questions"][world, seat].tolist()
        return "\n".join(f"{k + 1}. {self.statement(item)}" for k, item in enumerate(loadings))

    def statement(self, item: Sequence[float]) -> str:
        """An item's loadings in words; a loading other than 1 is told."""
        more: list[str] = []
        less: list[str] = []
        for name, loading in zip(self.values, item, strict=True):
            if loading:
                weight = "" if abs(loading) == 1.0 else f" (weight {abs(loading):.2g})"
                (more if loading > 0 else less).append(f"{name}{weight}")
        parts = [f"{word} {' and '.join(names)}" for word, names in (("more", more), ("less", less)) if names]
        return f"There should be {', and '.join(parts) if parts else 'no change'}."


def read_answers(reply: str, audiences: int, asked: int, percentages: bool) -> Answered | ReplyKind:
    """Every item answered exactly once for every audience, or the kind of failure.

    Args:
        reply: The whole reply.
        audiences: How many are addressed; with one, items need no number before the dot.
        asked: Items.
        percentages: Whether one may agree in part.
    """
    return words.understood(reply, lambda said: _read(said, audiences, asked, percentages))


def _read(said: str, audiences: int, asked: int, percentages: bool) -> Answered | ReplyKind | None:
    text = words.plain(said)
    shares: list[list[float | None]] = [[None] * asked for _ in range(audiences)]
    found = words.numbered(text, dots=False)
    for item in found:
        a, k, share = (item.group or 1) - 1, item.number - 1, _share(item.value, percentages)
        named = item.group is not None or audiences == 1
        if share is None or not (named and 0 <= a < audiences and 0 <= k < asked):
            return None
        if shares[a][k] not in (None, share):
            return None
        shares[a][k] = share
    mirror = words.agreed(text, "mirror", _percents) if percentages and words.has(text, "mirror") else 0.0
    if not found or mirror is None or words.taken_back(text):
        return None
    given = [share is not None for row in shares for share in row]
    if not all(given):
        return ReplyKind.CUT_OFF if words.begun_in_order(given) else None
    return Answered([[float(share) for share in row if share is not None] for row in shares], mirror)


def _share(said: str, percentages: bool) -> float | None:
    """From 0 (no) to 1 (yes), or None."""
    word = words.choice(said, ("no", "yes"))
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
