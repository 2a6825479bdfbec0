"""The text face of the lock-in world: people's estimates with their errors, and the assistant's own."""

import math
import re
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from populace.dialogue import Chat, ReplyKind
from populace.envs.lockin import wording
from populace.observation import Observation

SYSTEM = """You are an assistant whom people believe. You see what they estimate of a quantity that nobody knows, and \
make an estimate of your own out of theirs.
Reply with two lines, and nothing else: `mean: <your estimate>` and `sd: <its standard error, above 0>`."""

FORM = r"mean: -?[0-9]{1,6}(\.[0-9]{1,6})?\nsd: (0\.[0-9]{0,5}[1-9]|[1-9][0-9]{0,5}(\.[0-9]{1,5})?)"
_FLAGS = re.IGNORECASE | re.MULTILINE
_NUMBER = r"([-+]?\d+(?:\.\d+)?(?:e[-+]?\d+)?)(?![\w.]*\d)"
_MEAN, _SD = re.compile(rf"^\W*mean\s*[:=]\s*{_NUMBER}", _FLAGS), re.compile(rf"^\W*sd\s*[:=]\s*{_NUMBER}", _FLAGS)
_REFUSAL = re.compile(r"^\s*(i('m| am) (sorry|afraid|unable)|sorry|as an ai|i (can(no|')t|won't|will not))", _FLAGS)


class EstimateDialogue:
    """Says what people believe in public, and hears a mean and its standard error."""

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat an assistant that is present."""
        means, logs = observation["public_mean"].cpu(), observation["public_log_precision"].cpu()
        trust, rounds, present = observation["trust"].cpu(), observation["round"].cpu(), observation.present
        taken = torch.ones(rounds.shape, dtype=torch.bool) if present is None else present.cpu()
        chats = []
        for world, seat in taken.nonzero().tolist():
            believed = zip(*(x[world, seat].tolist() for x in (means, logs, trust)), strict=True)
            lines = [f"Round {int(rounds[world, seat])}. What people estimate, and how far you trust each of them:"]
            for k, (mean, log, heed) in enumerate(believed):
                lines.append(f"{k + 1}. {_estimate(mean, log)}; trust {heed:.4g}")
            chats.append(Chat(world, seat, (("system", SYSTEM), ("user", "\n".join(lines))), form=FORM))
        return chats

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Means and log precisions; a reply without both numbers forfeits, and its kind says why."""
        rounds = observation["round"]
        actions = {f.name: f.empty(*rounds.shape) for f in observation.role.done_in(observation.phase)}
        kinds = torch.zeros(rounds.shape, dtype=torch.int8)
        for chat, reply in zip(chats, replies, strict=True):
            read = read_estimate(reply)
            if isinstance(read, ReplyKind):
                kinds[chat.world, chat.seat] = int(read)
            else:
                actions["mean"][chat.world, chat.seat], actions["log_precision"][chat.world, chat.seat] = read
        return {name: value.to(rounds.device) for name, value in actions.items()}, kinds.to(rounds.device)

    def write(self, observation: Observation, chats: Sequence[Chat], actions: Mapping[str, Tensor]) -> list[str]:
        """One reply a chat, which `hear` reads back into these actions."""
        return wording.estimates(chats, actions)


def _estimate(mean: float, log_precision: float) -> str:
    if log_precision < -700.0:
        return "knows nothing"
    return f"{mean:.4g} +- {math.exp(-0.5 * log_precision):.4g}"


def read_estimate(reply: str) -> tuple[float, float] | ReplyKind:
    """Mean and log precision (-2 log sd), or the kind of failure: exactly one of each must stand on its own line."""
    means, sds = _MEAN.findall(reply), _SD.findall(reply)
    if len(means) == 1 and not sds and "sd" not in reply.lower():
        return ReplyKind.CUT_OFF
    if len(means) != 1 or len(sds) != 1:
        return ReplyKind.REFUSED if not means and _REFUSAL.match(reply) else ReplyKind.UNREADABLE
    mean, sd = float(means[0]), float(sds[0])
    if not (math.isfinite(mean) and abs(mean) < 1e30 and 0.0 < sd < math.inf):
        return ReplyKind.UNREADABLE
    return mean, -2.0 * math.log(sd)
