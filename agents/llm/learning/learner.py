"""Language models whose weights learn: one per world, asked in words as any model, and trained between rounds.

Acting, gathering, selection and mitigations are those of all text policies and of all learners. Every world is read and
trained by itself, so that its weights have the same bits alone and among others, in batches of any size (with the same
number of threads).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, ClassVar

import torch
from torch import Tensor

from populace.agents.learning import mitigations
from populace.agents.learning.batch import check_whole, decisions, gather
from populace.agents.learning.learner import DECLARED
from populace.agents.learning.models import Layout, Tabular
from populace.agents.learning.selection import select
from populace.agents.llm.backends import pocket, rehearsal
from populace.agents.llm.backends.base import Ask, Backend, Reply, ask_all
from populace.agents.llm.learning import adapters, peft_folder
from populace.agents.llm.learning.adapters import Own, Shape
from populace.agents.llm.learning.base import Base
from populace.agents.llm.learning.fitting import STEPS, Fit, Objective, fit, logs
from populace.agents.llm.learning.options import (
    PocketLearnerOptions,
    TextLearnerOptionsT,
    TransformersLearnerOptions,
)
from populace.agents.llm.learning.rules import RULES, Logs, Loss
from populace.agents.llm.learning.table import Items, Table, tabulate
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import PopulaceError
from populace.fields import Role, lasting
from populace.measures import Measure
from populace.numerics import total
from populace.observation import Observation
from populace.policy import Actions, Learner, Lesson
from populace.population import People


@dataclass(frozen=True)
class Trained:
    """What a model that learns remembers; all but its conversations outlives the episode.

    Attributes:
        own: Weights by name, [worlds, ...] float32.
        first: The optimiser's means of gradients, likewise; empty where it needs none.
        second: Its means of squared gradients; likewise.
        steps: [worlds] int64, its steps.
        reference: The first weights, where something holds on to them.
        sums: [worlds, seats], rewards so far by seat, or None unless ratings are centred.
        counts: [worlds, seats], how many.
        trust: [worlds, seats], weights of the raters, or None without evidence.
        rounds: [worlds] int64, rounds learned.
        talk: What seats remember of their conversations.
    """

    own: Own = lasting()
    first: Own = lasting()
    second: Own = lasting()
    steps: Tensor = lasting()
    reference: Own | None = lasting()
    sums: Tensor | None = lasting()
    counts: Tensor | None = lasting()
    trust: Tensor | None = lasting()
    rounds: Tensor = lasting()
    talk: Any = field(default=None)


class TextLearner(TextPolicy[TextLearnerOptionsT], Learner[TextLearnerOptionsT]):
    """A language model in this process whose weights learn from its reward, in any role that makes a choice."""

    Options: ClassVar[Any] = TransformersLearnerOptions

    # ------------------------------------------------------------------ the model

    def open(self) -> Backend:
        """The model; it is loaded when first needed."""
        raise TypeError(f"{type(self).__name__} has no open(): it must return a populace.agents.llm.learning.base.Base")

    def shape(self) -> Shape:
        """What the adapter is like: as the options say, or as that from which it starts."""
        o = self.options
        if o.adapter:
            return self._start[0]
        return Shape(o.rank, 2.0 * o.rank if o.alpha is None else o.alpha, o.targets)

    @cached_property
    def _start(self) -> tuple[Shape, Own]:
        return peft_folder.load(peft_folder.place(self.options.adapter))

    @property
    def base(self) -> Base:
        """The model, with room for weights.

        Raises:
            PopulaceError: It is no model in this process.
        """
        found = self.backend
        if not isinstance(found, Base):
            raise PopulaceError(f"{type(self).__name__} needs a model in this process, and open() gave {type(found)}")
        return found

    # ------------------------------------------------------------------ the policy

    def check_role(self, role: Role, dialogue: Dialogue | None) -> None:
        """It needs a choice to learn, and strata that the role sees."""
        super().check_role(role, dialogue)
        self._layout(role)
        self._strata(role)
        mitigations.check_safe(self.options.safe, self.options.rated, role)

    def begin(self, role: Role, people: People, draw: Draw) -> Trained:
        """The first weights in every world."""
        o = self.options
        own: Own = {}
        if rehearsal.current() is None:  # a rehearsal loads no model
            own = adapters.begin(
                self.base.loaded.model, self.base.trained, self._start[1] if o.adapter else {}, draw.scope("weights")
            )
        nothing = self._moments(own)
        level = torch.zeros((draw.worlds, role.seats), device=draw.device, dtype=torch.float32)
        zero = torch.zeros(draw.worlds, dtype=torch.int64, device=draw.device)
        return Trained(
            own=own,
            first=nothing,
            second=nothing,
            steps=zero,
            reference=own if self._holds_on else None,
            sums=level if o.centred else None,
            counts=level if o.centred else None,
            trust=torch.ones_like(level) if o.evaluators is not None else None,
            rounds=zero,
            talk=super().begin(role, people, draw),
        )

    def act(self, observation: Observation, memory: Trained, draw: Draw) -> tuple[Actions, Trained]:
        """What every seat replied; each world is asked with its own weights."""

        def ask(asks: list[Ask], worlds: list[int]) -> list[Reply]:
            if not memory.own:
                return ask_all(self.backend, asks)
            replies: dict[int, Reply] = {}
            by_world: dict[int, list[int]] = {}
            for i, world in enumerate(worlds):
                by_world.setdefault(world, []).append(i)
            device = self.base.decoder.device
            for world, mine in by_world.items():
                with self.base.wearing(adapters.of_world(memory.own, world, device)):
                    replies |= zip(mine, ask_all(self.backend, [asks[i] for i in mine]), strict=True)
            return [replies[i] for i in range(len(asks))]

        actions, talk = self.talk(observation, memory.talk, draw, ask, keep=True)
        return actions, replace(memory, talk=talk)

    # ------------------------------------------------------------------ the outer clock

    def check_lesson(self, role: Role, ticks: int) -> None:
        """A lesson holds whole conversations."""
        field = self._layout(role).act.name
        check_whole(ticks * sum(any(f.name == field for f in role.done_in(p)) for p in role.phases), self.options.turns)

    def measures(self) -> tuple[Measure, ...]:
        """What a lesson measures."""
        return DECLARED

    def learn(self, memory: Trained, lesson: Lesson, draw: Draw) -> tuple[Trained, Mapping[str, Tensor]]:
        """One round: gather, mitigate, train each world's weights.

        Measures: those of all learners (`populace.agents.learning.learner.DECLARED`).
        """
        o, act = self.options, self._layout(lesson.role).act
        batch = gather(lesson, None, act.name, o.rated, o.turns, self._strata(lesson.role))
        used = total(batch.use.float()).clamp(min=1.0)
        measures = {"training_reward": total(batch.reward * batch.use) / used}
        data = mitigations.apply(o, batch, act.labels, memory, draw)
        if data.vetoed is not None:
            measures["vetoed"] = total((data.vetoed & batch.use).float()) / used
        best, worst = select(o.kept, batch, data, draw)
        made = decisions(lesson, act.name)
        items = Items(
            torch.cat([d.words["prompt"] for d in made], 1),
            torch.cat([d.words["reply"] for d in made], 1),
            data.reward,
            data.weight,
            best,
            worst,
            batch.outside.float() * (o.safe is not None),
        )
        fits, losses, far = [], [], []
        # World by world: the last bits of a batch depend on what else is in it, and a run must not depend on batches.
        for world in range(len(memory.rounds)):
            table = tabulate(
                Items(*(getattr(items, f)[world] for f in Items.__dataclass_fields__)), lesson.reader, self.base
            )
            found, loss, kl = self._train(memory, world, table)
            fits.append(found)
            losses.append(loss)
            far.append(kl)
        measures["loss"] = torch.stack(losses).to(draw.device)
        measures["kl"] = torch.stack(far).clamp(min=0.0).to(draw.device)
        parts = {
            name: {key: torch.stack([getattr(one, name)[key] for one in fits]) for key in getattr(memory, name)}
            for name in ("own", "first", "second")
        }
        steps = torch.tensor([one.steps for one in fits], dtype=torch.int64, device=draw.device)
        after = replace(
            memory,
            **parts,
            steps=steps,
            sums=data.sums,
            counts=data.counts,
            trust=data.trust,
            rounds=memory.rounds + 1,
        )
        return after, measures

    def _train(self, memory: Trained, world: int, table: Table | None) -> tuple[Fit, Tensor, Tensor]:
        """A world's weights after a round, the loss before it, and the divergence from the reference after it."""
        o, local = self.options, self.base
        own, first, second = (
            {k: v[world] for k, v in part.items()} for part in (memory.own, memory.first, memory.second)
        )
        start = Fit(own, first, second, int(memory.steps[world]))
        if table is None:
            return start, torch.zeros(()), torch.zeros(())
        base = None if memory.reference is None else {k: v[world] for k, v in memory.reference.items()}
        if o.rule == "expert-iteration" and o.rate > 0:
            assert base is not None
            none = self._moments(base)
            start = Fit(base, none, none, 0)
        hot = local.decoder.choosing or 1.0
        fixed = None if base is None else table.plays(logs(local, table.chunks, base), hot)
        rule, safe = RULES[o.rule](table, o), self._safe(table)

        def begin(first: Tensor) -> Objective:
            before = table.plays(first, hot)
            reference = before if fixed is None else fixed

            def objective(free: Tensor) -> tuple[Tensor, Tensor]:
                now = table.plays(free, hot)
                told = Logs(free, now, before, reference)
                loss = rule(told)
                if o.kl:
                    loss = loss + o.kl * table.divergence(now, reference)
                if safe is not None:
                    loss = loss + safe(told)
                return loss, table.divergence(now, before)

            return objective

        rate = o.rate * o.decay ** int(memory.rounds[world])
        found, loss, at_first, free = fit(
            start,
            local,
            table.chunks,
            begin,
            step=STEPS[o.optimiser],
            rate=rate,
            epochs=o.epochs,
            most=o.clip_norm,
            limit=o.kl_round,
        )
        reference = table.plays(at_first, hot) if fixed is None else fixed
        return found, loss.detach(), table.divergence(table.plays(free, hot), reference).detach()

    def _moments(self, own: Own) -> Own:
        """What the optimiser begins with."""
        return {name: torch.zeros_like(value) for name, value in own.items() if self.options.optimiser == "adamw"}

    def _safe(self, table: Table) -> Loss | None:
        """Minus the likelihood of the safe act, at share / (1 - share) of the data, inside or outside the domain."""
        safe = self.options.safe
        if safe is None:
            return None
        where = table.outside if safe.domain == "outside" else table.weight
        visits = table.by_prompt(table.by_entry(where))[table.prompt]
        shown = torch.tensor([text.rpartition(": ")[2] == safe.act for text in table.reply])
        weight = shown * visits
        weight = weight / weight.sum().clamp(min=1e-12) * (safe.share / (1.0 - safe.share))
        return lambda logs: -(weight * logs.free).sum()

    # ------------------------------------------------------------------ what it learns

    @property
    def _holds_on(self) -> bool:
        return self.options.reference == "fixed" or self.options.rule == "expert-iteration"

    def _layout(self, role: Role) -> Layout:
        return Layout(role, self.options.field, (), Tabular.kinds, "")

    def _strata(self, role: Role) -> dict[str, int]:
        if not self.options.within:
            return {}
        layout = Layout(role, self.options.field, self.options.within, Tabular.kinds, "")
        return {f.name: layout.options(f) for f in layout.fields}


class TransformersLearner(TextLearner[TransformersLearnerOptions]):
    """Seats of a model of `transformers` whose weights learn."""

    Options = TransformersLearnerOptions

    def open(self) -> Backend:
        """The model; it is loaded when first needed."""
        return Base(self.options, self.shape())


class PocketLearner(TextLearner[PocketLearnerOptions]):
    """Seats of the language model that comes with the library, whose weights learn."""

    Options = PocketLearnerOptions

    def open(self) -> Backend:
        """The model; it is loaded when first needed."""
        return Base(pocket.of(self.options, pocket.folder()), self.shape())
