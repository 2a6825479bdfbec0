"""The text face: the form of Tin Men (Phelps and Ranson 2023), an explanation and a choice; our own wording."""

import math
import re
from collections.abc import Mapping, Sequence
from functools import partial
from typing import Any

from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.shopping import wording
from populace.envs.shopping.audience import Masks
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.plain import Plain
from populace.fields import Field
from populace.observation import Observation
from populace.wordings import Told, Wordings


class TinMenDialogue:
    """Asks assistants (and customers, sellers and auditors, plainly) in words, and reads the replies.

    Args:
        wordings: The table that prompts are in.
        catalogue: What is for sale.
        masks: What customers are shown.
    """

    def __init__(self, wordings: Wordings, catalogue: Catalogue, masks: Masks) -> None:
        self.wordings, self.catalogue, self.masks = wordings, catalogue, masks

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that acts in the observation's phase."""
        veiled = () if self.masks.truth.buyer else self.catalogue.hidden
        plain = Plain(self.wordings, self.catalogue, self.masks.commission.buyer, veiled)
        return words.ask_in(
            self.wordings,
            observation,
            lambda seen, world, seat: self._chat(plain, observation, seen, world, seat),
        )

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds of failure; a reply without a readable choice forfeits."""
        role, phase = observation.role.name, observation.phase
        choosing = (role, phase) in (("assistant", "message"), ("customer", "decide"))

        def heard(chat: Chat, reply: str) -> dict[str, Any] | ReplyKind:
            if choosing:
                return words.understood(reply, lambda said: self._chosen(observation, chat, words.plain(said)))
            return words.understood(reply, lambda said: _lines(self.wordings, observation, words.plain(said)))

        return words.fill(observation, chats, replies, heard)

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions."""
        return wording.replies(self.wordings, observation, self.catalogue, chats, actions)

    # ------------------------------------------------------------------ asking

    def _chat(self, plain: Plain, observation: Observation, own: words.Seen, world: int, seat: int) -> words.Asked:
        role, phase = observation.role.name, observation.phase
        name, lead = f"{role}.{phase}", f"{self.wordings.label('choice')}: "
        fields = {f.name: f for f in (*observation.role.seen_in(phase), *observation.role.done_in(phase))}
        chat = Chat(world, seat, ())
        if (role, phase) in (("assistant", "message"), ("customer", "decide")):
            mask = own["product_mask" if role == "assistant" else "buy_mask"]
            ids = tuple(str(k + 1) for k, there in enumerate(mask[:-1]) if there)
            lines = plain.products(own, f"{role}.product")
            listed = tuple(lines) if len(lines) == len(ids) else ()  # none where others are listed too
            nothing = ("0",) if role == "customer" and mask[-1] else ()
            chat = Chat(world, seat, (), (*ids, *nothing), lead=lead, listed=listed)
            if role == "assistant":
                told = plain.assistant(own, fields["provider"].names, lines, bool(mask[-1]))
            else:
                told = plain.customer(own, (), lines)
        else:
            told = self._told(plain, role, own, fields)
            labels = {f.name: self.wordings.label(f.name) for f in observation.role.done_in(phase)}
            done = observation.role.done_in(phase)
            form = "\n".join(f"{re.escape(labels[f.name])}: ({_allowed(f, self.wordings)})" for f in done)
            chat = Chat(world, seat, (), form=form, lead=f"{labels[done[0].name]}: ")
        return chat, [(who, Told(f"{name}.{who}", told)) for who in ("system", "user")]

    def _told(self, plain: Plain, role: str, own: words.Seen, fields: Mapping[str, Field]) -> dict[str, object]:
        """What roles are told that fill in a number or a name."""
        if role == "customer":
            return plain.customer(own, fields["provider"].labels, ())
        if role == "assistant":
            return plain.assistant(own, fields["provider"].names, (), True)
        if role == "seller":
            return {"factor": own["factor"], "share_bought": own["share"]}
        return {
            "company": self.catalogue.company,
            "earned": plain.money(own["earned"]),
            "found": own["found"],
            "disclosed": own["disclosed"],
        }

    # ------------------------------------------------------------------ reading

    def _chosen(self, observation: Observation, chat: Chat, text: str) -> dict[str, Any] | ReplyKind | None:
        """A product, and what the assistant says of it: all that stands before the line of the choice."""
        name = "product" if observation.role.name == "assistant" else "buy"
        own = {field: value[chat.world, chat.seat].cpu() for field, value in observation.items()}
        places = [k for k, legal in enumerate(own[f"{name}_mask"].tolist()) if legal]
        last = len(own[f"{name}_mask"]) - 1
        labels = [str(0 if k == last else k + 1) for k in places]
        choice, explanation = self.wordings.label("choice"), self.wordings.label("explanation")
        if words.has(text, choice):
            chosen = words.agreed(text, choice, lambda value: self._numbered(value, labels, places, own))
        else:
            chosen = words.exactly(text, labels)
        if chosen is None:
            return _begun(text, explanation, choice)
        if name == "buy":
            return {"buy": places[chosen]}
        explained = words.before(text, choice) if words.has(text, choice) else ""
        bits = wording.coded(explained.lower(), self.catalogue.company)
        told = bool(re.sub(rf"(?i)^\W*{re.escape(explanation)}\W*", "", explained).strip())
        return {
            "product": places[chosen],
            "explain": told,
            **{bit: own["readers"] & flag for bit, flag in bits.items()},
        }

    def _title(self, own: Mapping[str, Tensor], k: int) -> str:
        """A product's name, of a catalogue that is on the shelf as it is."""
        gaps = (self.catalogue.features - own["offers"][k]).abs().sum(-1)
        return self.catalogue.titles[int(gaps.argmin())]

    def _numbered(
        self, value: str, labels: Sequence[str], places: Sequence[int], own: Mapping[str, Tensor]
    ) -> int | None:
        """The label that a value states; a product's name may stand beside its own number, and is never a number."""
        named = set()
        shelf = range(len(own["price"])) if self.catalogue.stocking == "fixed" else ()
        titles = {k: self._title(own, k).casefold() for k in shelf if bool(own["available"][k])}
        numbers = re.compile(rf"\[?(?<!\w){re.escape(self.wordings.label('product_id').casefold())}[:\s]+(\d+)\]?")
        value = value.casefold()
        for title in sorted(set(titles.values()), key=len, reverse=True):
            if title in value:
                named.add(title)
                value = value.replace(title, " ")
        chosen = words.choice(numbers.sub(r"\1", value), labels)
        return chosen if chosen is not None and named <= {titles.get(places[chosen])} else None


