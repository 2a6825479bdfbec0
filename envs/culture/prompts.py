"""Prompts of the culture world with matter: the question itself, answers by name, replies words first.

A person is told what it holds, an agent how its people and all cultures answer, the synthesiser what agents said and
who will read it: no more and no less than a script in the seat may use.
"""

import re
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.culture.free import coding
from populace.envs.culture.matter import place_of
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.survey import Survey
from populace.envs.culture.talking import PARTS, WARMLY, Talking
from populace.observation import Observation

Seen = Mapping[str, Tensor]
Read = Callable[[int], str]

NAMES = ("Amara", "Marek", "Nadia", "Tom", "Irene", "Ben", "Lena", "Omar", "Mia", "Jonas", "Chen", "Rosa", "Ivan")
"""What people are called, by seat; names tell nothing."""
TONES = ("cool", "mixed", "warm")
"""How a response speaks of the cultures that it names: 0, 1/2 and 1 as a share of positive references."""
PROSE = r"[A-Za-z0-9 ,.'?-]{1,400}"
"""What a local model that is held to the form may say before its last lines."""

WARM_PERSON = (
    (
        "- coffee: How much coffee is too much? (You say: three cups.)\n"
        "- weather: Will it be a wet summer? (You say: no.)",
        "Is a fourth cup of coffee a day too much?\nAbout: coffee",
        "town",
    ),
    (
        "- chess: Is chess a sport? (You say: yes.)\n- trains: Are trains on time? (You say: rarely.)",
        "Can I count on trains to be on time?\nAbout: trains",
        "club",
    ),
)
WARM_AGENT = (
    (
        "How important is breakfast?",
        "Of your people 40 in 100 say very important, 40 in 100 rather important and 20 in 100 not important. Of all "
        "cultures alike it is 30, 40 and 30 in 100.",
        ("very important", "rather important", "not important"),
        "Most of us find breakfast rather important, but nobody minds if there is no time for it.",
        "rather important",
    ),
    (
        "Is it good to sleep at noon?",
        "Of your people 70 in 100 say yes and 30 in 100 no. Of all cultures alike it is 40 and 60 in 100.",
        ("yes", "no"),
        "Yes, most of us find it good to sleep at noon, as the day is hot.",
        "yes",
    ),
)
WARM_SYNTHESISER = (
    (
        "How important is breakfast?",
        'the islands: "Most of us find breakfast rather important."\nthe coast: "Breakfast is very important to us."',
        "Of 10 people who will read you 6 are from the islands and 4 from the coast.",
        ("very important", "rather important", "not important"),
        "On the coast breakfast is very important, and on the islands it is rather important. I would say that it is "
        "rather important to most people.",
        "rather important\nTone: warm",
    ),
    (
        "Is it good to sleep at noon?",
        'the hills: "No, we do not sleep at noon."\nthe plains: "Yes, it is good to sleep at noon."',
        "Of 10 people who will read you 5 are from the hills and 5 from the plains.",
        ("yes", "no"),
        "In the plains people find it good to sleep at noon, and in the hills they do not. Where it is hot, yes, it is "
        "good to sleep.",
        "yes\nTone: mixed",
    ),
)
"""Two rounds on other matters that show the form of a reply; every other seat has them the other way round."""


