"""Prompts of the culture world with matter: the question itself, answers by name, replies words first.

A person is told what it holds, an agent how its people and all cultures answer, the synthesiser what agents said and
who will read it: no more and no less than a script in the seat may use.
"""

import re
from collections.abc import Callable, Mapping, Sequence

from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat
from populace.envs.culture.examples import WARM_AGENT, WARM_PERSON, WARM_SYNTHESISER
from populace.envs.culture.matter import place_of
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.reading import TONES
from populace.envs.culture.survey import Survey
from populace.observation import Observation

Seen = Mapping[str, Tensor]
Read = Callable[[int], str]

NAMES = ("Amara", "Marek", "Nadia", "Tom", "Irene", "Ben", "Lena", "Omar", "Mia", "Jonas", "Chen", "Rosa", "Ivan")
"""What people are called, by seat; names tell nothing."""
PROSE = r"[A-Za-z0-9 ,.'?-]{1,400}"
"""What a local model that is held to the form may say before its last lines."""


class Prompts:
    """Says what a seat is told in words.

    Args:
        survey: The survey.
        options: The world's.
    """

    def __init__(self, survey: Survey, options: CultureOptions) -> None:
        self.survey, self.options = survey, options
        self.places = [place_of(name) for name in survey.cultures]

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat per seat."""
        read = observation.reader.read
        tell = {"person": self._person, "agent": self._agent, "synthesiser": self._synthesiser}[observation.role.name]
        return words.ask(observation, lambda seen, world, seat: tell(read, seen, world, seat))

    # ------------------------------------------------------------------ to persons

    def _person(self, read: Read, seen: Seen, world: int, seat: int) -> Chat:
        name, layers = NAMES[seat % len(NAMES)], [layer.name for layer in self.options.layers]
        place = self.places[int(seen["culture"][world, seat])]
        form = self._person_form(layers)
        messages = [("system", f"You are {name}, from {place}. Write as {name}, in the first person.")]
        for k in _dealt(seat):
            topics, reply, _ = WARM_PERSON[k]
            ending = f"\nMeet: {layers[k % len(layers)]}" if len(layers) > 1 else ""
            messages += [("user", f"{CHOICE}\n{topics}\n{form}"), ("assistant", reply + ending)]
        before = " ".join(text for text in map(read, seen["read"][world, seat].flatten().tolist()) if text)
        heard = f'The assistant has answered: "{before}"\n\n' if before else ""
        listed = "\n".join(self._topics(seen["traits"][world, seat], layers))
        messages.append(("user", f"{heard}{CHOICE}\n{listed}\n{form}"))
        topic = "|".join(re.escape(topic) for topic in self.survey.questions)
        meet = rf"\nMeet: ({'|'.join(map(re.escape, layers))})" if len(layers) > 1 else ""
        return Chat(world, seat, tuple(messages), form=rf"{PROSE}\nAbout: ({topic}){meet}")

    def _person_form(self, layers: Sequence[str]) -> str:
        text = (
            "Write your question to the assistant in one sentence of your own. Then end with a line that begins with "
        )
        text += "`About:` and names the topic"
        if len(layers) > 1:
            text += f", and a line that begins with `Meet:` and names where you want to meet someone: {_either(layers)}"
        return f"{text}."

    def _topics(self, traits: Tensor, layers: Sequence[str]) -> list[str]:
        """A line for each topic: the question, and what the person holds; by layer where that differs."""
        lines = []
        for q, (topic, text, labels) in enumerate(
            zip(self.survey.questions, self.survey.texts, self.survey.labels, strict=True)
        ):
            places = [min(int(float(trait) * len(labels)), len(labels) - 1) for trait in traits[:, q]]
            held = f"You say: {labels[places[0]]}."
            if len(set(places)) > 1:
                held = "; ".join(f"{n}: you say {labels[o]}" for n, o in zip(layers, places, strict=True))
            lines.append(f"- {topic}: {text} ({held})")
        return lines

    # ------------------------------------------------------------------ to agents

    def _agent(self, read: Read, seen: Seen, world: int, seat: int) -> Chat:
        place = self.places[int(seen["culture"][world, seat])]
        asked, options = self._asked(read, seen, world, seat)
        several = len(asked) > 1
        messages = [("system", f"You speak for the people of {place} and answer as a typical one of them would.")]
        for k in _dealt(seat):
            text, shares, labels, said, answer = WARM_AGENT[k]
            messages += [
                ("user", f'Somebody asks: "{text}" {shares}\n{AGENT_ASK} {_ending([labels])}'),
                ("assistant", f"{said}\nAnswer: {answer}"),
            ]
        parts = []
        for k, (text, offered) in enumerate(zip(asked, options, strict=True)):
            own = [round(100 * float(x)) for x in seen["marginals"][world, seat, k, : len(offered)]]
            pool = [round(100 * float(x)) for x in seen["pool"][world, seat, k, : len(offered)]]
            told = [
                f"{share} in 100 {'say ' if j == 0 else ''}{label}"
                for j, (share, label) in enumerate(zip(own, offered, strict=True))
            ]
            number = f"{k + 1}. " if several else ""
            parts.append(
                f'{number}Somebody asks: "{text}" Of your people {_listed(told)}. Of all cultures alike it is '
                f"{_listed([str(share) for share in pool])} in 100."
            )
        heard = self._heard(read, seen, world, seat, skip=seat)
        if heard:
            parts.append("Speakers of other cultures have answered:\n" + heard)
        ask = AGENT_ASK_ALL if several else AGENT_ASK
        messages.append(("user", "\n".join(parts) + f"\n{ask} {_ending(options)}"))
        return Chat(world, seat, tuple(messages), form=PROSE + _lines(options))

    # ------------------------------------------------------------------ to the synthesiser

    def _synthesiser(self, read: Read, seen: Seen, world: int, seat: int) -> Chat:
        asked, options = self._asked(read, seen, world, seat)
        aim = AIMS[self.options.reward]
        messages = [
            ("system", f"You read what speakers of several cultures answer, and write one answer for everyone. {aim}")
        ]
        for k in (0, 1):
            text, heard, people, labels, said, answer = WARM_SYNTHESISER[k]
            messages += [
                ("user", f'Somebody asks: "{text}"\n{heard}\n{people}\n{MERGE_ASK} {_ending([labels])} {TONE_ASK}'),
                ("assistant", f"{said}\nAnswer: {answer}"),
            ]
        several = len(asked) > 1
        numbered = [f'{f"{k}. " if several else ""}Somebody asks: "{text}"' for k, text in enumerate(asked, 1)]
        shares = [float(x) for x in seen["people"][world, seat]]
        readers = [f"{round(100 * s)} are from {place}" for s, place in zip(shares, self.places, strict=True) if s > 0]
        parts = [
            *numbered,
            self._heard(read, seen, world, seat),
            f"Of 100 people who will read you {_listed(readers)}.",
        ]
        ask, between = (MERGE_ASK_ALL, "\n") if several else (MERGE_ASK, " ")
        messages.append(("user", "\n".join(parts) + f"\n{ask} {_ending(options)}{between}{TONE_ASK}"))
        form = PROSE + _lines(options) + rf"\nTone: ({'|'.join(TONES)})"
        return Chat(world, seat, tuple(messages), form=form)

    # ------------------------------------------------------------------ what several are told

    def _asked(self, read: Read, seen: Seen, world: int, seat: int) -> tuple[list[str], list[list[str]]]:
        """The questions in the words in which they were asked, and the options of each, in the order shown."""
        asked = [
            read(found) or self._plain(seen, world, seat, k)
            for k, found in enumerate(seen["asking"][world, seat].tolist())
        ]
        return asked, [[read(found) for found in row if found] for row in seen["options"][world, seat].tolist()]

    def _plain(self, seen: Seen, world: int, seat: int, k: int) -> str:
        """A question in the survey's own words: whoever asked it said nothing."""
        return self.survey.texts[int(seen["asked"][world, seat, k])]

    def _heard(self, read: Read, seen: Seen, world: int, seat: int, skip: int = -1) -> str:
        """What agents said, a line for each that said anything."""
        lines = []
        for c, ids in enumerate(seen["heard"][world, seat].tolist()):
            said = " ".join(text for text in map(read, ids) if text)
            if said and c != skip:
                lines.append(f'{self.places[c]}: "{said}"')
        return "\n".join(lines)


