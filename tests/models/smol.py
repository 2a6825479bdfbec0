"""SmolLM2 on the seats of all worlds: what each is asked with words, what it replies, and how that is read."""

from collections import Counter
from dataclasses import dataclass, field
from functools import cache

import torch

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.interpret.interpreted import Interpreted
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.agents.llm.seats.closing import stopped
from populace.agents.users import PopulationSpec, SpecPopulation
from populace.builder import build
from populace.dialogue import ReplyKind
from populace.run import advance, see, start

REPLIES = 40
"""Replies of each seat."""
SEEDS = torch.randint(-(1 << 62), 1 << 62, (REPLIES,), generator=torch.Generator().manual_seed(0)).tolist()
STORE = ["offer", "delegate", "search", "message", "decide", "audit"]
SELLERS = [{"name": "Pia"}, {"name": "Otto", "loyalty": 0.3, "contract": {"commission": 0.1}}]
SHOP = {"matter": "products", "phases": STORE, "providers": SELLERS, "describe": True, "shelf": 4}
SURVEY = {"matter": "survey", "asked": 1, "survey": {"source": "questions", "questions": 6}}
LAYERS = {**SURVEY, "layers": [{"name": "neighbours"}, {"name": "work"}]}
VALUES = {"matter": "statements", "questionnaire": {"loadings": "statements", "asked": 4, "beta": 1.5}}
CENTURY = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
PEOPLE = {"values": {"names": CENTURY, "distribution": {"normal": {"mean": 0, "sd": 1}}}}


@dataclass(frozen=True)
class Seat:
    """A seat that speaks.

    Attributes:
        world: Short name.
        role: Who speaks.
        phase: When.
        options: Of the world.
        population: As in a scenario.
        free: Whether in free text, read by the rules.
        more: What tells it from another seat of the same role and phase.
    """

    world: str
    role: str
    phase: str
    options: dict = field(default_factory=dict, hash=False)
    population: dict | None = field(default=None, hash=False)
    free: bool = False
    more: str = ""

    def __str__(self):
        return "-".join(filter(None, (self.world, self.role, self.phase, self.more, "free" if self.free else "")))


SEATS = (
    Seat("drift", "user", "put", {"matter": "claims"}),
    Seat("drift", "assistant", "speak", {"matter": "claims"}, free=True),
    Seat("drift", "user", "rate", {"matter": "claims"}),
    Seat("drift", "auditor", "rate", {"matter": "claims", "audit_budget": 0.25}),
    Seat("payoff", "user", "ask", {"matter": "questions", "turns": 3, "form": "plain"}),
    Seat("payoff", "assistant", "respond", {"matter": "questions", "turns": 3, "form": "plain"}),
    Seat("shopping", "seller", "offer", SHOP),
    Seat("shopping", "customer", "delegate", SHOP),
    Seat("shopping", "assistant", "search", SHOP),
    Seat("shopping", "assistant", "message", SHOP),
    Seat("shopping", "customer", "decide", SHOP),
    Seat("shopping", "auditor", "audit", SHOP),
    Seat("coevolution", "user", "answer", VALUES, PEOPLE),
    Seat("coevolution", "assistant", "advise", VALUES, PEOPLE),
    Seat("culture", "person", "exchange", SURVEY),
    Seat("culture", "person", "exchange", LAYERS, more="layers"),
    Seat("culture", "agent", "answer", SURVEY),
    Seat("culture", "synthesiser", "merge", SURVEY),
    Seat("lockin", "assistant", "advise", {"matter": "quantities"}),
    Seat("matrix", "player", "talk", {"talk": True, "matching": "pairs"}),
    Seat("matrix", "player", "play", {"talk": True, "matching": "pairs"}),
    Seat("agency", "customer", "offer", {"game": "contract", "talk": True}),
    Seat("agency", "assistant", "act", {"game": "contract", "talk": True}),
    Seat("agency", "assistant", "act", {"game": "cheap-talk", "talk": True}, more="cheap talk"),
    Seat("agency", "customer", "respond", {"game": "cheap-talk", "talk": True}, more="cheap talk"),
)


@cache
def backend():
    return Local(
        LocalOptions(model="smollm2", device="cpu", dtype="bfloat16", temperature=0.5, choices="write", max_reply=60)
    )


def asked(seat, count=REPLIES):
    """Some observations of a seat, each with its dialogue and chats: `count` chats in all, from several ticks."""
    spec = (
        None
        if seat.population is None
        else SpecPopulation(PopulationSpec.model_validate({"size": 6, **seat.population}))
    )
    built = build(f"populace/{seat.world}-v0", options=seat.options, users=6, population=spec)
    stage, policies = built.world, built.policies
    run, found, left = start(stage, policies, built.population, seed=11, worlds=10), [], count
    while left > 0:
        if stage.phases[run.phase] == seat.phase:
            observation = see(stage, run, stage.role(seat.role))
            dialogue = observation.dialogue()
            if seat.free:
                dialogue = Interpreted.of(InterpreterOptions(rules={}), dialogue, seat.role)
            chats = list(dialogue.say(observation))
            present = observation.present
            chats = [chat for chat in chats if present is None or bool(present[chat.world, chat.seat])]
            # Spread over worlds and seats, which differ in what they see.
            some = chats[:: max(1, len(chats) // 10)][: min(10, left)]
            found.append((observation, dialogue, some))
            left -= len(some)
        run, _ = advance(stage, policies, run)
    return found


@dataclass(frozen=True)
class Row:
    """A reply, and what became of it: `seen` and `done` are the seat's fields."""

    chat: object
    reply: object
    kind: ReplyKind
    seen: dict
    done: dict


@cache
def played(seat, count=REPLIES, model=None):
    """What a seat is told and replies, as the model writes and the world reads; `model`: another than SmolLM2."""
    asks, found = asked(seat, count), []
    flat = [chat for _, _, chats in asks for chat in chats]
    told = [
        Ask(chat.messages, chat.options, SEEDS[k], chat.schema, chat.form, chat.lead) for k, chat in enumerate(flat)
    ]
    replies = iter(map(stopped, flat, ask_all(model or backend(), told)))
    for observation, dialogue, chats in asks:
        own = [next(replies) for _ in chats]
        actions, kinds = dialogue.hear(observation, chats, [reply.text for reply in own])
        for chat, reply in zip(chats, own, strict=True):
            place = chat.world, chat.seat
            kind = ReplyKind(int(kinds[place]))
            if reply.kind == ReplyKind.CUT_OFF and kind == ReplyKind.OK and reply.text.rstrip()[-1:].isdigit():
                kind = ReplyKind.CUT_OFF  # as a policy would have it: further digits may be missing
            seen = {name: value[place] for name, value in (*observation.items(), *observation.reader.ground.items())}
            done = {name: value[place] for name, value in actions.items()}
            found.append(Row(chat, reply, kind, seen, done))
    return found


def readable(found):
    """How many replies were read as they stand; where words are all that is asked for, how many say something."""
    return sum(row.kind == ReplyKind.OK and bool(row.reply.text.strip()) for row in found)


def kinds(found):
    return Counter(row.kind.name.lower() for row in found)