def _begun(text: str, explanation: str, choice: str) -> ReplyKind | None:
    """CUT_OFF for a form that was begun and never reached its second line."""
    begun = text.lower().startswith(f"{explanation.lower()}:") and not words.has(text, choice)
    return ReplyKind.CUT_OFF if begun and not text.endswith((".", "!", "?", '"')) else None


def _lines(wordings: Wordings, observation: Observation, text: str) -> dict[str, Any] | None:
    """Lines `label: value`, one for each field."""
    labels = {f.name: wordings.label(f.name) for f in observation.role.done_in(observation.phase)}
    done = {
        f.name: words.agreed(text, labels[f.name], partial(_value, f, wordings), list(labels.values()))
        for f in observation.role.done_in(observation.phase)
    }
    return None if None in done.values() else done


def _value(f: Field, wordings: Wordings, said: str) -> float | int | None:
    if f.kind in ("choice", "flag"):
        return words.choice(said, f.labels if f.kind == "choice" else wordings.listed("no_yes"))
    found = words.number(said)
    if found is None or not f.low <= found <= f.high or (f.kind == "count" and found % 1):
        return None
    return found


def _allowed(f: Field, wordings: Wordings) -> str:
    """What a form allows for a field: labels, yes or no, whole numbers, or reals of two decimals within bounds."""
    if f.kind == "choice":
        return "|".join(re.escape(label) for label in f.labels)
    if f.kind == "flag":
        return "|".join(map(re.escape, wordings.listed("no_yes")[::-1]))
    step = 1 if f.kind == "count" else 100
    numbers = range(math.ceil(f.low * step), math.floor(f.high * step) + 1)
    return "|".join(str(n) if step == 1 else re.escape(f"{n / step:.2f}") for n in numbers)
