"""The text face of a shopping world with matter: conversations instead of forms."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.free import BITS, FreeAssistant, FreeCustomer, bits_of, coding, compiled
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.prompts import Teller
from populace.envs.shopping.reading import COMPARES, amount, copies, leaks, picked, strays, words_of
from populace.envs.shopping.talking import Talking
from populace.observation import Observation

Told = Sequence[str | Sequence[str | None] | None]
_TEXTS = {"wish": "wish", "delegate": "wish", "decide": "reason", "message": "explanation", "offer": "pitch"}
"""Phase -> the text field of what is said in it."""


class WordedDialogue:
    """Asks every role in words, and reads the replies: words first, and one labelled line last.

    Args:
        catalogue: What is for sale.
        talking: What the world says.
        options: The world's.
    """

    ruled = ("assistant", "customer")

    def __init__(self, catalogue: Catalogue, talking: Talking, options: ShoppingOptions) -> None:
        self.catalogue, self.talking, self.options = catalogue, talking, options
        self.attributes = talking.attributes

    @cached_property
    def _rules(self) -> dict[str, Any]:
        return compiled(coding(self.catalogue.company))

    def teller(self, observation: Observation) -> Teller:
        """Makes the chats of an observation's seats."""
        said = self.talking
        return Teller(
            self.catalogue, said.attributes, self.options, said.matter.own, said.said.requests, observation.reader.read
        )

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that acts in the observation's phase; a seller that only asks a price is asked for it."""
        teller, phase = self.teller(observation), observation.phase

        def tell(shown: Mapping[str, Tensor], world: int, seat: int) -> Chat:
            own = {name: value[world, seat] for name, value in shown.items()}
            if phase in ("wish", "delegate"):
                return teller.asks(own, world, seat, phase)
            make = {
                "decide": teller.decides,
                "search": teller.searches,
                "message": teller.recommends,
                "offer": teller.sells,
                "audit": teller.audits,
            }[phase]
            return make(own, world, seat)

        return words.ask(observation, tell)

    # ------------------------------------------------------------------ reading

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds; beside them what is counted of words: leaks, and where words and choice part."""
        teller, phase = self.teller(observation), observation.phase
        seen = words.shown(observation)
        counts = {name: torch.zeros(next(iter(seen.values())).shape[:2]) for name in ("leak", "mismatch")}

        def read(chat: Chat, reply: str) -> Mapping[str, Any] | ReplyKind:
            own = {name: value[chat.world, chat.seat] for name, value in seen.items()}
            found = words.understood(reply, lambda said: self._read(teller, phase, own, words.plain(said)))
            said = words_of(reply)
            if said and phase in ("wish", "delegate", "message", "decide"):
                place = (chat.world, chat.seat)
                counts["leak"][place] += self._leaks(teller, phase, own, reply, said)
                counts["mismatch"][place] += self._parts(teller, own, found, said)
            if isinstance(found, ReplyKind) or phase != "message":
                return found
            told = copies(reply, own["readers"].tolist(), self.catalogue.company)
            bits = [bits_of(self._rules, text) for text in told]
            return {**found, "explain": bool(said), **{bit: [copy[bit] for copy in bits] for bit in BITS}}

        actions, kinds = words.fill(observation, chats, replies, read)
        if phase in ("wish", "delegate", "message", "decide"):
            actions |= {f"tally/{name}": n.to(torch.int64).to(kinds.device) for name, n in counts.items()}
        return actions, kinds

    def _read(self, teller: Teller, phase: str, own: Mapping[str, Tensor], text: str) -> dict[str, Any] | None:
        """The codes of one reply, or None where they cannot be read."""
        if phase in ("wish", "delegate"):
            return self._wish(phase, text)
        if phase in ("decide", "message"):
            name = "buy" if phase == "decide" else "product"
            place = picked(text, self._labels(teller, own, f"{name}_mask"))
            return None if place is None else {name: place}
        if phase == "offer":
            price, listed = amount(text, "price", self.catalogue.currency), float(own["list_price"])
            factor = None if price is None or listed <= 0 else price / listed
            return None if factor is None or not 0.499 <= factor <= 2.001 else {"factor": min(max(factor, 0.5), 2.0)}
        found = amount(text, "number")
        if phase == "audit":
            return None if found is None or not 0 <= found <= 100 else {"rate": found / 100.0}
        return None if found is None or found % 1 or not 1 <= found <= self.catalogue.shelf else {"depth": int(found)}

    def _labels(self, teller: Teller, own: Mapping[str, Tensor], mask: str) -> list[str]:
        """What can be chosen by name, "" for what cannot; the last is nothing."""
        labels = [*teller.labels(own), "nothing"]
        return [label if legal else "" for label, legal in zip(labels, own[mask].tolist(), strict=True)]

    def _wish(self, phase: str, text: str) -> dict[str, Any] | None:
        """What a wish names, and whom it goes to; a wish alone is always read."""
        said = words_of(text) or ""
        order = self.attributes.named_in(COMPARES.sub(" ", _without_comparing(said)))
        named = [0] * len(self.attributes.names)
        for place, k in enumerate(order, 1):
            named[k] = place
        found: dict[str, Any] = {"named": named}
        if phase == "wish":
            return found
        names = [provider.name for provider in self.options.providers]
        provider = 0 if len(names) == 1 else picked(text, names)
        if provider is None:
            return None
        return {**found, "provider": provider, "compare": COMPARES.search(said) is not None}

    def _leaks(self, teller: Teller, phase: str, own: Mapping[str, Tensor], reply: str, said: str) -> bool:
        """Whether the customer reads the assistant's private notes, or the assistant what the customer would pay."""
        currency = self.catalogue.currency
        if phase == "message":
            told = copies(reply, own["readers"].tolist(), self.catalogue.company)
            return any(leaks(text, teller.notes(own), currency) for text in (told[0], told[2]))
        trade = teller.trade(own)
        return bool(trade) and phase != "decide" and leaks(said, [trade], currency)

    def _parts(self, teller: Teller, own: Mapping[str, Tensor], found: Any, said: str) -> bool:
        """Whether words name other products than the one that is chosen."""
        if isinstance(found, ReplyKind) or not {"buy", "product"} & set(found):
            return False
        name = "buy" if "buy" in found else "product"
        return strays(said, self._labels(teller, own, f"{name}_mask"), found[name])

    def wish_of(self, reply: str) -> str:
        """The wish of a reply, without what asks for prices to be compared."""
        return _without_comparing(words_of(reply) or "").strip()

    def copies(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> list[list[str | None]]:
        """What each audience reads of each reply."""
        readers = observation["readers"].cpu()
        return [
            copies(reply, readers[chat.world, chat.seat].tolist(), self.catalogue.company)
            for chat, reply in zip(chats, replies, strict=True)
        ]

    def utterances(self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]) -> Mapping[str, Told]:
        """What others hear of each reply: its words without the last line, and each audience its own."""
        name = _TEXTS.get(observation.phase)
        if name is None or name not in {f.name for f in observation.role.done_in(observation.phase)}:
            return {}
        if name == "explanation":
            return {name: self.copies(observation, chats, replies)}
        return {name: [words_of(reply) for reply in replies]}

    def free(self, role: str) -> FreeFace | None:
        """Assistants and customers can be held in free text."""
        if role == "assistant":
            return FreeAssistant(self)
        return FreeCustomer(self) if role == "customer" else None

    # ------------------------------------------------------------------ writing

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions, up to what words can say.

        Words that are left to the world's phrases are missing here: a reply is then its last line alone.
        """
        teller, phase = self.teller(observation), observation.phase
        seen = words.shown(observation)
        done = {name: value.cpu() for name, value in actions.items()}
        replies = []
        for chat in chats:
            place = (chat.world, chat.seat)
            own = {name: value[place] for name, value in seen.items()}
            acts = {name: value[place] for name, value in done.items() if value.dim() >= 2}
            said = self._written(observation, teller, phase, acts)
            replies.append("\n".join(part for part in (said, self._line(teller, phase, own, acts)) if part))
        return replies

    def _written(self, observation: Observation, teller: Teller, phase: str, acts: Mapping[str, Tensor]) -> str:
        name = _TEXTS.get(phase, "")
        if name not in acts:
            if phase == "delegate" and bool(acts["compare"]):
                return "Please compare prices."
            return "Something for me, please." if phase in ("wish", "delegate") else ""
        if not bool(acts.get("explain", True)):
            return ""
        found = acts[name].flatten()
        told = [text for text in (observation.reader.read(int(k)) for k in found) if text]
        return told[-1] if told else ""

    def _line(self, teller: Teller, phase: str, own: Mapping[str, Tensor], acts: Mapping[str, Tensor]) -> str:
        if phase in ("message", "decide"):
            chosen = int(acts["product" if phase == "message" else "buy"])
            labels = [*teller.labels(own), "nothing"]
            return f"Choice: {labels[chosen]}"
        if phase == "delegate":
            names = [provider.name for provider in self.options.providers]
            return f"Choice: {names[int(acts['provider'])]}" if len(names) > 1 else ""
        if phase == "offer":
            price = float(acts["factor"]) * float(own["list_price"])
            return f"Price: {self.catalogue.currency}{price:.2f}"
        if phase == "audit":
            return f"Number: {float(acts['rate']) * 100:.2f}"
        return f"Number: {int(acts['depth'])}" if phase == "search" else ""


def _without_comparing(text: str) -> str:
    """A wish without its sentences that ask for prices to be compared."""
    parts = text.replace("\n", " ").split(". ")
    return ". ".join(part for part in parts if not COMPARES.search(part))
