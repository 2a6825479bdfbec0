"""What all learners from feedback share: acting, gathering, mitigations; a rule says how parameters change."""

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from populace.agents.learning import mitigations
from populace.agents.learning.batch import Batch, check_whole, gather
from populace.agents.learning.memory import Learned
from populace.agents.learning.models import Base, Layout, Model, Network, Params, Tabular, make
from populace.agents.learning.options import LearnerOptions, LearnerOptionsT, SelectionOptions
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Role
from populace.measures import Measure, share
from populace.numerics import total
from populace.observation import Observation
from populace.policy import Actions, Learner, Lesson
from populace.population import People

DECLARED = (
    Measure(name="training_reward", about="mean reward of the decisions that were learned from in this round"),
    Measure(name="loss", about="loss of the learning rule in this round, before its step"),
    Measure(name="kl", about="divergence of the policy after this round from its reference", low=0.0),
    share("vetoed", "share of the decisions of this round that the veto flagged"),
)
"""What every learner measures in a round, per role."""


class FeedbackLearner(Learner[LearnerOptionsT]):
    """One independent learner per world, all worlds at once. Override `update`."""

    Options = LearnerOptions
    tabular_only = False
    counts = False
    """Whether the rule works on counts, and takes safe data in as such; else they are a step of likelihood."""

    # ------------------------------------------------------------------ the policy

    def model(self, role: Role) -> Model:
        """The policy's family for this role; built from options and role alone, so nothing is kept.

        Raises:
            UnknownName: An option names a field or label that the role has not.
            PopulaceError: The role does not suit a learner of choices.
        """
        o = self.options
        if self.tabular_only and o.model != "tabular":
            raise PopulaceError(f"{type(self).__name__} needs a policy in closed form: model: tabular, got {o.model!r}")
        kinds = Tabular.kinds if o.model == "tabular" else Network.kinds
        layout = Layout(role, o.field, o.context, kinds, o.rated)
        return make(o.model, layout, self._base(layout), o.bias, o.hidden)

    def _base(self, layout: Layout) -> Base:
        o, labels = self.options, layout.act.labels
        default = _logs(o.start, labels, o.floor)
        if not o.start_in:
            return Base((default,), None)
        name = next(iter(o.start_in)).split("=")[0]
        if name not in layout.seen:
            raise UnknownName(f"field that {layout.role.name} sees", name, layout.seen)
        values = layout.seen[name].labels
        rows = dict.fromkeys(values, default)
        for key, shares in o.start_in.items():
            label = key.split("=")[1]
            if label not in rows:
                raise UnknownName(f"label of {name}", label, values)
            rows[label] = _logs(shares, labels, o.floor)
        return Base(tuple(rows.values()), name)

    def begin(self, role: Role, people: People, draw: Draw) -> Learned:
        """The base policy in every world."""
        model = self.model(role)
        self._strata(role)
        mitigations.check_safe(self.options.safe, self.options.rated, role)
        params = model.begin(draw)
        o, level = self.options, torch.zeros((draw.worlds, role.seats), device=draw.device, dtype=torch.float32)
        return Learned(
            role=role,
            params=params,
            reference=params,
            sums=level if o.centred else None,
            counts=level if o.centred else None,
            trust=torch.ones_like(level) if o.evaluators is not None else None,
            rounds=torch.zeros(draw.worlds, dtype=torch.int64, device=draw.device),
        )

    def act(self, observation: Observation, memory: Learned, draw: Draw) -> tuple[Actions, Learned]:
        """Sample the learned choice; everything else is forfeited."""
        role = observation.role
        model = self.model(role)
        field = _layout(model).act.name
        actions: dict[str, Tensor] = {}
        for f in role.done_in(observation.phase):
            if f.name == field:
                actions[field] = _sample(model, memory.params, observation, draw)
            else:
                actions[f.name] = f.omitted(draw.worlds, role.seats, draw.device, observation)
        return actions, memory

    # ------------------------------------------------------------------ the outer clock

    def check_lesson(self, role: Role, ticks: int) -> None:
        """A lesson holds whole conversations."""
        field = _layout(self.model(role)).act.name
        made = ticks * sum(any(f.name == field for f in role.done_in(phase)) for phase in role.phases)
        check_whole(made, self.options.turns)

    def learn(self, memory: Learned, lesson: Lesson, draw: Draw) -> tuple[Learned, Mapping[str, Tensor]]:
        """One round: gather, mitigate, update.

        Measures: see `DECLARED`; `vetoed` with a veto only.
        """
        o = self.options
        model = self.model(memory.role)
        field, labels = _layout(model).act.name, _layout(model).act.labels
        batch = gather(lesson, model, field, o.rated, o.turns, self._strata(memory.role))
        used = total(batch.use.float()).clamp(min=1.0)
        measures = {"training_reward": total(batch.reward * batch.use) / used}
        data = mitigations.apply(o, batch, labels, memory, draw)
        if data.vetoed is not None:
            measures["vetoed"] = total((data.vetoed & batch.use).float()) / used
        params, loss = self.update(model, memory, batch, data, draw)
        if o.safe is not None and not self.counts:
            params = mitigations.add_safe(o.safe, model, labels, params, batch, self.rate(memory))
        measures["loss"] = loss
        measures["kl"] = self._kl(model, params, memory.reference, batch)
        reference = params if o.reference == "previous" else memory.reference
        after = replace(
            memory,
            params=params,
            reference=reference,
            sums=data.sums,
            counts=data.counts,
            trust=data.trust,
            rounds=memory.rounds + 1,
        )
        return after, measures

    def measures(self) -> tuple[Measure, ...]:
        """What a lesson measures."""
        return DECLARED

    def update(
        self, model: Model, memory: Learned, batch: Batch, data: mitigations.Data, draw: Draw
    ) -> tuple[Params, Tensor]:
        """The parameters after this round, and the rule's loss [worlds]."""
        raise NotImplementedError

    def rate(self, memory: Learned) -> Tensor:
        """This round's step size, [worlds]: rate times decay to the power of the rounds learned."""
        o = self.options
        return o.rate * torch.exp(memory.rounds.float() * math.log(o.decay))

    def _strata(self, role: Role) -> dict[str, int]:
        names = self.options.within if isinstance(self.options, SelectionOptions) else ()
        if not names:
            return {}
        layout = Layout(role, self.options.field, names, Tabular.kinds, "")
        return {f.name: layout.options(f) for f in layout.fields}

    @staticmethod
    def _kl(model: Model, params: Params, reference: Params, batch: Batch) -> Tensor:
        """Mean KL of the new policy from the reference; by context where there are contexts."""
        if isinstance(model, Tabular):
            p, q = torch.log_softmax(params["logits"], -1), torch.log_softmax(reference["logits"], -1)
            return (torch.exp(p) * (p - q)).sum(-1).mean(-1)
        p, q = model.log_probs(params, batch.seen), model.log_probs(reference, batch.seen)
        gap = torch.where(torch.isfinite(p), p - q, 0.0)
        return total((torch.exp(p) * gap).sum(-1)) / p.shape[1]


