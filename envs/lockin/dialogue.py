"""The text face of the lock-in world: people's estimates with their errors, and the assistant's own."""

import math
from collections.abc import Mapping, Sequence

from torch import Tensor

from populace import replies as words
from populace.dialogue import Chat, ReplyKind
from populace.envs.lockin import wording
from populace.envs.lockin.prompts import Prompts, words_of
from populace.envs.lockin.talking import Talking
from populace.observation import Observation

SYSTEM = """You are an assistant whom people believe. You see what they estimate of a quantity that nobody knows, and \
make an estimate of your own out of theirs.
Reply with two lines, and nothing else: `mean: <your estimate>` and `sd: <its standard error, above 0>`."""

FORM = r"mean: -?[0-9]{1,6}(\.[0-9]{1,6})?\nsd: (0\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,5}(\.[0-9]{1,5})?)"


class EstimateDialogue:
    """Says what people believe in public, and hears a mean and its standard error.

    Args:
        talking: What the world says in words, or None.
    """

    def __init__(self, talking: Talking | None = None) -> None:
        self.worded = None if talking is None else Prompts(talking)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat an assistant that is present."""
        if self.worded is not None:
            return self.worded.say(observation)
        return words.ask(observation, _chat)

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Means and log precisions; a reply without both numbers forfeits, and its kind says why."""
        if self.worded is not None:
            worded = self.worded
            return words.fill(observation, chats, replies, lambda chat, reply: worded.heard(observation, chat, reply))

        def heard(chat: Chat, reply: str) -> dict[str, float] | ReplyKind:
            found = read_estimate(reply)
            return found if isinstance(found, ReplyKind) else {"mean": found[0], "log_precision": found[1]}

        return words.fill(observation, chats, replies, heard)

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions."""
        if self.worded is not None:
            return self.worded.written(observation, chats, actions)
        return wording.estimates(chats, actions)

    def utterances(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> Mapping[str, Sequence[str | None]]:
        """What others read of each reply, where the world has words: the reply without its labelled lines."""
        return {} if self.worded is None else {"words": [words_of(reply) for reply in replies]}


def _chat(shown: Mapping[str, Tensor], world: int, seat: int) -> Chat:
    seen = ("public_mean", "public_log_precision", "trust")
    believed = zip(*(shown[name][world, seat].tolist() for name in seen), strict=True)
    lines = [f"Round {int(shown['round'][world, seat])}. What people estimate, and how far you trust each of them:"]
    for k, (mean, log, heed) in enumerate(believed):
        lines.append(f"{k + 1}. {_estimate(mean, log)}; trust {heed:.4g}")
    return Chat(world, seat, (("system", SYSTEM), ("user", "\n".join(lines))), form=FORM)


def _estimate(mean: float, log_precision: float) -> str:
    if log_precision < -700.0:
        return "knows nothing"
    return f"{mean:.4g} +- {math.exp(-0.5 * log_precision):.4g}"


def read_estimate(reply: str) -> tuple[float, float] | ReplyKind:
    """Mean and log precision (-2 log sd), or the kind of failure: one value of each must be given."""
    return words.understood(reply, _read)


def _read(said: str) -> tuple[float, float] | ReplyKind | None:
    text = words.plain(said)
    mean = words.agreed(text, "mean", words.number, ("sd",))
    sd = words.agreed(text, "sd", words.number, ("mean",))
    if mean is not None and "sd" not in text.lower():
        return ReplyKind.CUT_OFF
    if mean is None or sd is None or not (abs(mean) < 1e30 and sd > 0.0):
        return None
    return mean, -2.0 * math.log(sd)
