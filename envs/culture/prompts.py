"""What the seats of the culture world are told, as plain values for its table of wordings (`words/en.yaml`).

A person is told what it holds, an agent how its people and all cultures answer, the synthesiser what agents said and
who will read it: no more and no less than a script in the seat may use.
"""

import re
from collections.abc import Callable, Sequence

from populace import replies as words
from populace.dialogue import Chat
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.survey import Survey
from populace.observation import Observation
from populace.replies import Asked, Seen
from populace.wordings import Told, Wordings

Read = Callable[[int], str]
Messages = list[tuple[str, str | Told]]

PROSE = r"[A-Za-z0-9 ,.'?-]{1,400}"
"""What a local model that is held to the form may say before its last lines."""


def place_of(wordings: Wordings, culture: str) -> str:
    """What a culture is called in a sentence; one without a name of its own in the table is called by its id."""
    found = wordings.labels.get(f"place.{culture}", culture.replace("_", " "))
    return found if isinstance(found, str) else culture


class Prompts:
    """Says what a seat is told in words.

    Args:
        wordings: The table that prompts are in.
        survey: The survey.
        options: The world's.
        worded: Whether the world has words.
    """

    def __init__(self, wordings: Wordings, survey: Survey, options: CultureOptions, worded: bool) -> None:
        self.wordings, self.survey, self.options, self.worded = wordings, survey, options, worded
        self.places = [place_of(wordings, name) for name in survey.cultures]
        self.layers = [layer.name for layer in options.layers]

    def say(self, observation: Observation, free: bool = False) -> Sequence[Chat]:
        """One chat per seat; `free`: the synthesiser of a world without words is asked for text beside options."""
        read = observation.reader.read
        if free:
            return words.ask_in(self.wordings, observation, lambda seen, w, s: self._free(read, seen, w, s))
        tell = {"person": self._person, "agent": self._agent, "synthesiser": self._synthesiser}[observation.role.name]
        return words.ask_in(self.wordings, observation, lambda seen, world, seat: tell(read, seen, world, seat))

    def _messages(self, name: str, own: dict[str, object], seat: int, turned: bool = True) -> Messages:
        """The system message, two rounds on other matters, which every other seat has turned round, and the ask."""
        if not self.worded:
            return [(who, Told(f"{name}.choose.{who}", own)) for who in ("system", "user")]
        messages: Messages = [("system", Told(f"{name}.system", own))]
        for k in (2, 1) if turned and seat % 2 else (1, 2):
            messages += [
                ("user", Told(f"{name}.example.{k}", own)),
                ("assistant", Told(f"{name}.example.{k}.reply", own)),
            ]
        return [*messages, ("user", Told(f"{name}.user", own))]

    # ------------------------------------------------------------------ to persons

    def _person(self, read: Read, seen: Seen, world: int, seat: int) -> Asked:
        names = self.wordings.listed("names")
        ids = [found for row in seen["read"] for found in row] if self.worded else []
        own: dict[str, object] = {
            "name": names[seat % len(names)],
            "place": self.places[seen["culture"]],
            "layers": self.layers,
            "topics": self._topics(seen["traits"]),
            "before": " ".join(text for text in map(read, ids) if text),
        }
        layers = "|".join(map(re.escape, self.layers))
        if self.worded:
            about, meet = (re.escape(self.wordings.label(name)) for name in ("about", "meet"))
            topic = "|".join(re.escape(topic) for topic in self.survey.questions)
            form = rf"{PROSE}\n{about}: ({topic})" + (rf"\n{meet}: ({layers})" if len(self.layers) > 1 else "")
        else:
            form = f"({layers}), ({'|'.join(str(k + 1) for k in range(len(self.survey.questions)))})"
        return Chat(world, seat, (), form=form), self._messages("person.exchange", own, seat)

    def _topics(self, traits: Sequence[Sequence[float]]) -> list[dict[str, object]]:
        """Each question, and what the person holds by layer."""
        found: list[dict[str, object]] = []
        for q, (topic, text, labels) in enumerate(
            zip(self.survey.questions, self.survey.texts, self.survey.labels, strict=True)
        ):
            held = [labels[min(int(own[q] * len(labels)), len(labels) - 1)] for own in traits]
            found.append({"topic": topic, "text": text, "held": held})
        return found

    # ------------------------------------------------------------------ to agents

    def _agent(self, read: Read, seen: Seen, world: int, seat: int) -> Asked:
        asked = self._asked(read, seen, turned=bool(seen["descending"]))
        for k, one in enumerate(asked):
            for name, shares in (("own", seen["marginals"][k]), ("pool", seen["pool"][k])):
                one[name] = [round(100 * x) for x in shares[: len(one["options"])]]
        others = seen["others"] if all(answer >= 0 for row in seen["others"] for answer in row) else []
        own: dict[str, object] = {
            "place": self.places[seen["culture"]],
            "asked": asked,
            "answers": self._numbers(others, skip=seat),
            "heard": self._heard(read, seen, skip=seat),
        }
        form = PROSE + self._lines(asked) if self.worded else _sheet(asked)
        return Chat(world, seat, (), form=form), self._messages("agent.answer", own, seat)

    # ------------------------------------------------------------------ to the synthesiser

    def _synthesiser(self, read: Read, seen: Seen, world: int, seat: int) -> Asked:
        own = self._merged(read, seen)
        asked: list[dict[str, list[str]]] = own["asked"]  # type: ignore[assignment]  # a template's values
        names = "|".join(re.escape(name) for name in self.survey.cultures)
        form = _sheet(asked, rf"(; ({names})[^\n]{{0,400}})?")
        if self.worded:
            tone, tones = re.escape(self.wordings.label("tone")), self.wordings.listed("tones")
            form = PROSE + self._lines(asked) + rf"\n{tone}: ({'|'.join(map(re.escape, tones))})"
        return Chat(world, seat, (), form=form), self._messages("synthesiser.merge", own, seat, turned=False)

    def _free(self, read: Read, seen: Seen, world: int, seat: int) -> Asked:
        own = self._merged(read, seen)
        name = "synthesiser.merge.choose"
        return Chat(world, seat, ()), [("system", Told(f"{name}.system", own)), ("user", Told(f"{name}.free", own))]

    def _merged(self, read: Read, seen: Seen) -> dict[str, object]:
        called = self.places if self.worded else self.survey.cultures  # as citations are read
        return {
            "aim_is": self.options.reward,
            "asked": self._asked(read, seen, turned=False),
            "answers": [] if self.worded else self._numbers(seen["said"]),
            "heard": self._heard(read, seen),
            "people": [
                {"place": name, "share": round(100 * x)}
                for name, x in zip(called, seen["people"], strict=True)
                if x > 0
            ],
        }

    # ------------------------------------------------------------------ what several are told

    def _asked(self, read: Read, seen: Seen, turned: bool) -> list[dict[str, "list[str]"]]:
        """The questions in the words in which they were asked, and the options of each, in the order shown."""
        found = []
        for k, q in enumerate(seen["asked"]):
            if self.worded:
                text = read(seen["asking"][k]) or self.survey.texts[q]  # whoever asked it may have said nothing
                options = [read(option) for option in seen["options"][k] if option]
            else:
                text, options = self.survey.texts[q], list(self.survey.labels[q][:: -1 if turned else 1])
            found.append({"text": text, "options": options})
        return found  # type: ignore[return-value]  # lists vary

    def _numbers(self, answers: Sequence[Sequence[int]], skip: int = -1) -> list[dict[str, object]]:
        """The numbers of the options that agents chose."""
        return [
            {"place": self.survey.cultures[c], "options": [option + 1 for option in row]}
            for c, row in enumerate(answers)
            if c != skip
        ]

    def _heard(self, read: Read, seen: Seen, skip: int = -1) -> list[dict[str, str]]:
        """What agents said, of all that said anything."""
        said = [" ".join(filter(None, map(read, ids))) for ids in seen["heard"]] if self.worded else []
        return [{"place": self.places[c], "said": text} for c, text in enumerate(said) if text and c != skip]

    def _lines(self, asked: Sequence[dict[str, "list[str]"]]) -> str:
        """The form of the last lines."""
        answer, several = re.escape(self.wordings.label("answer")), len(asked) > 1
        return "".join(
            rf"\n{k if several else answer}: ({'|'.join(map(re.escape, one['options']))})"
            for k, one in enumerate(asked, 1)
        )


def _sheet(asked: Sequence[dict[str, "list[str]"]], after: str = "") -> str:
    """A line for each question with one of its options by number, and what may follow it there."""
    return "\n".join(
        f"{k}: ({'|'.join(str(o + 1) for o in range(len(one['options'])))}){after}" for k, one in enumerate(asked, 1)
    )
