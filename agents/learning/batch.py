"""What a learner learns from: the decisions of a round, with what each was paid."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from populace.agents.learning.models import Model, Seen
from populace.dialogue import usable
from populace.errors import PopulaceError
from populace.policy import Trajectory, Transition


@dataclass(frozen=True)
class Batch:
    """A round's decisions; n = decisions a seat times seats, decision by decision.

    Attributes:
        seen: What the policy made of its observations; nothing for a policy that reads words.
        act: [worlds, n] int64.
        reward: [worlds, n], what followed until the next decision, or over the conversation.
        use: [worlds, n] bool, what may be learned from: never the forfeit of a reply that could not be read.
        outside: [worlds, n] bool, decisions of seats that are taken and that nobody rates.
        stratum: [worlds, n] int64 below `strata`.
        strata: How many strata.
        seats: Seats of the role.
    """

    seen: Seen
    act: Tensor
    reward: Tensor
    use: Tensor
    outside: Tensor
    stratum: Tensor
    strata: int
    seats: int

    def by_seat(self, value: Tensor) -> Tensor:
        """[worlds, n] -> [worlds, decisions, seats]."""
        return value.unflatten(-1, (-1, self.seats))


def decisions(trajectory: Trajectory, field: str) -> list[Transition]:
    """Transitions in which the learner chose `field`, each paid what came until the next of them."""
    found: list[Transition] = []
    for transition in trajectory:
        if field in transition.actions:
            found.append(transition)
        elif found:
            found[-1] = replace(found[-1], reward=found[-1].reward + transition.reward)
    return found


def check_whole(made: int, turns: int) -> None:
    """Raise PopulaceError where decisions are no whole number of conversations."""
    if not made or made % turns:
        raise PopulaceError(
            f"{made} decisions since the last learning are no whole number of conversations of {turns}; "
            "let learn_every be a multiple of turns"
        )


def gather(
    trajectory: Trajectory, model: Model | None, field: str, rated: str, turns: int, within: dict[str, int]
) -> Batch:
    """The batch of a trajectory.

    Args:
        trajectory: What the learner has not yet learned from.
        model: How it sees; None for a policy that reads words.
        field: The choice it learns.
        rated: Name of the flag of seats that may be learned from.
        turns: Decisions a conversation.
        within: Fields whose combinations are strata -> how many values each takes.

    Raises:
        PopulaceError: It made no decision, or a number that `turns` does not divide.
    """
    made = decisions(trajectory, field)
    check_whole(len(made), turns)
    rewards = [d.reward for d in made]
    if turns > 1:
        scores = [sum(rewards[i + 1 : i + turns], rewards[i]) for i in range(0, len(rewards), turns)]
        rewards = [scores[i // turns] for i in range(len(rewards))]
    some = made[0].reward
    strata, stratum = 1, []
    for size in within.values():
        strata *= size
    for d in made:
        code = torch.zeros_like(some, dtype=torch.int64)
        for name, size in within.items():
            code = code * size + d.observation[name].to(torch.int64)
        stratum.append(code)
    rates = [d.observation.get(rated, torch.ones_like(some, dtype=torch.bool)) for d in made]
    outside = [~own if d.present is None else ~own & d.present for own, d in zip(rates, made, strict=True)]
    use = [own if d.kind is None else own & usable(d.kind) for own, d in zip(rates, made, strict=True)]
    return Batch(
        seen=_seen(model, made),
        act=torch.cat([d.actions[field] for d in made], 1),
        reward=torch.cat(rewards, 1),
        use=torch.cat(use, 1),
        outside=torch.cat(outside, 1),
        stratum=torch.cat(stratum, 1),
        strata=strata,
        seats=some.shape[1],
    )


def _seen(model: Model | None, made: list[Transition]) -> Seen:
    if model is None:
        return Seen(None, None, torch.zeros_like(made[0].reward, dtype=torch.int64), None)
    seen = [model.see(d.observation) for d in made]
    return Seen(
        _join([s.code for s in seen]),
        _join([s.features for s in seen]),
        torch.cat([s.base for s in seen], 1),
        _join([s.mask for s in seen]),
    )


def _join(parts: list[Tensor | None]) -> Tensor | None:
    there = [part for part in parts if part is not None]
    return torch.cat(there, 1) if there else None