def step(params: Params, gradient: Params, rate: Tensor) -> Params:
    """One step uphill; rate is [worlds]."""
    return {name: value + rate.view(-1, 1, 1) * gradient[name] for name, value in params.items()}


def _layout(model: Any) -> Layout:
    layout = model.layout
    assert isinstance(layout, Layout)
    return layout


def _logs(shares: Mapping[str, float], labels: tuple[str, ...], floor: float) -> tuple[float, ...]:
    for name in shares:
        if name not in labels:
            raise UnknownName("label in start", name, labels)
    if not shares:
        return (0.0,) * len(labels)
    values = torch.tensor([max(shares.get(name, 0.0), floor) for name in labels], dtype=torch.float64)
    return tuple(float(x) for x in torch.log(values / values.sum()))


def _sample(model: Model, params: Params, observation: Observation, draw: Draw) -> Tensor:
    seen = model.see(observation)
    if not isinstance(model, Tabular) or seen.mask is not None:
        return draw.categorical("act", torch.exp(model.log_probs(params, seen)))
    assert seen.code is not None
    # A table needs no row of probabilities a seat: compare one number with the context's cumulative shares.
    shares = torch.softmax(params["logits"], -1)
    acts = shares.shape[-1]
    steps = shares.cumsum(-1)[..., :-1].flatten(1)
    uniform = draw.uniform("act", seen.code.shape[1])
    first = seen.code * (acts - 1)
    act = torch.zeros_like(first)
    for a in range(acts - 1):
        act += steps.gather(-1, first + a) <= uniform
    return act
