"""The text face of the matrix world: the game itself, told in words, and a choice by the name of an act."""

import re
from collections.abc import Callable, Mapping, Sequence
from itertools import product

import torch
from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.matrix.options import MatrixOptions
from populace.envs.matrix.roles import meets
from populace.observation import Observation

LEAD = "Choice: "
PROSE = r"[A-Za-z0-9 ,.?'-]{1,200}"


class GameDialogue:
    """Tells the game and what was met, and hears one act; with `talk`, a sentence to the other player before it.

    Args:
        options: The world's.
    """

    def __init__(self, options: MatrixOptions) -> None:
        self.options = options
        self.labels = options.names
        self.joint = tuple(product(self.labels, repeat=len(options.shape) - 1))

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a player who is present."""
        read = observation.reader.read
        return words.ask(observation, lambda seen, world, seat: self._chat(observation.phase, read, seen, world, seat))

    def _chat(self, phase: str, read: Callable[[int], str], seen: Mapping[str, Tensor], world: int, seat: int) -> Chat:
        place = (world, seat)
        system = f"You play a game for points. {meets(self.options)} {self._game(seen, place)}"
        past = self._past(seen, place)
        if phase == "talk":
            ask = (
                "Before you both choose, you can say one sentence to the other player. It need not be true. Write it, "
                "and nothing else."
            )
            return Chat(world, seat, (("system", system), ("user", f"{past} {ask}")), form=PROSE)
        if "heard" in seen:
            own, heard = (read(int(seen[name][place])) for name in ("said", "heard"))
            past += f' You said: "{own}" The other player said: "{heard}"'
        listed = words_or(self.labels)
        ask = f'What do you do? Reply with one line that begins with "Choice:" and names one of these: {listed}.'
        messages = (("system", system), ("user", f"{past} {ask}"))
        return Chat(world, seat, messages, self.labels, lead=LEAD, listed=self.labels)

    def _game(self, seen: Mapping[str, Tensor], place: tuple[int, int]) -> str:
        """Every cell: what the player gets, and what the others get (of several, on average)."""
        mine, theirs = seen["mine"][place].tolist(), seen["theirs"][place].tolist()
        several = len(self.options.shape) > 2
        they = "the others get {} each on average" if several else "the other gets {}"
        cells = [
            f"If you choose {own} and {'the others choose' if several else 'the other chooses'} "
            f"{' and '.join(met)}, you get {mine[a][b]:.3g} and {they.format(f'{theirs[a][b]:.3g}')}."
            for a, own in enumerate(self.labels)
            for b, met in enumerate(self.joint)
        ]
        span = float(seen["span"][place])
        return " ".join([*cells, f"The best payoff of the game is {span:.3g} points above the worst."])

    def _past(self, seen: Mapping[str, Tensor], place: tuple[int, int]) -> str:
        """What the player did, got and met last, and what another one did."""
        labels = (*self.labels, "none")
        own = int(seen["own"][place])
        faced = seen["faced"][place].tolist()
        told = "You have not played yet."
        if own < len(self.labels):
            told = f"Last time you chose {labels[own]} and got {float(seen['payoff'][place]):.3g}."
        met = [(share, " and ".join(self.joint[k])) for k, share in enumerate(faced) if share > 0]
        if met:
            parts = [label if share > 0.999 else f"{label} ({share:.0%})" for share, label in met]
            told += f" What you met was {words_or(parts, 'and')}."
        if "model_act" in seen and int(seen["model_act"][place]) < len(self.labels):
            told += (
                f" Another player chose {labels[int(seen['model_act'][place])]} last time and got "
                f"{float(seen['model_payoff'][place]):.3g}."
            )
        return told

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
        text = words.plain(said)
        if words.has(text, "choice"):
            act = words.agreed(text, "choice", lambda value: words.choice(value, self.labels))
        else:
            act = words.choice(text, self.labels)
        return None if act is None else {"act": act}

    def promise(self, text: str) -> int:
        """1 + the one act that a sentence speaks of and does not deny, or 0."""
        found = words.named(words.plain(text), self.labels)
        return 1 + found.pop() if len(found) == 1 and not re.search(r"\b(not|never|n't|no)\b", text) else 0

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """The whole sentence."""
        if observation.phase != "talk":
            return {}
        return {"message": [words.spoken(reply).text.strip() for reply in replies]}

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these acts."""
        if observation.phase == "talk":
            return ["Let us see how it goes."] * len(chats)
        act = actions["act"].cpu()
        return [f"{LEAD}{self.labels[int(act[chat.world, chat.seat])]}" for chat in chats]


def words_or(parts: Sequence[str], last: str = "or") -> str:
    """`a, b or c`."""
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} {last} {parts[-1]}"
