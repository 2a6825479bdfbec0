"""The text face of the matrix world: the game itself, told in words, and a choice by the name of an act."""

import re
from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, FreeFace, ReplyKind
from populace.envs.matrix.free import FreePlayer
from populace.envs.matrix.options import MatrixOptions
from populace.observation import Observation
from populace.wordings import Told, Wordings

PROSE = r"[A-Za-z0-9 ,.?'-]{1,200}"


class GameDialogue:
    """Tells the game and what was met, and hears one act; with `talk`, a sentence to the other player before it.

    Args:
        options: The world's.
        wordings: The table that prompts are in.
    """

    def __init__(self, options: MatrixOptions, wordings: Wordings) -> None:
        self.options, self.wordings = options, wordings
        self.labels = options.names
        self.joint = tuple(product(self.labels, repeat=len(options.shape) - 1))

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a player who is present."""
        read, phase = observation.reader.read, observation.phase
        lead = f"{self.wordings.label('choice')}: "

        def tell(seen: words.Seen, world: int, seat: int) -> words.Asked:
            given = self._told(seen) | {name: read(seen[name]) if name in seen else "" for name in ("said", "heard")}
            messages = [(who, Told(f"player.{phase}.{who}", given)) for who in ("system", "user")]
            if phase == "talk":
                return Chat(world, seat, (), form=PROSE), messages
            return Chat(world, seat, (), self.labels, lead=lead, listed=self.labels), messages

        return words.ask_in(self.wordings, observation, tell)

    def _told(self, seen: words.Seen) -> dict[str, object]:
        """What templates are given of a seat that sees so much."""
        o = self.options
        cells = [
            {"own": own, "met": list(met), "mine": seen["mine"][a][b], "theirs": seen["theirs"][a][b]}
            for a, own in enumerate(self.labels)
            for b, met in enumerate(self.joint)
        ]
        met = [{"acts": list(self.joint[k]), "share": share} for k, share in enumerate(seen["faced"]) if share > 0]
        model = self._played(seen["model_act"], seen["model_payoff"]) if "model_act" in seen else None
        return {
            "acts": list(self.labels),
            "matching": o.matching,
            "several": len(o.shape) > 2,
            "cells": cells,
            "span": seen["span"],
            "last": self._played(seen["own"], seen["payoff"]),
            "met": met,
            "model": model,
        }

    def _played(self, act: int, payoff: float) -> dict[str, object] | None:
        """An act and what it brought; None where nothing was played."""
        return {"act": self.labels[act], "payoff": payoff} if act < len(self.labels) else None

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Acts, or of a sentence the act that it promises (`read/promise`: 0 none, else 1 + the act)."""
        if observation.phase != "talk":
            return words.fill(observation, chats, replies, lambda chat, reply: words.understood(reply, self._choice))
        nothing = torch.zeros(observation["own"].shape, dtype=torch.int64)

        def heard(chat: Chat, reply: str) -> dict[str, int] | ReplyKind:
            return words.understood(reply, lambda text: {"read/promise": self.promise(text)})

        return words.fill(observation, chats, replies, heard, {"read/promise": nothing})

    def _choice(self, said: str) -> dict[str, int] | None:
        text, label = words.plain(said), self.wordings.label("choice").lower()
        if words.has(text, label):
            act = words.agreed(text, label, lambda value: words.choice(value, self.labels))
        else:
            act = words.choice(text, self.labels)
        return None if act is None else {"act": act}

    def promise(self, text: str) -> int:
        """1 + the one act that a sentence speaks of and does not deny, or 0."""
        found = words.named(words.plain(text), self.labels)
        denials = "|".join(map(re.escape, self.wordings.listed("denials")))
        return 1 + found.pop() if len(found) == 1 and not re.search(rf"\b({denials})\b", text) else 0

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole sentence."""
        if observation.phase != "talk":
            return {}
        return {"message": [words.spoken(reply).text.strip() for reply in replies]}

    def free(self, role: str) -> FreeFace | None:
        """What players say before a move can be read by an interpreter."""
        return FreePlayer(self) if role == "player" and self.options.talk else None

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these acts."""
        if observation.phase == "talk":
            return [self.wordings.phrase("first", [{}])[0][0]] * len(chats)
        act, label = actions["act"].cpu(), self.wordings.label("choice")
        return [f"{label}: {self.labels[int(act[chat.world, chat.seat])]}" for chat in chats]
