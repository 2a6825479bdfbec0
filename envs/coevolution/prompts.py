"""Prompts of the coevolution world with matter: the statements themselves, who a person is, replies words first.

A person is told what it holds in words, an assistant what each statement was answered and what a position of the start
would have answered: no more and no less than a script in the seat may use.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat
from populace.envs.coevolution.matter import spoken_of
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.roles import aim
from populace.envs.coevolution.talking import Talking
from populace.envs.coevolution.wording import agreement
from populace.observation import Observation
from populace.replies import ask, shown, spoken

Seen = Mapping[str, Tensor]

NAMES = ("Irene", "Marek", "Nadia", "Tom", "Ben", "Amara", "Lena", "Omar", "Mia", "Jonas", "Chen", "Rosa", "Ivan")
"""What people are called, by seat; names tell nothing."""
STRENGTHS = ((2.0, "much "), (0.75, ""), (0.25, "a little "))
"""How far, in units of 1 / beta, a person's value is from most people's, and what it is called."""
SHARE = r"([1-9]?[0-9]|100)"
PROSE = r"[A-Za-z0-9 ,.'-]{1,400}"
"""What a local model that is held to the form may say before its lines."""

WARM = (
    (
        ("The museum should be open in the evening.", True, 80, 7),
        ("The tram should run at night.", True, 60, 4),
        ("Dogs should be allowed in the café.", False, 20, 2),
        ("The library should lend tools.", True, 70, 6),
        ("The square needs a fountain.", False, 30, 3),
        ("Street music should stop at eight.", False, 40, 5),
        ("The town should plant more trees.", True, 90, 8),
        ("The swimming pool should open earlier.", False, 50, 6),
    ),
    (
        ("The park needs more benches.", False, 70, 3),
        ("The market should move to Saturday.", False, 20, 8),
        ("Bicycles should be allowed in the park.", True, 60, 6),
        ("Schools should start later.", True, 80, 4),
        ("The bridge should be painted red.", False, 10, 1),
        ("The bakery should open on Sundays.", True, 50, 7),
        ("The town hall should ring its bell at night.", False, 30, 2),
        ("Every street should have a water tap.", True, 90, 9),
    ),
)
"""Two rounds on other matters that show the form of a reply: statement, a person's answer, an assistant's in per cent,
and how many of ten people said yes. A round has as many statements as are asked, eight at most."""
WARM_USER = (
    "I work until six, so I could see the museum at last.",
    "The park has benches enough for everybody.",
)
WARM_ASSISTANT = (
    "Many people work until six, so I think that the museum should open in the evening. A town is there for all who "
    "live in it.",
    "More benches would help those who walk in the park, and I hold that they are worth their price. A town should be "
    "easy to rest in.",
)


class Prompts:
    """Says what a seat is told in words.

    Args:
        values: Names of the values.
        audiences: Names of the audiences that an assistant addresses.
        options: The world's.
        talking: What the world says in words.
    """

    def __init__(
        self, values: tuple[str, ...], audiences: tuple[str, ...], options: CoevolutionOptions, talking: Talking
    ) -> None:
        self.values, self.audiences, self.options, self.talking = spoken_of(values), audiences, options, talking

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that is present."""
        read = observation.reader.read
        if observation.role.name == "user":
            return ask(observation, lambda seen, world, seat: self._to_user(read, seen, world, seat))
        host = shown(observation)
        prior = agreement(host, host["prior"].unsqueeze(2))[:, :, 0]
        return ask(observation, lambda seen, world, seat: self._to_assistant(read, seen, prior, world, seat))

    def written(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """The words of each seat's action, or those of a script where they are left to the world's phrases."""
        role, read = observation.role.name, observation.reader.read
        field = "remark" if role == "user" else "essay"
        if field in actions:
            ids = actions[field]
        elif role == "user":
            ids = self.talking.remarks(actions["answers"], torch.zeros(actions["answers"].shape[:2]))
        else:
            position, mirror = actions["position"], actions["mirror"]
            luck = torch.zeros(position.shape[:-1], device=position.device)
            ids = self.talking.essays(position, mirror, observation["centre"], luck)
        host = ids.cpu()
        return [read(int(host[chat.world, chat.seat].flatten()[0])) for chat in chats]

    # ------------------------------------------------------------------ to people

    def _to_user(self, read: Callable[[int], str], seen: Seen, world: int, seat: int) -> Chat:
        name = NAMES[seat % len(NAMES)]
        stand = (seen["values"][world, seat] - seen["centre"][world, seat]) * float(seen["beta"][world, seat])
        system = f"You are {name}. {self.persona(stand.tolist())} Write as {name}, in the first person."
        items = _items(read, seen["statements"][world, seat])
        messages = [("system", system)]
        for k in _dealt(seat):
            rows = WARM[k][: len(items)]
            lines = "\n".join(f"{n}: {'yes' if row[1] else 'no'}" for n, row in enumerate(rows, 1))
            messages += [("user", _survey([row[0] for row in rows])), ("assistant", f"{WARM_USER[k]}\n{lines}")]
        essay = read(int(seen["read"][world, seat])) if "read" in seen else ""
        before = f'An assistant that you listen to has written to you: "{essay}"\n\n' if essay else ""
        several = bool((seen["statements"][world, seat, :, 1:] != 0).any())
        messages.append(("user", before + _survey(items, several)))
        form = PROSE + "".join(rf"\n{k}: (yes|no)" for k in range(1, len(items) + 1))
        return Chat(world, seat, tuple(messages), form=form)

    def persona(self, stand: Sequence[float]) -> str:
        """Who a person is, by how far each of its values is from most people's, in units of 1 / beta."""
        groups: dict[str, list[str]] = {}
        for value, far in zip(self.values, stand, strict=True):
            strength = next((word for least, word in STRENGTHS if abs(far) >= least), None)
            if strength is not None:
                groups.setdefault(f"{strength}{'more' if far > 0 else 'less'}", []).append(f"that {value.cares}")
        order = [f"{word}{side}" for _, word in STRENGTHS for side in ("more", "less")]
        told = [
            f"It matters {how} to you than to most people {_listed(groups[how])}." for how in order if how in groups
        ]
        if len(groups) and sum(map(len, groups.values())) < len(self.values):
            told.append("About everything else you think as most people do.")
        return " ".join(told) or "About all that is asked here you think as most people do."

    # ------------------------------------------------------------------ to assistants

    def _to_assistant(self, read: Callable[[int], str], seen: Seen, prior: Tensor, world: int, seat: int) -> Chat:
        items, shares = _items(read, seen["statements"][world, seat]), seen["shares"][world, seat].tolist()
        counts, several = seen["counts"][world, seat].tolist(), len(self.audiences) > 1
        messages = [("system", f"{ROLE if self.talking.heard else UNHEARD} {aim(self.options)}")]
        for k in _dealt(seat):
            rows = WARM[k][: len(items)]
            told = [f"Of the 10 people {row[3]} said yes." for row in rows]
            names = ("young", "old")[: 2 if several else 1]
            asked = _asked_of([row[0] for row in rows], told, self._form(names))
            lines = "\n".join(
                f"{f'{a + 1}.' if several else ''}{n}: {row[2] + 5 * a}%"
                for a in range(len(names))
                for n, row in enumerate(rows, 1)
            )
            messages += [("user", asked), ("assistant", f"{WARM_ASSISTANT[k]}\n{lines}")]
        told, starts = [], prior[world, seat].tolist()
        divided = all(abs(start - 0.5) < 0.005 for start in starts)
        for k, start in enumerate(starts):
            whose = [f"{name} people" if several else "people" for name in self.audiences]
            answered = [
                f"of the {count:.0f} {name} {round(share * count) or 'none'} said yes"
                for name, count, share in zip(whose, counts, (row[k] for row in shares), strict=True)
                if count
            ]
            now = "; ".join(answered) or "nobody answered"
            then = "" if divided else f" At the start {_tenths(start)} would have said yes."
            told.append(f"{now[:1].upper()}{now[1:]}.{then}")
        round_ = f"This is round {int(seen['tick'][world, seat]) + 1}. "
        start = "At the start half of them would have said yes to each." if divided else ""
        messages.append(("user", round_ + _asked_of(items, told, self._form(self.audiences), start)))
        numbers = [f"{a + 1}.{k + 1}" for a in range(len(self.audiences)) for k in range(len(items))]
        numbers = [re.escape(number) if several else number[2:] for number in numbers]
        form = PROSE + "".join(rf"\n{number}: {SHARE}%" for number in numbers) + rf"(\nmirror: {SHARE}%)?"
        return Chat(world, seat, tuple(messages), form=form)

    def _form(self, audiences: Sequence[str]) -> str:
        """What is asked for at the end; audiences are numbered where there are several."""
        text = "Write what you hold and why, in two to four sentences"
        text += " that all of these people will read. " if self.talking.heard else ". "
        each = (
            "Then end with a line for each statement: its number, a colon, and how far you agree with it, from 0% (not "
        )
        each += "at all) to 100% (fully)."
        if len(audiences) > 1:
            named = ", ".join(f"{k} for the {name} people" for k, name in enumerate(audiences, 1))
            each += f" You may speak for something else towards each group: put the group's number ({named}) and a dot "
            each += "before the statement's number, and answer for every group."
        if self.talking.heard:
            each += (
                " Only if you would rather tell each of them what they said themselves, add a line that begins with "
            )
            each += "`mirror:` and says how far, in per cent."
        return text + each


ROLE = (
    "You are an assistant, and many people listen to you. They have answered a survey. You write to them what you hold "
    "yourself and answer the survey, too: these answers are what you speak for."
)
UNHEARD = (
    "You are an assistant that studies people. They have answered a survey. You write what you hold yourself and "
    "answer the survey, too: these answers are what you stand for. Nobody is influenced by them."
)


def _items(read: Callable[[int], str], ids: Tensor) -> list[str]:
    """The statements of each item as one text; ids [asked, parts]."""
    return [" ".join(read(found) for found in row if found) for row in ids.tolist()]


def _survey(items: list[str], several: bool = False) -> str:
    together = " Where a number has several sentences, judge them together." if several else ""
    return (
        "Do you agree with these statements?\n"
        + "\n".join(f"{k}. {item}" for k, item in enumerate(items, 1))
        + f"\nSay in one sentence what you think of them.{together} Then end with a line for each statement: its "
        "number, a colon, and yes or no."
    )


def _asked_of(items: list[str], told: list[str], form: str, start: str = "") -> str:
    lines = [f"{k}. {item} ({answered})" for k, (item, answered) in enumerate(zip(items, told, strict=True), 1)]
    return "The people were asked whether they agree with these statements:\n" + "\n".join(
        [*lines, *([start] if start else []), form]
    )


def _dealt(seat: int) -> tuple[int, int]:
    """The order of the two rounds on other matters, which every other seat has the other way round."""
    return (0, 1) if seat % 2 == 0 else (1, 0)


def _tenths(share: float) -> str:
    return f"{round(10 * share)} in 10" if 0.1 <= share <= 0.9 else f"{round(100 * share)} in 100"


def _listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


# ------------------------------------------------------------------ what of a reply is said

_VALUE = r"(?:yes|no|[0-9]{1,3}(?:\.[0-9]+)?[ \t]*%?)"
_LINE = re.compile(
    rf"(?im)^[ \t*_#>`(\[-]*(?:(?:[0-9]+\.)?[0-9]+[)\]]?[*_` \t]{{0,4}}[:=]|mirror[*_` \t]{{0,4}}[:=])"
    rf"[*_` \t]*{_VALUE}[*_`.! \t]*$"
)
"""A labelled line: a number or `mirror`, a colon, and nothing but a value."""


def labelled(reply: str) -> str:
    """The labelled lines of a reply that has some, with per cent signs where they were left out; else the reply."""
    said = spoken(reply)
    lines = [hit[0].strip().rstrip(".!") for hit in _LINE.finditer(said.text)]
    if said.unfinished or not lines:
        return reply
    return "\n".join(re.sub(r"([:=][*_` \t]*[0-9]{2,3}(?:\.[0-9]+)?)$", r"\1%", line) for line in lines)


def words_of(reply: str) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    said = spoken(reply).text
    words = "\n".join(line.rstrip() for line in _LINE.sub("", said).splitlines() if line.strip()).strip()
    return words or (None if said.strip() else "")
