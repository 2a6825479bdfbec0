"""Principal-agent theory to play: pairs of a customer and an assistant in one of the textbook games."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.acts import given
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.envs.agency.begin import begin
from populace.envs.agency.dialogue import TermsDialogue
from populace.envs.agency.games import GAMES, Reputation
from populace.envs.agency.measures import DECLARED
from populace.envs.agency.options import PACKAGE, AgencyOptions
from populace.envs.agency.roles import roles
from populace.envs.agency.state import State
from populace.envs.agency.talking import Talking
from populace.fields import Role
from populace.measures import Measure
from populace.numerics import mean_of
from populace.population import Census, People, PlainPopulation, Population
from populace.wordings import Wordings
from populace.world import Step, World


class Agency(World[State, AgencyOptions]):
    """Contracts, cheap talk, delegation, lemons, signalling, screening, audits and reputation, against closed forms."""

    id = "populace/agency-v0"
    Options = AgencyOptions
    phases = ("offer", "act", "respond")
    defaults: ClassVar = {"customer": "equilibrium", "assistant": "equilibrium"}

    def __init__(self, options: AgencyOptions | None, census: Census) -> None:
        super().__init__(AgencyOptions() if options is None else options, census)
        self.game = GAMES[self.options.game](self.options)

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    @cached_property
    def talking(self) -> Talking:
        """What scripts say beside what they do."""
        return Talking(self.wordings, self.options.game)

    def roles(self) -> tuple[Role, ...]:
        """Customer (the principal) and assistant (the agent), in pairs."""
        return roles(self.options, self.census)

    def begin(self, people: People, draw: Draw) -> State:
        """Types drawn, nothing offered, everyone trusted."""
        return begin(self.options, people, draw)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """Principals see terms and what they may hear; agents their type and the terms; and what was said."""
        seen = self._seen(state, role, phase)
        if state.explanation is None or state.words is None or phase == "offer":
            return seen
        return seen | ({"explanation": state.explanation} if role == "assistant" else {"words": state.words})

    def _seen(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """What is seen as numbers."""
        if role == "assistant":
            return {"type": state.kind, "terms": state.terms, "due_move": self.game.move(state.kind, state.terms)}
        seen = {"signal": state.signal.expand_as(state.kind)}
        if phase == "offer":
            return seen | {"due_terms": self._due(state)}
        heard = state.move if self.game.hears else torch.zeros_like(state.move)
        return seen | {"terms": state.terms, "heard": heard, "due_answer": self.game.answer(heard, state.terms)}

    def _due(self, state: State) -> Tensor:
        """Equilibrium terms, [worlds, pairs, 4]."""
        given = [
            x.expand_as(state.kind) if isinstance(x, Tensor) else torch.full_like(state.kind, x)
            for x in self.game.terms(state.signal)
        ]
        return torch.stack((*given, *[torch.zeros_like(state.kind)] * (4 - len(given))), -1)

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Offer, act, answer; then payoffs, measures and new types."""
        if phase == "offer":
            there = given(actions["customer"], state.kind)
            offered = replace(state, terms=actions["customer"]["terms"], given=there)
            if not self.options.talk:
                return Step(offered)
            said = self.talking.explained(offered.terms, actions["customer"]["explanation"], draw)
            return Step(replace(offered, explanation=said.text), said={"customer": said})
        if phase == "act":
            there = state.given & given(actions["assistant"], state.kind)
            moved = replace(state, move=actions["assistant"]["move"], given=there)
            if not self.options.talk:
                return Step(moved)
            said = self.talking.said(moved.move, state.kind, actions["assistant"]["words"], draw)
            return Step(replace(moved, words=said.text), said={"assistant": said})
        there = state.given & given(actions["customer"], state.kind)
        terms = state.terms
        if isinstance(self.game, Reputation):
            terms = torch.cat((terms[..., :3], state.trusted.unsqueeze(-1)), -1)
        answer = actions["customer"]["answer"]
        principal, agent, found = self.game.settle(state.kind, terms, state.move, answer, draw, there)
        found = {
            **found,
            "utility/customer": mean_of(principal, there),
            "utility/assistant": mean_of(agent, there),
        }
        for name, value in self.game.expected().items():
            found[f"theory/{name}"] = torch.full_like(state.weight, value)
        earned = state.earned + torch.where(there, state.weight.unsqueeze(-1) * agent, 0.0)
        played = state.played | there
        found["discounted/assistant"] = mean_of(earned, played)
        cheated = (state.move > 0.5) & isinstance(self.game, Reputation)
        after = replace(
            state,
            kind=self.game.kind(state.kind.shape[1], draw),
            signal=self.game.signal(state.kind, state.move, state.signal),
            trusted=torch.where(cheated, 0.0, state.trusted),
            weight=state.weight * self.options.discount,
            earned=earned,
            played=played,
        )
        return Step(after, {"customer": principal, "assistant": agent}, measures=found)

    def dialogue(self) -> Dialogue:
        """The game's terms in words."""
        return TermsDialogue(self.options, self.wordings)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return self.talking.phrases.lexicon if self.options.talk else {}

    def measures(self) -> tuple[Measure, ...]:
        """What the world may measure."""
        return DECLARED

    @classmethod
    def population(cls, users: int, options: AgencyOptions) -> Population:
        """Pairs alike but for what nature draws."""
        return PlainPopulation(users, ("taste",))
