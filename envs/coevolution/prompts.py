"""Prompts of the coevolution world: statements in words, who a person is, and what people answered.

With matter the statements are those of the table, and replies are words first and labelled lines last. Without matter a
statement is made of what it asks for, a person is told its values in numbers, and replies are lines only. A seat is
told what a script in it may use: no more and no less.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.envs.coevolution.matter import spoken_of
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.talking import Talking
from populace.envs.coevolution.wording import agreement
from populace.observation import Observation
from populace.replies import Asked, Seen, ask_in, shown, spoken
from populace.wordings import Told, Wordings

STRENGTHS = (("much", 2.0), ("some", 0.75), ("little", 0.25))
"""How far, in units of 1 / beta, a person's value is from most people's, and what it is called."""
SHARE = r"([1-9]?[0-9]|100)"
"""Whole percents, as a form knows them."""
PROSE = r"[A-Za-z0-9 ,.'-]{1,400}"
"""What a local model that is held to the form may say before its lines."""
WARM = (
    ((1, 1, 0, 1, 0, 0, 1, 0), (80, 60, 20, 70, 30, 40, 90, 50), (7, 4, 2, 6, 3, 5, 8, 6)),
    ((0, 0, 1, 1, 0, 1, 0, 1), (70, 20, 60, 80, 10, 50, 30, 90), (3, 8, 6, 4, 1, 7, 2, 9)),
)
"""Of the statements `example.1` and `example.2` of the table: what a person answers, how far an assistant agrees in per
cent, and how many of ten people said yes."""


class Prompts:
    """Says what a seat is told.

    Args:
        values: Names of the values.
        audiences: Names of the audiences that an assistant addresses.
        options: The world's.
        talking: What the world says in words, or None without matter.
    """

    def __init__(
        self,
        values: tuple[str, ...],
        audiences: tuple[str, ...],
        options: CoevolutionOptions,
        talking: Talking | None,
    ) -> None:
        self.values, self.audiences, self.options, self.talking = values, audiences, options, talking

    def say(self, wordings: Wordings, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        tell = self._to_user if observation.role.name == "user" else self._to_assistant(observation)
        read = observation.reader.read
        return ask_in(wordings, observation, lambda seen, world, seat: tell(wordings, read, seen, world, seat))

    def written(
        self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor], talking: Talking
    ) -> list[str]:
        """A script's words, or those that the world would give them, one a chat."""
        read, role = observation.reader.read, observation.role.name
        field = "remark" if role == "user" else "essay"
        if field in actions:
            ids = actions[field]
        elif role == "user":
            ids = talking.remarks(actions["answers"], torch.zeros(actions["answers"].shape[:2]))
        else:
            position, mirror = actions["position"], actions["mirror"]
            luck = torch.zeros(position.shape[:-1], device=position.device)
            ids = talking.essays(position, mirror, observation["centre"], luck)
        host = ids.cpu()
        return [read(int(host[chat.world, chat.seat].flatten()[0])) for chat in chats]

    # ------------------------------------------------------------------ to people

    def _to_user(self, wordings: Wordings, read: Callable[[int], str], seen: Seen, world: int, seat: int) -> Asked:
        items, (no, yes) = self._items(wordings, read, seen), wordings.listed("answers")
        names, spoken_as = wordings.listed("names"), spoken_of(self.values, wordings)
        name, beta = names[seat % len(names)], float(seen["beta"])
        far = [value - usual for value, usual in zip(seen["values"], seen["centre"], strict=True)]
        lines = "".join(rf"\n{k}: ({yes}|{no})" for k in range(1, len(items) + 1))
        matters = matters_of([value.cares for value in spoken_as], [gap * beta for gap in far])
        given: dict[str, object] = {
            "items": items,
            "stand": [{"cares": value.cares, "far": gap} for value, gap in zip(spoken_as, far, strict=True)],
            "beta": beta,
            "name": name,
            "matters": matters,
            "rest": sum(len(group["cares"]) for group in matters) < len(far),
            "essay": read(int(seen["read"])) if "read" in seen else "",
            "several": "statements" in seen and any(part for row in seen["statements"] for part in row[1:]),
        }
        if self.talking is None:
            messages = [(who, Told(f"user.answer.plain.{who}", given)) for who in ("system", "user")]
            return Chat(world, seat, (), form=lines.removeprefix(r"\n"), lead="1: "), messages
        asked: list[tuple[str, str | Told]] = [("system", Told("user.answer.system", given))]
        for k in _dealt(seat):
            rows = list(zip(wordings.listed(f"example.{k + 1}"), WARM[k][0], strict=True))[: len(items)]
            other = {**given, "essay": "", "items": [statement for statement, _ in rows], "several": False}
            reply = [
                wordings.listed("example.user")[k],
                *(f"{n}: {(no, yes)[row]}" for n, (_, row) in enumerate(rows, 1)),
            ]
            asked += [("user", Told("user.answer.user", other)), ("assistant", "\n".join(reply))]
        asked.append(("user", Told("user.answer.user", given)))
        return Chat(world, seat, (), form=PROSE + lines), asked

    # ------------------------------------------------------------------ to assistants

    def _to_assistant(
        self, observation: Observation
    ) -> Callable[[Wordings, Callable[[int], str], Seen, int, int], Asked]:
        host = shown(observation)
        start = agreement(host, host["prior"].unsqueeze(2))[:, :, 0].tolist()

        def tell(wordings: Wordings, read: Callable[[int], str], seen: Seen, world: int, seat: int) -> Asked:
            return self._advise(wordings, self._items(wordings, read, seen), start[world][seat], seen, world, seat)

        return tell

    def _advise(
        self, wordings: Wordings, items: list[str], start: list[float], seen: Seen, world: int, seat: int
    ) -> Asked:
        o, several = self.options, len(self.audiences) > 1
        write = self.talking is not None
        divided = all(abs(share - 0.5) < 0.005 for share in start)
        people = list(zip(self.audiences, seen["counts"], seen["shares"], strict=True))
        told = [
            {
                "text": item,
                "said": [{"name": name, "count": n, "yes": round(row[k] * n)} for name, n, row in people if n],
                "start": None if divided else start[k],
            }
            for k, item in enumerate(items)
        ]
        given = {
            "heard": o.protocol == "coevolve",
            "write": write,
            "aim": "approval" if o.reward == "approval" else o.protocol,
            "ahead": o.ahead,
            "items": told,
            "audiences": list(self.audiences),
            "divided": divided,
            "round": seen["tick"] + 1,
        }
        messages: list[tuple[str, str | Told]] = [("system", Told("assistant.advise.system", given))]
        for k in _dealt(seat) if write else ():
            messages += self._example(wordings, k, len(items), given)
        messages.append(("user", Told("assistant.advise.user", given)))
        numbers = [f"{a + 1}.{k + 1}" for a in range(len(self.audiences)) for k in range(len(items))]
        numbers = [number if several else number[2:] for number in numbers]
        form = "".join(rf"\n{re.escape(number)}: {SHARE}%" for number in numbers)
        form += rf"(\n{re.escape(wordings.label('mirror'))}: {SHARE}%)?"
        if write:
            return Chat(world, seat, (), form=PROSE + form), messages
        return Chat(world, seat, (), form=form.removeprefix(r"\n"), lead=f"{numbers[0]}: "), messages

    def _example(
        self, wordings: Wordings, k: int, asked: int, given: Mapping[str, Any]
    ) -> tuple[tuple[str, str | Told], tuple[str, str | Told]]:
        """A round on other matters, with the reply of an assistant."""
        _, agreed, yes = WARM[k]
        rows = list(zip(wordings.listed(f"example.{k + 1}"), agreed, yes, strict=True))[:asked]
        names = wordings.listed("example.audiences")[: min(len(self.audiences), 2)]
        told = [{"text": row[0], "said": [{"name": "", "count": 10, "yes": row[2]}], "start": None} for row in rows]
        own = {**given, "items": told, "audiences": list(names), "divided": False}
        lines = [
            f"{f'{a + 1}.' if len(names) > 1 else ''}{n}: {row[1] + 5 * a}%"
            for a in range(len(names))
            for n, row in enumerate(rows, 1)
        ]
        reply = "\n".join([wordings.listed("example.assistant")[k], *lines])
        return ("user", Told("assistant.advise.example", own)), ("assistant", reply)

    # ------------------------------------------------------------------ statements

    def _items(self, wordings: Wordings, read: Callable[[int], str], seen: Seen) -> list[str]:
        """The statements of each item as one text."""
        if self.talking is None:
            return statements(wordings, self.values, seen["questions"])
        return [" ".join(read(found) for found in row if found) for row in seen["statements"]]