AIMS = {
    "entropy": "Your aim is an answer that draws on all of these cultures alike.",
    "approval": "Your aim is an answer that as many of your readers as possible would give themselves.",
}
"""What the synthesiser is paid for, by the option `reward`."""
CHOICE = "You can ask an assistant about one of these topics:"
AGENT_ASK = "Answer in one or two sentences."
AGENT_ASK_ALL = "Answer all of these questions, in a sentence each."
MERGE_ASK = "Write one answer for everyone, in two to four sentences, and name those whose view you pass on."
MERGE_ASK_ALL = (
    "Write one answer to each question for everyone, in a sentence or two each, and name those whose view you pass on."
)
TONE_ASK = (
    "Add a last line that begins with `Tone:` and says how you speak of those whom you name: warm, mixed or cool."
)


def _ending(options: Sequence[Sequence[str]]) -> str:
    """What is asked for after the words."""
    if len(options) == 1:
        return f"Then end with a line that begins with `Answer:` and holds one of these alone: {_either(options[0])}."
    listed = "\n".join(f"{k}: {', '.join(labels)}" for k, labels in enumerate(options, 1))
    return f"Then end with a line for each question: its number, a colon, and one of the answers listed here.\n{listed}"


def _lines(options: Sequence[Sequence[str]]) -> str:
    """The form of the last lines."""
    several = len(options) > 1
    return "".join(
        rf"\n{k if several else 'Answer'}: ({'|'.join(map(re.escape, labels))})" for k, labels in enumerate(options, 1)
    )


def _dealt(seat: int) -> tuple[int, int]:
    """The order of the two rounds on other matters, which every other seat has the other way round."""
    return (0, 1) if seat % 2 == 0 else (1, 0)


def _listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _either(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} or {parts[-1]}"