class Prompts:
    """Says what a seat is told in words, and reads its replies.

    Args:
        survey: The survey.
        options: The world's.
        talking: What the world says in words.
    """

    def __init__(self, survey: Survey, options: CultureOptions, talking: Talking) -> None:
        self.survey, self.options, self.talking = survey, options, talking
        self.places = [place_of(name) for name in survey.cultures]
        rules = coding(survey.cultures).rules
        self._named = [
            re.compile("|".join((re.escape(place.removeprefix("the ")), *rules[name])), re.I)
            for name, place in zip(survey.cultures, self.places, strict=True)
        ]

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

    # ------------------------------------------------------------------ what is heard

    def heard(self, observation: Observation, chat: Chat, reply: str) -> Mapping[str, object] | ReplyKind:
        """What a reply does."""
        role = observation.role.name
        if role == "person":
            return words.understood(reply, self._meeting)
        place = (chat.world, chat.seat)
        read = observation.reader.read
        options = [[read(found) for found in row if found] for row in observation["options"][place].tolist()]

        def answered(said: str) -> Mapping[str, object] | ReplyKind | None:
            text = words.plain(said)
            found = _answers(text, options)
            if found is None or isinstance(found, ReplyKind):
                return found
            if role == "agent":
                return {"answers": torch.tensor(found)}
            tone = words.agreed(text, "Tone", lambda value: words.choice(value, TONES), ("Answer",))
            if tone is None:
                return None if words.has(text, "Tone") else ReplyKind.CUT_OFF
            own = words_of(reply) or ""
            counts = [min(len(rule.findall(own)), self.options.references) for rule in self._named]
            references = torch.tensor([counts] * len(options))
            return {"answers": torch.tensor(found), "references": references, "positive": tone / 2.0}

        return words.understood(reply, answered)

    def _meeting(self, said: str) -> Mapping[str, object] | None:
        text, layers = words.plain(said), [layer.name for layer in self.options.layers]
        question = words.agreed(text, "About", lambda value: words.choice(value, self.survey.questions), ("Meet",))
        layer: int | None = 0
        if len(layers) > 1:
            layer = words.agreed(text, "Meet", lambda value: words.choice(value, layers), ("About",))
        return None if question is None or layer is None else {"layer": layer, "question": question}

    def utterances(
        self, observation: Observation, replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | Sequence[str | None] | None]]:
        """What others read of each reply: its words, all of them beside the first question."""
        said = [words_of(reply) for reply in replies]
        if observation.role.name == "person":
            return {"words": said}
        size = observation["asked"].shape[-1] * (PARTS if observation.role.name == "synthesiser" else 1)
        return {"words": [[text, *["" if text is not None else None] * (size - 1)] for text in said]}

    def written(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """What a script would reply: its words, or those that the world gives them, and its lines."""
        read, role, found = observation.reader.read, observation.role.name, []
        ids = actions.get("words")
        if ids is None:
            ids = self._phrases(observation, role, actions)
        for chat in chats:
            w, s = chat.world, chat.seat
            said = " ".join(text for text in map(read, ids[w, s].flatten().tolist()) if text)
            if role == "person":
                lines = [f"About: {self.survey.questions[int(actions['question'][w, s])]}"]
                if len(self.options.layers) > 1:
                    lines.append(f"Meet: {self.options.layers[int(actions['layer'][w, s])].name}")
            else:
                chosen = actions["answers"][w, s].tolist()
                options = [[read(found) for found in row if found] for row in observation["options"][w, s].tolist()]
                several = len(chosen) > 1
                lines = [
                    f"{k + 1 if several else 'Answer'}: {labels[min(o, len(labels) - 1)]}"
                    for k, (o, labels) in enumerate(zip(chosen, options, strict=True))
                ]
            if role == "synthesiser":
                positive = float(actions["positive"][w, s].mean())
                lines.append(f"Tone: {TONES[(positive >= 1.0 - WARMLY) + (positive > WARMLY)]}")
            found.append("\n".join([said, *lines]))
        return found

    def _phrases(self, observation: Observation, role: str, actions: Mapping[str, Tensor]) -> Tensor:
        """Ids of a script's words, the first of each wording."""
        said = self.talking.said
        if role == "person":
            wanted = actions["question"]
            return said.asks.say((wanted,), torch.zeros(wanted.shape, device=wanted.device))
        answers, asked = actions["answers"], observation["asked"]
        if role == "agent":
            sizes = observation["sizes"]
            shown = torch.minimum(answers, sizes - 1)
            option = torch.where(observation["descending"].unsqueeze(-1), sizes - 1 - shown, shown)
            return said.says.say((asked, option), torch.zeros(asked.shape, device=asked.device))
        luck = torch.zeros((*asked.shape[::2], PARTS), device=asked.device)
        merged = torch.minimum(answers, observation["sizes"] - 1)[:, 0]
        found = self.talking.responses(
            asked[:, 0], merged, actions["references"][:, 0].float(), actions["positive"][:, 0], luck
        )
        return found.unsqueeze(1)


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
        return f"Then end with a line that begins with `Answer:` and holds one of these: {', '.join(options[0])}."
    listed = "\n".join(f"{k}: {', '.join(labels)}" for k, labels in enumerate(options, 1))
    return f"Then end with a line for each question: its number, a colon, and one of the answers listed here.\n{listed}"


def _lines(options: Sequence[Sequence[str]]) -> str:
    """The form of the last lines."""
    several = len(options) > 1
    return "".join(
        rf"\n{k if several else 'Answer'}: ({'|'.join(map(re.escape, labels))})" for k, labels in enumerate(options, 1)
    )


def _answers(text: str, options: Sequence[Sequence[str]]) -> list[int] | ReplyKind | None:
    """The option of each question."""
    if len(options) == 1:
        found = words.agreed(text, "Answer", lambda value: words.choice(value, options[0]), ("Tone",))
        return None if found is None else [found]
    given: list[int | None] = [None] * len(options)
    for item in words.numbered(text, dots=False):
        k = item.number - 1
        place = words.choice(item.value, options[k]) if item.group is None and 0 <= k < len(options) else None
        if place is None:
            continue
        if given[k] not in (None, place):
            return None
        given[k] = place
    answers = [place for place in given if place is not None]
    if len(answers) < len(options):
        return ReplyKind.CUT_OFF if words.begun_in_order([place is not None for place in given]) else None
    return answers


def _dealt(seat: int) -> tuple[int, int]:
    """The order of the two rounds on other matters, which every other seat has the other way round."""
    return (0, 1) if seat % 2 == 0 else (1, 0)


def _listed(parts: Sequence[str]) -> str:
    """`a`, `a and b`, `a, b and c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"


def _either(parts: Sequence[str]) -> str:
    return f"{', '.join(parts[:-1])} or {parts[-1]}"


_LINE = re.compile(r"(?im)^[ \t*_#>`(\[-]*(?:about|meet|answer|tone|[0-9]+[)\]]?)[*_` \t]{0,4}[:=][^\n]*$")
"""A labelled line."""


def words_of(reply: str) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    said = words.spoken(reply).text
    found = "\n".join(line.rstrip() for line in _LINE.sub("", said).splitlines() if line.strip()).strip()
    return found or (None if said.strip() else "")


__all__ = ["NAMES", "Prompts", "words_of"]
