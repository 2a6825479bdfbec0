"""People meet and ask; an agent a culture answers; a synthesiser merges; people hear it."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.acts import given
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.envs.culture import dynamics, perspectives, readouts, surveys
from populace.envs.culture.begin import EvenPopulation, begin
from populace.envs.culture.dialogue import CultureDialogue
from populace.envs.culture.measures import DECLARED
from populace.envs.culture.options import PACKAGE, CultureOptions
from populace.envs.culture.roles import roles, worded
from populace.envs.culture.state import State, Ties
from populace.envs.culture.survey import Survey
from populace.envs.culture.talking import Talking
from populace.fields import Role
from populace.measures import Measure
from populace.numerics import apply_linear, mean
from populace.population import People, Population
from populace.wordings import Wordings
from populace.world import Step, World


class Culture(World[State, CultureOptions]):
    """The multiplex cultural system; see docs/worlds/culture.md."""

    id = "populace/culture-v0"
    Options = CultureOptions
    phases = ("exchange", "answer", "merge")
    defaults: ClassVar = {"person": "mixer", "agent": "persona", "synthesiser": "multiplex"}

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    @property
    def survey(self) -> Survey:
        """The survey, read once a process.

        Raises:
            PopulaceError: A file is missing or wrong.
        """
        return surveys.load(self.options.survey)

    @property
    def asked(self) -> int:
        """Questions per tick."""
        return min(self.options.asked, len(self.survey.questions))

    def roles(self) -> tuple[Role, ...]:
        """Person, agent and synthesiser."""
        cast = roles(self.options, self.census)
        return cast if self.talking is None else worded(cast)

    @cached_property
    def talking(self) -> Talking | None:
        """What is said in words; None without `matter`."""
        return None if self.options.matter is None else Talking(self.wordings, self.survey, self.asked)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return {} if self.talking is None else self.talking.said.lexicon

    def begin(self, people: People, draw: Draw) -> State:
        """Everyone's traits are drawn from the marginals of their culture, the same on all layers."""
        state = begin(self.options, self.census, people, draw)
        return state if self.talking is None else self.talking.nothing(state)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """A person's own traits; the questions and a culture's marginals; or the agents' answers."""
        seen = self._seen(state, role)
        return seen if self.talking is None else seen | self.talking.shown(state, role, self.role(role).seats)

    def _seen(self, state: State, role: str) -> dict[str, Tensor]:
        """What is seen as numbers."""
        tables = state.tables
        if role == "person":
            return {"traits": dynamics.positions_of(state.traits, tables.sizes), "culture": state.culture}
        seats = self.role(role).seats
        sizes = tables.sizes[state.asked]
        options = torch.arange(tables.pool.shape[-1], device=sizes.device)
        legal = options < sizes.unsqueeze(-1)
        common = {
            "asked": state.asked.unsqueeze(1).expand(-1, seats, -1),
            "sizes": sizes.unsqueeze(1).expand(-1, seats, -1),
            "round": state.round.unsqueeze(-1).expand(-1, seats),
            "answers_mask": legal.unsqueeze(1).expand(-1, seats, -1, -1),
        }
        if role == "synthesiser":
            cultures = torch.arange(tables.shares.shape[0], device=sizes.device)
            people = (state.culture.unsqueeze(-1) == cultures).sum(1).float() / state.culture.shape[1]
            return {**common, "said": state.said.unsqueeze(1), "people": people.unsqueeze(1)}
        marginals = tables.filled[:, state.asked].transpose(0, 1)
        pool = tables.pool[state.asked].unsqueeze(1).expand_as(marginals)
        others = state.before.unsqueeze(1).expand(-1, seats, -1, -1)
        turn = state.descending.view(-1, 1, 1, 1)
        mirrored = (sizes.unsqueeze(-1) - 1 - options).clamp(min=0).unsqueeze(1).expand_as(marginals)
        turned = torch.where(others < 0, others, sizes[:, None, None] - 1 - others)
        shown = legal.unsqueeze(1)
        return {
            **common,
            "culture": torch.arange(seats, device=sizes.device).expand(len(sizes), -1),
            "marginals": torch.where(turn, torch.where(shown, marginals.gather(-1, mirrored), 0.0), marginals),
            "pool": torch.where(turn, torch.where(shown, pool.gather(-1, mirrored), 0.0), pool),
            "descending": state.descending.unsqueeze(-1).expand(-1, seats),
            "others": torch.where(turn, turned, others),
        }

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Meet and ask; answer; merge and hear."""
        if phase == "exchange":
            return self._worded(Step(self._exchange(state, actions["person"], draw)), "person", actions, draw)
        if phase == "answer":
            return self._worded(self._answer(state, actions["agent"]), "agent", actions, draw)
        return self._worded(self._merge(state, actions["synthesiser"], draw), "synthesiser", actions, draw)

    def _worded(
        self, step: Step[State], role: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw
    ) -> Step[State]:
        """The step with what was said in it."""
        if self.talking is None:
            return step
        done = actions[role]
        if role == "person":
            state, said = self.talking.ask(step.state, done, draw)
        elif role == "agent":
            state, said = self.talking.answer(step.state, done, draw)
        else:
            there = given(done, done["positive"][..., 0])[:, 0]
            state, said = self.talking.merge(step.state, done, there, draw)
        return replace(step, state=state, said={role: said})

    def _exchange(self, state: State, actions: Mapping[str, Tensor], draw: Draw) -> State:
        o, traits, ties = self.options, state.traits, self._all_ties(state)
        if o.rule != "none":
            place = actions["partner"].clamp(0.0, 1.0)
            traits, after = dynamics.meet(o, traits, ties, actions["layer"], place, draw)
            ties = tuple(new if own is not None else None for own, new in zip(state.ties, after, strict=True))
            state = replace(state, ties=ties)
        traits = dynamics.couple(o, traits, draw)
        width, count = traits.shape[-1], self.asked
        asked = state.asked
        if count < width:
            wanted = actions["question"].clamp(0, width - 1)
            votes = torch.zeros((len(asked), width), dtype=torch.int64, device=asked.device)
            votes = votes.scatter_add(1, wanted, torch.ones_like(wanted))
            most = votes.argsort(dim=-1, descending=True, stable=True)[:, :count]
            asked = torch.where((state.round == 0).unsqueeze(-1), most, asked)
        descending = draw.uniform("order") < 0.5 if o.order == "shuffled" else state.descending
        fresh = (state.round == 0).view(-1, 1, 1)
        before = torch.where(fresh, -1, state.said)
        return replace(state, traits=traits, asked=asked, descending=descending, before=before)

    @staticmethod
    def _all_ties(state: State) -> tuple[Ties | None, ...]:
        return tuple(own if own is not None else every for own, every in zip(state.ties, state.graphs, strict=True))

    def _final(self, state: State) -> Tensor:
        """Whether people hear this round, [worlds]."""
        return state.round == self.options.rounds

    def _answer(self, state: State, actions: Mapping[str, Tensor]) -> Step[State]:
        tables, answers = state.tables, actions["answers"]
        there = given(actions, answers[..., 0])
        sizes = tables.sizes[state.asked].unsqueeze(1)
        shown = torch.minimum(answers, sizes - 1)
        said = torch.where(state.descending.view(-1, 1, 1), sizes - 1 - shown, shown)
        index = state.asked.unsqueeze(1).expand_as(said)
        # A forfeit is no answer: the newest one that was given stands.
        sheet = state.sheet.scatter(2, index, torch.where(there.unsqueeze(-1), said, state.sheet.gather(2, index)))
        options = torch.arange(state.tally.shape[-1], device=said.device)
        one = (said.unsqueeze(-1) == options) & (self._final(state).unsqueeze(-1) & there)[..., None, None]
        tally = state.tally.scatter_add(2, index.unsqueeze(-1).expand_as(one), one.float())
        held = tables.filled[:, state.asked].transpose(0, 1).gather(-1, said.unsqueeze(-1)).squeeze(-1)
        measures = {}
        if "audit" in self.options.measures:
            measures = readouts.presented(said, there, state)
        reward = held.mean(-1)
        return Step(
            replace(state, said=said, given=there, sheet=sheet, tally=tally), {"agent": reward}, measures=measures
        )

    def _merge(self, state: State, actions: Mapping[str, Tensor], draw: Draw) -> Step[State]:
        o, tables = self.options, state.tables
        references = actions["references"][:, 0].clamp(0, o.references)
        positive = actions["positive"][:, 0].clamp(0.0, 1.0)
        merged = torch.minimum(actions["answers"][:, 0], tables.sizes[state.asked] - 1)
        there = given(actions, actions["positive"][..., 0])[:, 0]
        # Nobody hears, and nothing is counted of, a response that could not be read.
        final = self._final(state) & there
        each = perspectives.entropy(perspectives.shares(references))
        cited = references.sum(-1).float()
        citing = (cited > 0) & final.unsqueeze(-1)
        measures = {
            "response_entropy": perspectives.per_question(references),
            "response_sentiment": perspectives.sentiment(positive, references),
        }
        paid = torch.where(cited > 0, each, 0.0).mean(-1)
        if o.reward == "approval":
            held = dynamics.options_of(state.traits[:, :, o.voice], tables.sizes)
            agree = held.gather(-1, state.asked.unsqueeze(1).expand(-1, held.shape[1], -1)) == merged.unsqueeze(1)
            paid = mean(agree.float().mean(-1))
        state = replace(
            state,
            cited=state.cited + torch.where(final.unsqueeze(-1), references.sum(1).float(), 0.0),
            positive=state.positive + torch.where(final, (positive * cited).sum(-1), 0.0),
            entropies=state.entropies + torch.where(citing, each, 0.0).sum(-1),
            responses=state.responses + final * references.shape[1],
            citing=state.citing + citing.sum(-1),
            round=(state.round + 1) % (o.rounds + 1),
        )
        if o.susceptibility > 0 or state.susceptibility is not None:
            limit = o.susceptibility if state.susceptibility is None else state.susceptibility
            said = state.said
            traits = dynamics.hear(
                o, state.traits, tables.sizes, limit, state.asked, said, merged, references, final, draw
            )
            state = replace(state, traits=traits)
        return Step(state, {"synthesiser": paid.unsqueeze(-1)}, measures=measures)

    def measures(self) -> tuple[Measure, ...]:
        """What the world may measure."""
        return DECLARED

    def measure(self, state: State) -> dict[str, Tensor]:
        """Perspectives so far, and what the options ask for beside them."""
        o, names = self.options, self.survey.cultures
        found = readouts.perspectives_of(state, names)
        if "agents" in o.measures:
            found.update(readouts.agents(state))
        if {"people", "budget"} & set(o.measures):
            options = dynamics.options_of(state.traits[:, :, o.voice], state.tables.sizes)
            counts = dynamics.counts_of(options, state.culture, len(names), state.tally.shape[-1])
            if "people" in o.measures:
                found.update(readouts.people(state, counts))
            if "budget" in o.measures:
                found["budget_regret"] = readouts.budget(o, state, counts)
        if "layers" in o.measures:
            for number, layer in enumerate(o.layers):
                options = dynamics.options_of(state.traits[:, :, number], state.tables.sizes)
                counts = dynamics.counts_of(options, state.culture, len(names), state.tally.shape[-1])
                spread = readouts.individual(counts.sum(1), state.tables)
                found[f"people_variance/{layer.name}"] = spread / state.spread
        if "rsa" in o.measures:
            found.update(readouts.rsa(state, dynamics.positions_of(state.traits[:, :, o.voice], state.tables.sizes)))
        if "regions" in o.measures:
            options = dynamics.options_of(state.traits[:, :, 0], state.tables.sizes)
            found["largest_region"] = dynamics.largest_region(options, self._all_ties(state)[0])
        if "audit" in o.measures:
            found.update(readouts.audit(state, names, o.blocks))
        return found

    def notes(self) -> tuple[str, ...]:
        """What of the survey's file is not used, and why."""
        return self.survey.left_out

    def panel(self, state: State) -> dict[str, Tensor]:
        """Everyone's place on the cultural map, on the layer on which the assistant is heard."""
        tables = state.tables
        place = dynamics.positions_of(state.traits[:, :, self.options.voice], tables.sizes)
        spot = apply_linear(place - tables.centre, tables.axes)
        return {"map/0": spot[..., 0], "map/1": spot[..., 1]}

    def dialogue(self) -> Dialogue:
        """Questions with culture prompts, and a prompt that asks to merge."""
        return CultureDialogue(self.wordings, self.survey, self.options, self.talking)

    @classmethod
    def population(cls, users: int, options: CultureOptions) -> Population:
        """People of all cultures alike, each one's drawn."""
        return EvenPopulation(users, surveys.load(options.survey).cultures)