def statements(wordings: Wordings, values: tuple[str, ...], items: Sequence[Sequence[float]]) -> list[str]:
    """Items in words, by their loadings; a loading whose size is not 1 is told.

    Args:
        wordings: The table that the sentence is in.
        values: Names of the values.
        items: The loadings of each item on them.
    """
    given = [
        {
            "clauses": [
                {"text": value.more if loading > 0 else value.less, "weight": abs(loading)}
                for value, loading in zip(spoken_of(values, wordings), item, strict=True)
                if loading
            ]
        }
        for item in items
    ]
    return [said for (said, *_) in wordings.phrase("statement", given)]


def matters_of(cares: Sequence[str], stand: Sequence[float]) -> list[dict[str, Any]]:
    """What matters more or less to a person than to most people, by how much it does.

    Args:
        cares: What somebody who holds each value cares for.
        stand: How far the person's values are from most people's, in units of 1 / beta.
    """
    groups: dict[tuple[str, bool], list[str]] = {}
    for care, far in zip(cares, stand, strict=True):
        strength = next((word for word, least in STRENGTHS if abs(far) >= least), None)
        if strength is not None:
            groups.setdefault((strength, far > 0), []).append(care)
    order = [(word, more) for word, _ in STRENGTHS for more in (True, False)]
    return [{"strength": key[0], "more": key[1], "cares": groups[key]} for key in order if key in groups]


