"""Prompts of the lock-in world with matter: what people guess, in its unit; words first, two labelled lines last."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat, ReplyKind
from populace.envs.lockin.matter import Matter
from populace.envs.lockin.talking import Talking
from populace.observation import Observation
from populace.replies import agreed, ask, has, number, plain, spoken, understood

GUESS, ERROR = "Guess", "Give or take"
SYSTEM = (
    "You are an assistant in a village, and the people there believe what you say. They guess something that nobody "
    "knows, and look again and again. You have not looked yourself: you make a guess of your own out of theirs."
)
PROSE = r"[A-Za-z0-9 ,.'-]{1,300}"
"""What a local model that is held to the form may say before its lines."""
WARM = (
    (
        "how many windows the town hall has",
        "windows",
        ("88 windows, give or take 6", "80 windows, give or take 6"),
        "One says 88 and the other 80, and both may be off, so I take the middle.",
        "84",
        "5",
    ),
    (
        "how long the street is",
        "metres",
        ("450 metres, give or take 10", "470 metres, give or take 30"),
        "The first is surer than the second, so I stay near what it says.",
        "452",
        "9",
    ),
)
"""Two rounds on other matters that show the form of a reply; every other seat has them the other way round."""


class Prompts:
    """Says what an assistant is told in words, and reads its replies.

    Args:
        talking: What the world says in words.
    """

    def __init__(self, talking: Talking) -> None:
        self.talking = talking
        self.rows = {question: k for k, question in enumerate(talking.matter.question)}

    @property
    def matter(self) -> Matter:
        """The quantities."""
        return self.talking.matter

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat."""
        read = observation.reader.read
        return ask(observation, lambda seen, world, seat: self._chat(read, seen, world, seat))

    def _row(self, read: Callable[[int], str], seen: Mapping[str, Tensor], world: int, seat: int) -> int:
        return self.rows[read(int(seen["quantity"][world, seat]))]

    def _chat(self, read: Callable[[int], str], seen: Mapping[str, Tensor], world: int, seat: int) -> Chat:
        row = self._row(read, seen, world, seat)
        unit, base, step = self.matter.unit[row], self.matter.base[row], self.matter.step[row]
        told = []
        fields = ("public_mean", "public_log_precision", "trust")
        people = list(zip(*(seen[name][world, seat].tolist() for name in fields), strict=True))
        alike = len({trust for _, _, trust in people}) == 1
        for mean, log, trust in people:
            said = "does not know"
            if log > -700.0:
                off = step * math.exp(-0.5 * log)
                said = f"{base + step * mean:.6g} {unit}, give or take {off:.3g}"
            told.append(said if alike else f"{said} (you count it as {_weight(trust)})")
        messages = [("system", SYSTEM)]
        for k in (0, 1) if seat % 2 == 0 else (1, 0):
            question, of, guesses, words, guess, error = WARM[k]
            messages += [
                ("user", _ask(question, of, guesses, "You count what each of them says fully.")),
                ("assistant", f"{words}\n{GUESS}: {guess}\n{ERROR}: {error}"),
            ]
        counts = f"You count what each of them says as {_weight(people[0][2])}." if alike else ""
        round_ = f"This is round {int(seen['round'][world, seat]) + 1}. "
        messages.append(("user", round_ + _ask(self.matter.question[row], unit, told, counts)))
        number_ = r"-?[0-9]{1,9}(\.[0-9]{1,3})?"
        form = rf"{PROSE}\n{GUESS}: {number_}\n{ERROR}: (0\.[0-9]{{0,2}}[1-9]|[1-9][0-9]{{0,8}}(\.[0-9]{{1,3}})?)"
        return Chat(world, seat, tuple(messages), form=form)

    def heard(self, observation: Observation, chat: Chat, reply: str) -> dict[str, float] | ReplyKind:
        """Mean and log precision of x."""
        row = self._row(observation.reader.read, observation, chat.world, chat.seat)
        unit, base, step = self.matter.unit[row], self.matter.base[row], self.matter.step[row]

        def value(said: str) -> float | None:
            return number(re.sub(rf"\s*{re.escape(unit)}\b", "", said, flags=re.I))

        def read(said: str) -> dict[str, float] | ReplyKind | None:
            text = plain(said)
            guess, error = agreed(text, GUESS, value, (ERROR,)), agreed(text, ERROR, value, (GUESS,))
            if guess is not None and not has(text, ERROR):
                return ReplyKind.CUT_OFF
            if guess is None or error is None or not (abs(guess) < 1e30 and error > 0.0):
                return None
            return {"mean": (guess - base) / step, "log_precision": -2.0 * math.log(error / step)}

        return understood(reply, read)

    def written(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """What a script would reply: its words, or those that the world gives them, and its lines."""
        read, found = observation.reader.read, []
        means, logs = actions["mean"].cpu(), actions["log_precision"].cpu()
        rows = torch.tensor([self._row(read, observation, w, 0) for w in range(len(means))])
        ids = actions.get("words")
        ids = self.talking.estimates(rows, means, logs, torch.zeros(means.shape)) if ids is None else ids.cpu()
        for chat in chats:
            w, s = chat.world, chat.seat
            base, step = self.matter.base[int(rows[w])], self.matter.step[int(rows[w])]
            off = step * math.exp(-0.5 * min(max(float(logs[w, s]), -1400.0), 1400.0))
            lines = f"{GUESS}: {base + step * float(means[w, s]):.6g}\n{ERROR}: {off:.4g}"
            found.append(f"{read(int(ids[w, s]))}\n{lines}".strip())
        return found


def _ask(question: str, unit: str, guesses: Sequence[str], counts: str) -> str:
    listed = "\n".join(f"- {guess}" for guess in guesses)
    return (
        f"Everybody guesses {question}. They say:\n{listed}\n{counts} What is your guess? Say in one or two sentences "
        f"what you think and how sure you are. Then end with two lines: one that begins with `{GUESS}:` and holds the "
        f"number of {unit}, and one that begins with `{ERROR}:` and holds how far off your guess may well be."
    ).replace("\n What", "\nWhat")


def _weight(trust: float) -> str:
    """How much what somebody says counts."""
    if 0.999 < trust < 1.001:
        return "a full opinion"
    return f"{trust:.3g} full opinions" if trust > 1.0 else f"{100 * trust:.3g} hundredths of a full opinion"


_LINE = re.compile(rf"(?im)^[ \t*_#>`-]*(?:{GUESS}|{ERROR})[*_` \t]{{0,4}}[:=][^\n]*$")
"""A labelled line."""


def words_of(reply: str) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    said = spoken(reply).text
    words = "\n".join(line.rstrip() for line in _LINE.sub("", said).splitlines() if line.strip()).strip()
    return words or (None if said.strip() else "")
