"""One role, several players: some seats scripted, some a model, some another, by share, by segment or by number."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Self

import torch
from pydantic import Field, PrivateAttr, ValidationInfo, model_validator
from torch import Tensor

from populace.agents.scripted.nested import Nested
from populace.budget import Budget
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Role, lasting
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy
from populace.population import People


class Player(Nested):
    """One of the policies that share a role."""

    share: float | None = Field(default=None, gt=0)
    """Its share of the seats that nobody claims; shares are scaled to add up to 1."""
    segment: str | int | None = None
    """The segment (its name in a scenario, its number in Python) whose users it plays; needs a role
    with one seat per user."""
    seats: tuple[Annotated[int, Field(ge=0)], ...] | None = Field(default=None, min_length=1)
    """Numbers of the seats that it plays in every world, from 0 on: what if this one person had acted otherwise?"""
    _number: int | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _seated(self, info: ValidationInfo) -> Self:
        if [self.share, self.segment, self.seats].count(None) != 2:
            raise ValueError(f"{self.policy}: give one of share, segment and seats")
        segments = (info.context or {}).get("segments", ())
        if isinstance(self.segment, str) and segments:
            if self.segment not in segments:
                raise ValueError(str(UnknownName("segment", self.segment, segments)))
            self._number = segments.index(self.segment)
        elif isinstance(self.segment, int):
            self._number = self.segment
        return self

    @property
    def number(self) -> int | None:
        """The segment's number; None where it has none, or is named outside a scenario."""
        return self._number


class MixOptions(Options):
    """Who plays which seats."""

    players: tuple[Player, ...] = Field(min_length=1)
    """The policies. Seats that are claimed, by number or by segment, go to the first player that claims them; the
    others are shared out at random, the same in every arm, in numbers as even as they can be, and kept for good. The
    first player has the luck that it would have alone, so that others in some seats change nothing for it."""

    @model_validator(mode="after")
    def _complete(self, info: ValidationInfo) -> Self:
        claimed = [
            player.segment if player.number is None else player.number
            for player in self.players
            if player.segment is not None
        ]
        if len(set(claimed)) < len(claimed):
            raise ValueError("a segment is claimed twice")
        segments = (info.context or {}).get("segments", ())
        left = [name for number, name in enumerate(segments) if number not in claimed]
        if all(player.share is None for player in self.players) and (left or not claimed):
            who = ", ".join(left) if left else "the other seats"
            raise ValueError(f"nobody plays {who}: give them a player, or one player a share of the rest")
        return self


@dataclass(frozen=True)
class MixMemory:
    """What is remembered.

    Attributes:
        who: [worlds, seats] int64, number of the player of each seat.
        parts: The players' own memories.
    """

    who: Tensor = lasting()
    parts: tuple[Memory, ...] = ()


