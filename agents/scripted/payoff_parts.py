"""What the scripted players of games share: beliefs, tie breaks, and the fields beside the act."""

import torch
from torch import Tensor

from populace.numerics import kernels_take
from populace.observation import Observation
from populace.policy import Actions

EXAMPLE = (4.3, 4.2, 3.5, 3.1, 1.9, 2.2, 1.8, 2.0, 1.2, 1.3, 2.1, 2.0)
"""The game printed in GTAlign's prompt: asks, acts, (user, assistant)."""
STATED_SCALE = 5.0
"""Stated games run over about [-5, 5] and welfares over [0, 1]."""


def belief(observation: Observation) -> Tensor:
    """Chances of the other's acts, [worlds, seats, other's acts]: what was met last, or all alike before that."""
    faced = observation["faced"]
    known = faced.sum(-1, keepdim=True)
    return torch.where(known > 0, faced / known.clamp(min=1e-12), 1.0 / faced.shape[-1])


def expected(observation: Observation, name: str = "mine") -> Tensor:
    """Expected payoff of each own act, [worlds, seats, own], by the table `name` and the belief about the other."""
    table, faced = observation[name], observation["faced"]
    if kernels_take(table, faced) and table.shape[:-2] == faced.shape[:-1]:
        from populace.agents.scripted.payoff_kernel import worth  # imports numba

        return worth(table, faced)
    return against(table, belief(observation))


def against(table: Tensor, chances: Tensor) -> Tensor:
    """Expected payoff of each own act: table [..., own, other's], chances [..., other's] -> [..., own]."""
    return (table * chances.unsqueeze(-2)).sum(-1)


def largest(score: Tensor, among: Tensor | None = None) -> Tensor:
    """Where `score` [..., n] is largest (up to rounding), among those allowed: [..., n] bool."""
    held = score if among is None else torch.where(among, score, -torch.inf)
    top = held.amax(-1, keepdim=True)
    return held >= top - 1e-6 * (1.0 + top.abs())


def complete(
    observation: Observation,
    act: Tensor,
    words: Tensor | None = None,
    reasoning: Tensor | None = None,
    copy: bool = False,
) -> Actions:
    """The actions of seats that have chosen their acts: usual length and believed game, where those are asked."""
    done = {f.name for f in observation.role.done_in(observation.phase)}
    actions = {"act": act}
    if "words" in done:
        usual = (
            observation[name].gather(-1, act.unsqueeze(-1)).squeeze(-1) for name in ("usual_words", "usual_reasoning")
        )
        for name, given, value in zip(("words", "reasoning"), (words, reasoning), usual, strict=True):
            actions[name] = (value if given is None else given).round().to(torch.int64)
    if "stated" in done:
        actions["stated"] = stated(observation, copy)
    return actions


def stated(observation: Observation, copy: bool = False) -> Tensor:
    """The game an assistant states, [worlds, seats, 2, 3, 2]: the one it believes in, or the prompt's example."""
    shape = (*observation["turn"].shape, 2, 3, 2)
    if copy or "mine" not in observation:
        return (
            torch.tensor(EXAMPLE, device=observation["turn"].device, dtype=torch.float32)
            .view(2, 3, 2)
            .expand(shape)
            .clone()
        )
    game = torch.stack((observation["theirs"], observation["mine"]), -1)[..., :3, :, :].transpose(-3, -2)
    return (torch.round(game * STATED_SCALE * 10.0) / 10.0).clamp(-5.0, 5.0).contiguous()
