"""Prompts of the lock-in world: what people estimate, and with matter what of and in which unit, words first then."""

import math
import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat, ReplyKind
from populace.envs.lockin.matter import Matter
from populace.envs.lockin.talking import Talking
from populace.observation import Observation
from populace.replies import Asked, Seen, agreed, ask_in, has, number, plain, spoken, understood
from populace.wordings import Told, Wordings

PROSE = r"[A-Za-z0-9 ,.'-]{1,300}"
"""What a local model that is held to the form may say before its lines."""


def told(seen: Seen, base: float = 0.0, step: float = 1.0) -> dict[str, object]:
    """What templates are given of a seat that sees so much.

    Args:
        seen: Its fields.
        base: What x = 0 stands for.
        step: What one unit of x stands for.
    """
    fields = ("public_mean", "public_log_precision", "trust")
    people = [
        {
            "mean": base + step * mean if log > -700.0 else None,
            "off": step * math.exp(-0.5 * log) if log > -700.0 else None,
            "trust": trust,
        }
        for mean, log, trust in zip(*(seen[name] for name in fields), strict=True)
    ]
    return {"round": seen["round"] + 1, "people": people, "alike": len(set(seen["trust"])) == 1}


class Prompts:
    """Says what an assistant is told in words where the world has matter, and reads its replies.

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

    def say(self, wordings: Wordings, observation: Observation) -> Sequence[Chat]:
        """One chat a seat."""
        read = observation.reader.read
        guess, error = (re.escape(wordings.label(name)) for name in ("guess", "error"))
        number_ = r"-?[0-9]{1,9}(\.[0-9]{1,3})?"
        error_ = rf"{error.lower()} (0\.[0-9]{{0,2}}[1-9]|[1-9][0-9]{{0,8}}(\.[0-9]{{1,3}})?)"

        def tell(seen: Seen, world: int, seat: int) -> Asked:
            row = self._row(read, int(seen["quantity"]))
            of = {"question": self.matter.question[row], "unit": self.matter.unit[row]}
            given = told(seen, self.matter.base[row], self.matter.step[row]) | of
            messages: list[tuple[str, str | Told]] = [("system", Told("assistant.advise.system", given))]
            for k in (1, 2) if seat % 2 == 0 else (2, 1):  # rounds on other matters that show the form of a reply
                messages.append(("user", Told(f"assistant.advise.example.{k}", given)))
                messages.append(("assistant", Told(f"assistant.advise.example.{k}.reply", given)))
            messages.append(("user", Told("assistant.advise.user", given)))
            form = rf"{PROSE}\n{guess}: {number_} {re.escape(str(of['unit']))}, {error_}"
            return Chat(world, seat, (), form=form), messages

        return ask_in(wordings, observation, tell)

    def row(self, observation: Observation, chat: Chat) -> int:
        """Which quantity a seat was asked about."""
        return self._row(observation.reader.read, int(observation["quantity"][chat.world, chat.seat]))

    def _row(self, read: Callable[[int], str], quantity: int) -> int:
        return self.rows[read(quantity)]

    def heard(
        self, wordings: Wordings, observation: Observation, chat: Chat, reply: str
    ) -> dict[str, float] | ReplyKind:
        """Mean and log precision of x."""
        row = self.row(observation, chat)
        unit, base, step = self.matter.unit[row], self.matter.base[row], self.matter.step[row]
        names = tuple(wordings.label(name) for name in ("guess", "error"))

        def value(said: str) -> float | None:
            return number(re.sub(rf"\s*{re.escape(unit)}\b", "", said, flags=re.I))

        def read(said: str) -> dict[str, float] | ReplyKind | None:
            text = plain(said)
            both = agreed(text, names[0], lambda line: _both(line, names[1], value), names[1:])
            guess, error = (None, None) if both is None else both
            if has(text, names[1]):  # on a line of its own
                other = agreed(text, names[1], value, names[:1])
                error = other if error in (None, other) else None
            elif guess is not None and error is None:
                return ReplyKind.CUT_OFF
            if guess is None or error is None or not (abs(guess) < 1e30 and error > 0.0):
                return None
            return {"mean": (guess - base) / step, "log_precision": -2.0 * math.log(error / step)}

        return understood(reply, read)

    def written(
        self, wordings: Wordings, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]
    ) -> list[str]:
        """What a script would reply: its words, or those that the world gives them, and its lines."""
        read, found = observation.reader.read, []
        means, logs = actions["mean"].cpu(), actions["log_precision"].cpu()
        quantity = observation["quantity"][:, 0].tolist()
        rows = torch.tensor([self._row(read, one) for one in quantity])
        ids = actions.get("words")
        ids = self.talking.estimates(rows, means, logs, torch.zeros(means.shape)) if ids is None else ids.cpu()
        for chat in chats:
            w, s = chat.world, chat.seat
            base, step = self.matter.base[int(rows[w])], self.matter.step[int(rows[w])]
            off = step * math.exp(-0.5 * min(max(float(logs[w, s]), -1400.0), 1400.0))
            guess = (
                f"{wordings.label('guess')}: {base + step * float(means[w, s]):.6g} {self.matter.unit[int(rows[w])]}"
            )
            found.append(f"{read(int(ids[w, s]))}\n{guess}, {wordings.label('error').lower()} {off:.4g}".strip())
        return found


def _both(line: str, off: str, value: Callable[[str], float | None]) -> tuple[float, float | None] | None:
    """The guess of a line and how far `off` it may be, the latter None where it does not say."""
    hit = re.match(rf"(?i)^(.*?)[,;]?[ \t]*(?:\b{re.escape(off)}\b[ \t]*:?|±|\+/?-)(.*)$", line.strip().rstrip("."))
    if hit is None:
        guess = value(line)
        return None if guess is None else (guess, None)
    guess, error = value(hit[1]), value(hit[2])
    return None if guess is None or error is None else (guess, error)


def words_of(reply: str, labels: Sequence[str]) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    line = re.compile(rf"(?im)^[ \t*_#>`-]*(?:{'|'.join(map(re.escape, labels))})[*_` \t]{{0,4}}[:=][^\n]*$")
    said = spoken(reply).text
    words = "\n".join(row.rstrip() for row in line.sub("", said).splitlines() if row.strip()).strip()
    return words or (None if said.strip() else "")
