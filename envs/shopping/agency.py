"""Principal-agent theory to play: pairs of a customer and an assistant in one of the textbook games."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.agency_options import AgencyOptions
from populace.envs.shopping.games import GAMES, Reputation
from populace.fields import Field, Role
from populace.numerics import mean
from populace.population import Census, People, PlainPopulation, Population
from populace.world import Step, World


@dataclass(frozen=True)
class AgencyState:
    """The state of the agency world.

    Attributes:
        kind: [worlds, pairs], what only the agent knows.
        terms: [worlds, pairs, 4], what the principal offered.
        move: [worlds, pairs], what the agent did.
        signal: [worlds, 1], what the market showed last.
        trusted: [worlds, pairs], 1 while nothing was found against the agent.
        weight: [worlds], discount of the next period.
        earned: [worlds, pairs], the agent's discounted payoffs so far.
    """

    kind: Tensor
    terms: Tensor
    move: Tensor
    signal: Tensor
    trusted: Tensor
    weight: Tensor
    earned: Tensor


class Agency(World[AgencyState]):
    """Contracts, cheap talk, delegation, lemons, signalling, screening, audits and reputation, against closed forms."""

    id = "populace/agency-v0"
    Options = AgencyOptions
    phases = ("offer", "act", "respond")
    defaults: ClassVar = {"customer": "equilibrium", "assistant": "equilibrium"}
    options: AgencyOptions

    def __init__(self, options: Any, census: Census) -> None:
        super().__init__(AgencyOptions() if options is None else options, census)
        self.game = GAMES[self.options.game](self.options)

    def roles(self) -> tuple[Role, ...]:
        """Customer (the principal) and assistant (the agent), in pairs."""
        terms = Field(name="terms", kind="real", shape=(4,), about="What the principal offers; see the game.")
        offered = Field(name="terms", kind="real", shape=(4,), about="What was offered.", phases=("respond",))
        signal = Field(name="signal", kind="real", about="What the market showed last.")
        heard = Field(name="heard", kind="real", about="What the agent said or did, if seen.", phases=("respond",))
        theory = "What theory prescribes."
        customer = Role(
            name="customer",
            lives=True,
            seats=self.census.size,
            phases=("offer", "respond"),
            about="The principal: offers terms, and answers what it hears.",
            sees=(
                signal,
                offered,
                heard,
                Field(name="due_terms", kind="real", shape=(4,), private=True, phases=("offer",), about=theory),
                Field(name="due_answer", kind="real", private=True, phases=("respond",), about=theory),
            ),
            does=(
                replace(terms, phases=("offer",)),
                Field(name="answer", kind="real", phases=("respond",), about="Its answer."),
            ),
        )
        assistant = Role(
            name="assistant",
            seats=self.census.size,
            phases=("act",),
            about="The agent: knows its type or hides its effort.",
            sees=(
                Field(name="type", kind="real", about="What only it knows."),
                terms,
                Field(name="due_move", kind="real", private=True, about=theory),
            ),
            does=(Field(name="move", kind="real", about="Effort, message, choice or deviation; see the game."),),
        )
        return customer, assistant

    def begin(self, people: People, draw: Draw) -> AgencyState:
        """Types drawn, nothing offered, everyone trusted."""
        kind = self.game.kind(people.size, draw)
        zero = torch.zeros_like(kind)
        return AgencyState(
            kind=kind,
            terms=zero.unsqueeze(-1).expand(-1, -1, 4).contiguous(),
            move=zero,
            signal=torch.full((draw.worlds, 1), self.options.price, device=draw.device),
            trusted=torch.ones_like(kind),
            weight=torch.ones(draw.worlds, device=draw.device),
            earned=zero,
        )

    def observe(self, state: AgencyState, role: str, phase: str) -> dict[str, Tensor]:
        """Principals see terms and what they may hear; agents their type and the terms."""
        if role == "assistant":
            return {"type": state.kind, "terms": state.terms, "due_move": self.game.move(state.kind, state.terms)}
        seen = {"signal": state.signal.expand_as(state.kind)}
        if phase == "offer":
            return seen | {"due_terms": self._due(state)}
        heard = state.move if self.game.hears else torch.zeros_like(state.move)
        return seen | {"terms": state.terms, "heard": heard, "due_answer": self.game.answer(heard, state.terms)}

    def _due(self, state: AgencyState) -> Tensor:
        """Equilibrium terms, [worlds, pairs, 4]."""
        given = [
            x.expand_as(state.kind) if isinstance(x, Tensor) else torch.full_like(state.kind, x)
            for x in self.game.terms(state.signal)
        ]
        return torch.stack((*given, *[torch.zeros_like(state.kind)] * (4 - len(given))), -1)

    def advance(
        self, state: AgencyState, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw
    ) -> Step[AgencyState]:
        """Offer, act, answer; then payoffs, measures and new types."""
        if phase == "offer":
            return Step(replace(state, terms=actions["customer"]["terms"]))
        if phase == "act":
            return Step(replace(state, move=actions["assistant"]["move"]))
        terms = state.terms
        if isinstance(self.game, Reputation):
            terms = torch.cat((terms[..., :3], state.trusted.unsqueeze(-1)), -1)
        principal, agent, found = self.game.settle(state.kind, terms, state.move, actions["customer"]["answer"], draw)
        found = {**found, "utility/customer": mean(principal), "utility/assistant": mean(agent)}
        for name, value in self.game.expected().items():
            found[f"theory/{name}"] = torch.full_like(state.weight, value)
        earned = state.earned + state.weight.unsqueeze(-1) * agent
        found["discounted/assistant"] = mean(earned)
        cheated = (state.move > 0.5) & isinstance(self.game, Reputation)
        after = replace(
            state,
            kind=self.game.kind(state.kind.shape[1], draw),
            signal=self.game.signal(state.kind, state.move, state.signal),
            trusted=torch.where(cheated, 0.0, state.trusted),
            weight=state.weight * self.options.discount,
            earned=earned,
        )
        return Step(after, {"customer": principal, "assistant": agent}, measures=found)

    @classmethod
    def population(cls, users: int, options: AgencyOptions) -> Population:
        """Pairs alike but for what nature draws."""
        return PlainPopulation(users, ("taste",))
