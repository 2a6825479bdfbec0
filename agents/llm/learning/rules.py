"""The rules: how a round's ratings make a loss of the log-probabilities of replies.

A rule takes a world's table and gives the loss as a function of log-probabilities [entries]; what depends on the round
alone is computed once. Formulas that do not care what a policy is are shared with `populace.agents.learning`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from populace.agents.learning.losses import clipped, dpo, ipo, kto_values, left_out, simpo
from populace.agents.llm.learning.options import TrainingOptions
from populace.agents.llm.learning.table import Table


@dataclass(frozen=True)
class Logs:
    """Log-probabilities [entries].

    Attributes:
        free: Of each reply among all that the model may write.
        now: With which replies are given: among the options where they are scored.
        before: The same at the start of the round.
        reference: The same of the reference.
    """

    free: Tensor
    now: Tensor
    before: Tensor
    reference: Tensor


Loss = Callable[[Logs], Tensor]
Rule = Callable[[Table, TrainingOptions], Loss]


def _normalised(weight: Tensor) -> Tensor:
    return weight / weight.sum().clamp(min=1e-12)


def imitate(table: Table, options: TrainingOptions) -> Loss:
    """- mean log-probability of the best replies: supervised fine-tuning on what was kept.

    `sft` goes on from the weights of the round before. `expert-iteration` begins every round from the first weights, as
    ReST-EM does (Singh et al. 2023, arXiv 2312.06585, section 3).
    """
    best = _normalised(table.by_entry(table.best * table.weight))
    return lambda logs: -(best * logs.free).sum()


HELD = 0.3
"""Weight, where a script's choice is imitated, on writing it at all, beside choosing it among the options."""


def follow(table: Table, options: TrainingOptions) -> Loss:
    """- mean log-probability of a teacher's replies: among the options where replies are scored, as it is these chances
    that play; with a little weight (`HELD`) on that the model would write them.
    """
    best = _normalised(table.by_entry(table.best * table.weight))
    return lambda logs: -(best * (logs.now + HELD * torch.where(table.scored, logs.free, 0.0))).sum()


def kto(table: Table, options: TrainingOptions) -> Loss:
    """1 - value of the best and of the worst; see `kto_values`. The divergence z is exact where replies are scored."""
    best = _normalised(table.by_entry(table.best * table.weight))
    worst = _normalised(table.by_entry(table.worst))

    def loss(logs: Logs) -> Tensor:
        z = table.divergence(logs.now, logs.reference).detach()
        up, down = kto_values(logs.now - logs.reference, z, options.beta)
        return (best * (1.0 - up)).sum() + options.undesirable * (worst * (1.0 - down)).sum()

    return loss


def _pairs(table: Table) -> tuple[Tensor, Tensor, Tensor]:
    """Chosen and rejected entries of the same prompt, and the share of each pair among all: [pairs] each."""
    best, worst = table.by_entry(table.best * table.weight), table.by_entry(table.worst)
    chosen, rejected = best.nonzero().squeeze(-1), worst.nonzero().squeeze(-1)
    same = table.prompt[chosen].unsqueeze(-1) == table.prompt[rejected]
    same &= chosen.unsqueeze(-1) != rejected
    a, b = same.nonzero().unbind(-1)
    chosen, rejected = chosen[a], rejected[b]
    # Of a prompt, every best reply meets every worst one; prompts count by how many best replies they have.
    lost = table.by_prompt(worst)[table.prompt[rejected]]
    return chosen, rejected, _normalised(best[chosen] * worst[rejected] / lost.clamp(min=1e-12))


def _preferring(each: Callable[[Logs, Tensor, Tensor], Tensor]) -> Callable[[Table], Loss]:
    def rule(table: Table) -> Loss:
        chosen, rejected, share = _pairs(table)
        return lambda logs: (share * each(logs, chosen, rejected)).sum()

    return rule


def prefer_dpo(table: Table, options: TrainingOptions) -> Loss:
    """Direct preference optimisation over pairs of a best and a worst reply to the same prompt; see `losses.dpo`."""
    return _preferring(lambda logs, a, b: dpo(_gap(logs, a, b), options.beta))(table)


def prefer_ipo(table: Table, options: TrainingOptions) -> Loss:
    """Identity preference optimisation; see `losses.ipo`."""
    return _preferring(lambda logs, a, b: ipo(_gap(logs, a, b), options.beta))(table)


def prefer_simpo(table: Table, options: TrainingOptions) -> Loss:
    """Simple preference optimisation, by log-probabilities per token; see `losses.simpo`."""

    def each(logs: Logs, a: Tensor, b: Tensor) -> Tensor:
        mean = logs.free / table.length
        return simpo(mean[a], mean[b], options.beta, options.gamma)

    return _preferring(each)(table)


def _gap(logs: Logs, a: Tensor, b: Tensor) -> Tensor:
    margin = logs.now - logs.reference
    return margin[a] - margin[b]


def climb(table: Table, options: TrainingOptions) -> Loss:
    """- mean of ratio (reward - mean reward of the round): the policy gradient.

    The ratio is pi / pi at the start of the round, at most 5, and 1 in the first step.
    """
    weight = _normalised(table.weight)
    advantage = table.by_entry(weight * (table.reward - (weight * table.reward).sum()))
    return lambda logs: -(advantage * torch.exp(logs.now - logs.before).clamp(max=5.0)).sum()


def _groups(table: Table) -> tuple[Tensor, Tensor, Tensor]:
    """Of each item's prompt: how many items, the sum of their rewards, and of the squares; [items] each."""
    mine = table.prompt[table.entry]

    def sums(value: Tensor) -> Tensor:
        return table.by_prompt(table.by_entry(table.weight * value))[mine]

    return sums(torch.ones_like(table.reward)), sums(table.reward), sums(table.reward.square())


def climb_rloo(table: Table, options: TrainingOptions) -> Loss:
    """REINFORCE with the mean of the others of the same prompt as the baseline; see `losses.left_out`."""
    count, total, _ = _groups(table)
    advantage = table.by_entry(_normalised(table.weight) * left_out(total, table.reward, count))
    return lambda logs: -(advantage * torch.exp(logs.now - logs.before).clamp(max=5.0)).sum()


def climb_grpo(table: Table, options: TrainingOptions) -> Loss:
    """Advantages by group, (reward - mean) / (standard deviation + 1e-4), and clipped ratios; see `losses.clipped`.

    A group holds the replies to one prompt; Shao et al. 2024 (arXiv 2402.03300), section 4.1.
    """
    count, total, squares = _groups(table)
    mean = total / count.clamp(min=1e-12)
    spread = (squares / count.clamp(min=1e-12) - mean.square()).clamp(min=0.0).sqrt()
    advantage = _normalised(table.weight) * (table.reward - mean) / (spread + 1e-4)
    # Clipping depends on the sign, so that gains and losses of one reply are summed apart.
    gains, losses = table.by_entry(advantage.clamp(min=0.0)), table.by_entry(advantage.clamp(max=0.0))

    def loss(logs: Logs) -> Tensor:
        ratio = torch.exp(logs.now - logs.before)
        return -(clipped(ratio, gains, options.clip) + clipped(ratio, losses, options.clip)).sum()

    return loss


RULES: Mapping[str, Rule] = {
    "policy-gradient": climb,
    "rloo": climb_rloo,
    "grpo": climb_grpo,
    "sft": imitate,
    "expert-iteration": imitate,
    "kto": kto,
    "dpo": prefer_dpo,
    "ipo": prefer_ipo,
    "simpo": prefer_simpo,
}
"""Name of a rule, as in `TrainingOptions.rule` -> the rule."""