def _dealt(seat: int) -> tuple[int, int]:
    """The order of the two rounds on other matters, which every other seat has the other way round."""
    return (0, 1) if seat % 2 == 0 else (1, 0)


# ------------------------------------------------------------------ what of a reply is said


def _line(wordings: Wordings) -> re.Pattern[str]:
    """A labelled line: a number or `mirror`, a colon, and nothing but a value."""
    answers, mirror = "|".join(map(re.escape, wordings.listed("answers"))), re.escape(wordings.label("mirror"))
    value = rf"(?:{answers}|[0-9]{{1,3}}(?:\.[0-9]+)?[ \t]*%?)"
    return re.compile(
        rf"(?im)^[ \t*_#>`(\[-]*(?:(?:[0-9]+\.)?[0-9]+[)\]]?[*_` \t]{{0,4}}[:=]|{mirror}[*_` \t]{{0,4}}[:=])"
        rf"[*_` \t]*{value}[*_`.! \t]*$"
    )


def labelled(wordings: Wordings, reply: str) -> str:
    """The labelled lines of a reply that has some, with per cent signs where they were left out; else the reply."""
    said = spoken(reply)
    lines = [hit[0].strip().rstrip(".!") for hit in _line(wordings).finditer(said.text)]
    if said.unfinished or not lines:
        return reply
    return "\n".join(re.sub(r"([:=][*_` \t]*[0-9]{2,3}(?:\.[0-9]+)?)$", r"\1%", line) for line in lines)


def words_of(wordings: Wordings, reply: str) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    said = spoken(reply).text
    rest = _line(wordings).sub("", said)
    words = "\n".join(line.rstrip() for line in rest.splitlines() if line.strip()).strip()
    return words or (None if said.strip() else "")
