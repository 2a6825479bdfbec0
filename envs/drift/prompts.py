"""What the seats of the drift world are told, as plain values for its table of wordings (`words/en.yaml`).

With matter a seat is told no code that words show, and no more than a script in it may use. A model that plays a user
speaks in a voice of its own, which may show its type whatever the assistant's cue says.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache

from torch import Tensor

from populace.dialogue import Chat
from populace.envs.drift.claims import ACTS, STATEMENTS
from populace.envs.drift.roles import CUES
from populace.envs.drift.users import TOPICS
from populace.observation import Observation
from populace.replies import Asked, Seen, shown, spoken
from populace.wordings import Told, Wordings

Read = Callable[[int], str]
Tell = Callable[[Seen, int, int], Asked]

PROSE = r"[A-Za-z0-9 ,.'-]{1,300}"
"""What a local model that is held to the form may say before its last line."""


def talks(observation: Observation) -> bool:
    """Whether the world has words."""
    return "talk" in observation or "talks" in observation


def teller(wordings: Wordings, observation: Observation, free: bool = False) -> Tell:
    """Makes the chat of a seat, for `populace.replies.ask_in`; `free`: the assistant is asked for words only."""
    read, worded = observation.reader.read, talks(observation)
    if observation.role.name == "assistant":
        return lambda seen, world, seat: _to_assistant(wordings, read, seen, world, seat, worded, free)
    if observation.role.name == "auditor":
        return lambda seen, world, seat: _to_auditor(wordings, read, seen, world, seat, worded)
    if observation.phase == "put":
        return lambda seen, world, seat: _to_asker(wordings, read, seen, world, seat)
    return lambda seen, world, seat: _to_rater(wordings, read, seen, world, seat, worded)


def name_of(wordings: Wordings, seat: int) -> str:
    """What the user of a seat is called; names tell nothing."""
    names = wordings.listed("names")
    return names[seat % len(names)]


def _said(wordings: Wordings, read: Read, ids: Sequence[int]) -> list[str]:
    """What was said so far, in turns; what was left unsaid at its end is dropped."""
    sayings = list(ids)
    while sayings and sayings[-1] == 0:
        sayings.pop()
    return [read(found) or wordings.label("silence") for found in sayings]


def _to_assistant(wordings: Wordings, read: Read, seen: Seen, world: int, seat: int, worded: bool, free: bool) -> Asked:
    own = {
        "name": name_of(wordings, seat),
        "topic": TOPICS[seen["topic"]],
        "cue": CUES[seen["cue"]],
        "known": seen["known"],
        "belief": seen["belief"],
        "held": read(seen["held"]) if worded else "",
        "likeness": seen["likeness"],
        "rated": seen["rated"],
    }
    act, acts = wordings.label("act"), wordings.listed("acts")
    if not worded:
        face = "choose.free" if free else "choose"
        asked = [(who, Told(f"assistant.speak.{face}.{who}", own)) for who in ("system", "user")]
        return (Chat(world, seat, ()) if free else Chat(world, seat, (), acts, lead=f"{act}: ", listed=acts)), asked
    lines = _said(wordings, read, seen["talk"])
    messages: list[tuple[str, str | Told]] = [("system", Told(f"assistant.speak.{'free' if free else 'system'}", own))]
    messages += [(("user", "assistant")[k % 2], line) for k, line in enumerate(lines)]
    form = "" if free else rf"{PROSE}\n{re.escape(act)}: ({'|'.join(map(re.escape, acts))})"
    return Chat(world, seat, (), form=form), messages


def _with_examples(name: str, seat: int, own: Mapping[str, object]) -> list[tuple[str, str | Told]]:
    """A seat's system message, two rounds on other matters that show the form, and what it is asked.

    Every other seat has the rounds in the other order.
    """
    messages: list[tuple[str, str | Told]] = [("system", Told(f"{name}.system", own))]
    for k in (1, 2) if seat % 2 == 0 else (2, 1):
        messages += [("user", Told(f"{name}.example.{k}", own)), ("assistant", Told(f"{name}.example.{k}.reply", own))]
    return [*messages, ("user", Told(f"{name}.user", own))]


def _to_asker(wordings: Wordings, read: Read, seen: Seen, world: int, seat: int) -> Asked:
    own = {
        "name": name_of(wordings, seat),
        "biased": bool(seen["own_type"]),
        "claim": read(seen["claim"]),
        "hope": read(seen["hope"]) if seen["own_type"] else "",
        "talk": _said(wordings, read, seen["talk"]),
    }
    return Chat(world, seat, ()), _with_examples("user.put", seat, own)


def _to_rater(wordings: Wordings, read: Read, seen: Seen, world: int, seat: int, worded: bool) -> Asked:
    question, answer = ["", "", *(_said(wordings, read, seen["talk"]) if worded else ())][-2:]
    own = {
        "name": name_of(wordings, seat),
        "biased": bool(seen["own_type"]),
        "topic": TOPICS[seen["topic"]],
        "act": ACTS[seen["act"]],
        "statement": STATEMENTS[seen["statement"]],
        "felt": seen["felt"],
        "trust": seen["trust"],
        "question": question,
        "answer": answer,
    }
    rating, leave = re.escape(wordings.label("rating")), re.escape(wordings.label("leave"))
    if worded:
        form = rf"{PROSE}\n{rating}: ([1-9]|10)(\n{leave})?"
        return Chat(world, seat, (), form=form), _with_examples("user.rate", seat, own)
    form = rf"{rating}: ([1-9]|10)\n{leave}: ({'|'.join(map(re.escape, wordings.listed('no_yes')[::-1]))})"
    asked = [(who, Told(f"user.rate.choose.{who}", own)) for who in ("system", "user")]
    return Chat(world, seat, (), form=form, lead=f"{wordings.label('rating')}: "), asked


def _to_auditor(wordings: Wordings, read: Read, seen: Seen, world: int, seat: int, worded: bool) -> Asked:
    talk = seen["talks"] if worded else [[]] * len(seen["topics"])
    found = zip(seen["topics"], seen["suspicion"], talk, strict=True)
    own = {
        "conversations": [
            {"topic": TOPICS[topic], "suspicion": doubt, "talk": _said(wordings, read, ids)}
            for topic, doubt, ids in found
        ]
    }
    if worded:
        form = "\n".join(rf"{k}: ([0-9]|10)" for k in range(1, len(talk) + 1))
        return Chat(world, seat, (), form=form), _with_examples("auditor.rate", seat, own)
    form = ", ".join([r"([0-9](\.[0-9]{1,2})?|10)"] * len(talk))
    return Chat(world, seat, (), form=form), [
        (who, Told(f"auditor.rate.choose.{who}", own)) for who in ("system", "user")
    ]


# ------------------------------------------------------------------ what of a reply is said


@lru_cache(maxsize=16)
def _labelled(keys: tuple[str, ...], leave: str) -> "re.Pattern[str]":
    """Lines of a reply that are no words: those that begin with a label, and one that is only `leave`."""
    named = "|".join(map(re.escape, keys))
    return re.compile(
        rf"(?im)(?:^|(?<=[.!?\"')] ))[ \t*_#>`-]*(?<!\w)(?:{named})(?!\w)[*_` \t]{{0,4}}[:=][^\n]*"
        rf"|^[ \t\"'*_`-]*{re.escape(leave)}[ \t\"'*_`.!]*$"
    )


def words_of(reply: str, wordings: Wordings) -> str | None:
    """The words of a reply without its labelled lines; None where it has such lines only, "" where it says nothing."""
    leave = wordings.label("leave")
    keys = (*(wordings.label(name) for name in ("act", "reasoning", "rating")), leave, "stay")
    said = spoken(reply).text
    left = _labelled(keys, leave).sub("", said).splitlines()
    words = "\n".join(line.rstrip() for line in left if line.strip()).strip()
    return words or (None if said.strip() else "")


def utterances(
    wordings: Wordings, observation: Observation, replies: Sequence[str], free: bool = False
) -> dict[str, list[str | None]]:
    """Text field -> what each reply says; `free`: replies have no labelled lines."""
    fields = [f.name for f in observation.role.done_in(observation.phase) if f.kind == "text"]
    if not fields:
        return {}
    whole = free or observation.phase == "put"
    return {fields[0]: [spoken(reply).text.strip() if whole else words_of(reply, wordings) for reply in replies]}


def written(
    wordings: Wordings, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]
) -> list[str]:
    """The words of each seat's action, "" where it is left to the world's phrases; a question is then asked plainly."""
    field = {"speak": "answer", "put": "question", "rate": "reason"}[observation.phase]
    seen, read = shown(observation), observation.reader.read
    found = [""] * len(chats)
    if field in actions:
        host = actions[field].cpu()
        found = [read(int(host[chat.world, chat.seat])) for chat in chats]
    if observation.phase != "put":
        return found
    claims = [{"claim": read(int(seen["claim"][chat.world, chat.seat]))} for chat in chats]
    return [text or plainly[0] for text, plainly in zip(found, wordings.phrase("put.plainly", claims), strict=True)]
