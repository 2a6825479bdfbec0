"""What the seats of the payoff world are told, as plain values for its table of wordings (`words/en.yaml`).

A seat is told what a script in it may use; with matter, no code that words show.
"""

from collections.abc import Callable, Sequence

from populace.dialogue import Chat
from populace.envs.payoff.pricing import RATES
from populace.envs.payoff.primitives import ACTS, SAFE_ACTS
from populace.envs.payoff.roles import OUTCOMES
from populace.envs.payoff.types import MEANS, TYPES
from populace.replies import Asked, Seen
from populace.wordings import Told, Wordings

Read = Callable[[int], str]

PROSE = r"[A-Za-z0-9 ,.?'-]{1,300}"
"""What a local model may write that is held to the form."""


def name_of(wordings: Wordings, seat: int) -> str:
    """What the user of a seat is called; names tell nothing."""
    names = wordings.listed("names")
    return names[seat % len(names)]


def said(wordings: Wordings, read: Read, ids: Sequence[int]) -> list[str]:
    """What was said so far, in turns; what was left unsaid at its end is dropped."""
    sayings = list(ids)
    while sayings and sayings[-1] == 0:
        sayings.pop()
    return [read(found) or wordings.label("silence") for found in sayings]


def of_user(wordings: Wordings, seen: Seen, seat: int, turns: int) -> dict[str, object]:
    """What a user is told who is about to write."""
    kind = dict(zip(TYPES, seen["type"], strict=True))
    ratio = {name: value / mean for (name, value), mean in zip(kind.items(), MEANS, strict=True)}
    faced = seen["faced"]
    return {
        "name": name_of(wordings, seat),
        "quality": ratio["quality"],
        "brevity": ratio["brevity"],
        "typing": ratio["typing_cost"],
        "prices": ratio["price_sensitivity"],
        "patience": kind["patience"],
        "mine": seen.get("mine"),
        "theirs": seen.get("theirs"),
        "rates": dict(zip(RATES, seen["rates"], strict=True)),
        "ambiguity": seen["ambiguity"],
        "left": seen["ambiguity"] * (1.0 - kind["intent_clarity"]),
        "last": (*ACTS, *SAFE_ACTS)[faced.index(max(faced))] if any(faced) else None,
        "outcome": OUTCOMES[seen["outcome"]],
        "turn": seen["turn"] + 1,
        "turns": turns,
        "goal": "",
        "short": "",
        "talk": [],
    }


def to_user(wordings: Wordings, read: Read, seen: Seen, world: int, seat: int, turns: int) -> Asked:
    """What a user is asked who is about to write, with two rounds on other matters in an order dealt by seat."""
    talk = said(wordings, read, seen["talk"])
    own = of_user(wordings, seen, seat, turns) | {
        "goal": read(seen["goal"]),
        "short": read(seen["short"]),
        "talk": talk,
    }
    when = "next" if talk else "first"
    messages: list[tuple[str, str | Told]] = [("system", Told("user.ask.system", own))]
    for k in (1, 2) if seat % 2 == 0 else (2, 1):
        messages += [
            ("user", Told(f"user.ask.example.{when}.{k}", own)),
            ("assistant", Told(f"user.ask.example.{when}.{k}.reply", own)),
        ]
    return Chat(world, seat, (), form=PROSE), [*messages, ("user", Told(f"user.ask.{when}", own))]


def of_assistant(wordings: Wordings, seen: Seen, seat: int, turns: int, form: str = "") -> dict[str, object]:
    """What an assistant is told before it replies; `form`: of its reply, in words."""
    clear, vague = seen["faced"]
    return {
        "name": name_of(wordings, seat),
        "form": form,
        "signal": seen["signal"],
        "clear": clear,
        "vague": vague,
        "mine": seen.get("mine"),
        "theirs": seen.get("theirs"),
        "harm": seen["third"][0] if "third" in seen else None,
        "rates": dict(zip(RATES, seen["rates"], strict=True)),
        "word_cost": seen["word_cost"],
        "usual_words": seen["usual_words"],
        "usual_reasoning": seen["usual_reasoning"],
        "turn": seen["turn"] + 1,
        "turns": turns,
    }
