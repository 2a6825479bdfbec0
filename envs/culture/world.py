"""People meet and ask; an agent a culture answers; a synthesiser merges; people hear it."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.envs.culture import dynamics, networks, perspectives, readouts, start, survey
from populace.envs.culture.options import CultureOptions
from populace.envs.culture.roles import cast
from populace.envs.culture.state import State, Ties
from populace.envs.culture.survey import Survey
from populace.fields import Role
from populace.numerics import apply_linear, mean
from populace.population import People, Population
from populace.world import Step, World


class Culture(World[State]):
    """The multiplex cultural system; see docs/worlds/culture.md."""

    id = "populace/culture-v0"
    Options = CultureOptions
    phases = ("exchange", "answer", "merge")
    defaults: ClassVar = {"person": "mixer", "agent": "persona", "synthesiser": "multiplex"}
    options: CultureOptions

    @property
    def survey(self) -> Survey:
        """The survey, read once a process.

        Raises:
            PopulaceError: A file is missing or wrong.
        """
        return survey.load(self.options.survey)

    @property
    def asked(self) -> int:
        """Questions a tick."""
        return min(self.options.asked, len(self.survey.questions))

    def roles(self) -> tuple[Role, ...]:
        """Person, agent and synthesiser."""
        found = self.survey
        self._segments()
        return cast(self.options, self.census.size, len(found.cultures), tuple(found.sizes.tolist()))

    def _segments(self) -> list[int] | None:
        """The culture of each segment; None when segments are not cultures and everyone's culture is drawn.

        Raises:
            UnknownName: Some segments are cultures and another is not.
        """
        named = self.census.segments
        if len(named) == 1 and named[0] not in self.survey.cultures:
            return None
        return survey.positions_of(self.survey, named)

    def begin(self, people: People, draw: Draw) -> State:
        """Everyone's traits are drawn from the marginals of their culture, the same on all layers."""
        o, found, device = self.options, self.survey, draw.device
        tables = start.tables(found, device)
        worlds, users, cultures = draw.worlds, people.size, len(found.cultures)
        count, width, most = self.asked, len(found.questions), int(found.sizes.max())
        segments = self._segments()
        if segments is None:
            culture = draw.integers("culture", 0, cultures, users)
        else:
            culture = torch.tensor(segments, device=device)[people.segment]
        options = start.answers(tables.filled, culture, draw)
        traits = options.to(torch.uint8)
        if o.rule == "bounded":
            traits = (options + draw.uniform("within", users, width)) / tables.sizes
            traits = traits.clamp(max=1.0)
        ties, graphs = self._networks(people, draw)
        zero = torch.zeros(worlds, device=device)
        pooled = dynamics.counts_of(options, culture, cultures, most).sum(1)
        return State(
            traits=traits.unsqueeze(2).expand(-1, -1, len(o.layers), -1).contiguous(),
            culture=culture,
            susceptibility=people.traits.get("susceptibility"),
            asked=torch.arange(count, device=device).expand(worlds, -1).contiguous(),
            descending=zero.bool(),
            round=zero.long(),
            said=torch.zeros((worlds, cultures, count), dtype=torch.int64, device=device),
            before=torch.full((worlds, cultures, count), -1, device=device),
            sheet=torch.full((worlds, cultures, width), -1, device=device),
            tally=torch.zeros((worlds, cultures, width, most), device=device),
            cited=torch.zeros((worlds, cultures), device=device),
            positive=zero,
            entropies=zero,
            responses=zero,
            citing=zero,
            spread=readouts.individual(pooled, tables),
            tables=tables,
            ties=ties,
            graphs=graphs,
        )

    def _networks(self, people: People, draw: Draw) -> tuple[tuple[Ties | None, ...], tuple[Ties | None, ...]]:
        ties: list[Ties | None] = []
        graphs: list[Ties | None] = []
        for layer in self.options.layers:
            built, own = networks.build(layer, people, draw)
            if built is not None and self.options.rule == "centola" and not own:
                whole = [t.expand(draw.worlds, -1).contiguous() for t in (built.first, built.count, built.source)]
                built, own = Ties(*whole), True
            ties.append(built if own else None)
            graphs.append(None if own else built)
        return tuple(ties), tuple(graphs)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """A person's own traits; the questions and a culture's marginals; or the agents' answers."""
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
            return Step(self._exchange(state, actions["person"], draw))
        if phase == "answer":
            return self._answer(state, actions["agent"]["answers"])
        return self._merge(state, actions["synthesiser"], draw)

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

    def _answer(self, state: State, answers: Tensor) -> Step[State]:
        tables = state.tables
        sizes = tables.sizes[state.asked].unsqueeze(1)
        shown = torch.minimum(answers, sizes - 1)
        said = torch.where(state.descending.view(-1, 1, 1), sizes - 1 - shown, shown)
        index = state.asked.unsqueeze(1).expand_as(said)
        sheet = state.sheet.scatter(2, index, said)
        options = torch.arange(state.tally.shape[-1], device=said.device)
        one = (said.unsqueeze(-1) == options) & self._final(state).view(-1, 1, 1, 1)
        tally = state.tally.scatter_add(2, index.unsqueeze(-1).expand_as(one), one.float())
        held = tables.filled[:, state.asked].transpose(0, 1).gather(-1, said.unsqueeze(-1)).squeeze(-1)
        measures = {}
        if "audit" in self.options.measures:
            measures = readouts.presented(said, state)
        reward = held.mean(-1)
        return Step(replace(state, said=said, sheet=sheet, tally=tally), {"agent": reward}, measures=measures)

    def _merge(self, state: State, actions: Mapping[str, Tensor], draw: Draw) -> Step[State]:
        o, tables = self.options, state.tables
        references = actions["references"][:, 0].clamp(0, o.references)
        positive = actions["positive"][:, 0].clamp(0.0, 1.0)
        merged = torch.minimum(actions["answers"][:, 0], tables.sizes[state.asked] - 1)
        final = self._final(state)
        each = perspectives.entropy(perspectives.shares(references))
        cited = references.sum(-1).float()
        there = (cited > 0) & final.unsqueeze(-1)
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
            entropies=state.entropies + torch.where(there, each, 0.0).sum(-1),
            responses=state.responses + final * references.shape[1],
            citing=state.citing + there.sum(-1),
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

    def panel(self, state: State) -> dict[str, Tensor]:
        """Everyone's place on the cultural map, on the layer on which the assistant is heard."""
        tables = state.tables
        place = dynamics.positions_of(state.traits[:, :, self.options.voice], tables.sizes)
        spot = apply_linear(place - tables.centre, tables.axes)
        return {"map/0": spot[..., 0], "map/1": spot[..., 1]}

    def dialogue(self) -> Dialogue:
        """Questions with culture prompts, and a prompt that asks to merge."""
        from populace.envs.culture.dialogue import CultureDialogue

        return CultureDialogue(self.survey, self.options)

    @classmethod
    def population(cls, users: int, options: CultureOptions) -> Population:
        """People of all cultures alike, each one's drawn."""
        return start.EvenPopulation(users, survey.load(options.survey).cultures)