class Mix(Policy[MixOptions]):
    """Plays each seat with one of several policies. Each is shown its own seats as the only ones that are taken."""

    Options = MixOptions

    def __init__(self, options: MixOptions | None = None) -> None:
        if options is None:
            raise PopulaceError("mix needs `players`: a list of {policy, share | segment | seats, params}")
        super().__init__(options)
        self.parts = tuple(player.made() for player in options.players)
        self.privileged = any(part.privileged for part in self.parts)
        self.speaks = any(part.speaks for part in self.parts)

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """Seats dealt out, and the players' memories.

        Raises:
            PopulaceError: Segments are named for a role without a seat per user, or by name outside a scenario; or a
                seat is named that the role does not have.
        """
        parts = tuple(part.begin(role, people, _luck(draw, i)) for i, part in enumerate(self.parts))
        return MixMemory(self._deal(role, people, draw), parts)

    def _deal(self, role: Role, people: People, draw: Draw) -> Tensor:
        players, device = self.options.players, people.values.device
        shares = torch.tensor([player.share or 0.0 for player in players], dtype=torch.float64, device=device)
        claims = [(i, player) for i, player in enumerate(players) if player.share is None]
        free = torch.ones((draw.worlds, role.seats), dtype=torch.bool, device=device)
        who = torch.zeros((draw.worlds, role.seats), dtype=torch.int64, device=device)
        for i, player in claims:
            own = free & (self._numbered(role, player, free) if player.seats else _of_segment(role, people, player))
            who, free = torch.where(own, i, who), free & ~own
        if all(player.share is None for player in players):
            # Whoever no player claims goes to the last one: a device is not asked whether there is anyone.
            return torch.where(free, len(players) - 1, who)
        uniform = torch.where(free, draw.scope("mix").uniform("seats", role.seats), 2.0)
        rank = uniform.argsort(dim=-1, stable=True).argsort(dim=-1, stable=True)
        place = (rank.double() + 0.5) / free.sum(-1, keepdim=True).clamp(min=1)
        bounds = shares.cumsum(-1) / shares.sum()
        dealt = (place.unsqueeze(-1) > bounds[:-1]).sum(-1)
        return torch.where(free, dealt, who)

    @staticmethod
    def _numbered(role: Role, player: Player, like: Tensor) -> Tensor:
        """Seats that a player claims by number, [worlds, seats] bool."""
        assert player.seats is not None
        if max(player.seats) >= role.seats:
            raise PopulaceError(f"mix: {role.name} has the seats 0 to {role.seats - 1:,}, not {max(player.seats):,}")
        own = torch.zeros(role.seats, dtype=torch.bool)
        own[list(player.seats)] = True
        return own.to(like.device).expand_as(like)

    def adopt(self, memory: Memory, before: Policy, old: Memory) -> Memory:
        """The first player goes on with what it remembers, where it played the role alone before."""
        if type(before) is not type(self.parts[0]) or before.options != self.parts[0].options:
            return memory
        return MixMemory(memory.who, (old, *memory.parts[1:]))

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Every player's actions at its own seats."""
        mixed: dict[str, Tensor] = {}
        memories: list[Memory] = []
        for i, (part, held) in enumerate(zip(self.parts, memory.parts, strict=True)):
            if observation.role.only_speaks(observation.phase) and not part.speaks:
                memories.append(held)
                continue
            mine = memory.who == i
            seen = observation.only(mine, part.privileged)
            actions, after = part.act(seen, held, _luck(draw, i))
            memories.append(after)
            for name, tensor in actions.items():
                if name not in mixed:
                    mixed[name] = torch.zeros_like(tensor)
                own = mine.view(*mine.shape, *[1] * (tensor.dim() - 2))
                mixed[name] = torch.where(own, tensor, mixed[name])
        return mixed, MixMemory(memory.who, tuple(memories))

    def check_role(self, role: Role, dialogue: Dialogue | None) -> None:
        """Every player must be able to play the role."""
        for part in self.parts:
            part.check_role(role, dialogue)

    def spend_from(self, budget: Budget) -> None:
        """Players share it."""
        for part in self.parts:
            part.spend_from(budget)

    def in_doubt(self) -> bool:
        """Whether any player is."""
        return any(part.in_doubt() for part in self.parts)

    def settle(self) -> None:
        """Every player finds out."""
        for part in self.parts:
            part.settle()

    def players(self, memory: Memory) -> Mapping[str, Tensor]:
        """Each player's seats, by the last part of its policy's name; a name that comes again is numbered."""
        return {name: memory.who == i for i, name in enumerate(self._names)}

    def describe(self) -> Mapping[str, object]:
        """What each player says of itself."""
        about = zip(self._names, self.options.players, self.parts, strict=True)
        return {"players": {name: {"policy": given.policy, **part.describe()} for name, given, part in about}}

    @property
    def _names(self) -> tuple[str, ...]:
        names = [player.policy.rpartition("/")[2].rpartition(":")[2] for player in self.options.players]
        return tuple(
            name if names.count(name) == 1 else f"{name} {names[: i + 1].count(name)}" for i, name in enumerate(names)
        )


def _luck(draw: Draw, player: int) -> Draw:
    """A player's randomness: of the first one what it would have alone, of each other one its own."""
    return draw.scope(f"player {player}") if player else draw


def _of_segment(role: Role, people: People, player: Player) -> Tensor:
    """Seats of a segment, [worlds, seats] bool."""
    if role.seats != people.size:
        raise PopulaceError(f"mix: {role.name} has {role.seats} seats for {people.size} users: use shares or seats")
    if player.number is None:
        raise PopulaceError(f"mix: segment {player.segment!r}: outside a scenario, segments are numbers")
    return people.segment == player.number
