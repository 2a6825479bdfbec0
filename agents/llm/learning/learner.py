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
from populace.agents.llm.learning import adapters, moves, peft_folder
from populace.agents.llm.learning.adapters import Own, Shape
from populace.agents.llm.learning.base import Base
from populace.agents.llm.learning.fitting import STEPS, Fit, How, Objective, fit, fresh, logs
from populace.agents.llm.learning.options import (
    PocketLearnerOptions,
    TextLearnerOptionsT,
    TransformersLearnerOptions,
)
from populace.agents.llm.learning.rules import RULES, Logs, Loss, follow
from populace.agents.llm.learning.scripts import Scripts
from populace.agents.llm.learning.table import Items, Table, tabulate
from populace.agents.llm.learning.teaching import taught
from populace.agents.llm.seats.text_policy import TextPolicy
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Role, lasting
from populace.measures import Measure, share
from populace.numerics import total
from populace.observation import Observation
from populace.policy import WORDS, Actions, Learner, Lesson
from populace.population import People

CHOSE = share("chose/*", "share of the decisions of this round in which the model chose this move")


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
        scripts: What the teacher and the script for the rest of a move remember.
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
    scripts: tuple[Any, Any] = field(default=(None, None))


class TextLearner(TextPolicy[TextLearnerOptionsT], Learner[TextLearnerOptionsT]):
    """A language model in this process whose weights learn from its reward, in any role that is asked in words."""

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
        """It needs something to learn, strata that the role sees, and scripts that can play the role.

        Raises:
            PopulaceError: Moves, shares, mitigations or scripts do not suit the role.
        """
        o = self.options
        if not o.moves:
            super().check_role(role, dialogue)
        labels = self._act(role)[1]
        self._strata(role)
        if not labels and (told := [n for n in ("veto", "safe", "evaluators") if getattr(o, n) is not None]):
            raise PopulaceError(f"{told[0]}: {role.name} makes no choice whose labels it could name; give it moves")
        mitigations.check_safe(o.safe, o.rated, role)
        for name in o.teacher.shares if o.teacher is not None else ():
            if name not in labels:
                raise UnknownName("label in teacher.shares", name, labels)
        for name in o.context or ():
            if name not in {f.name for f in role.sees if not f.private}:
                raise UnknownName(f"field that {role.name} sees", name, [f.name for f in role.sees if not f.private])
        self._scripts.check(role, dialogue)

    def begin(self, role: Role, people: People, draw: Draw) -> Trained:
        """The first weights in every world."""
        o = self.options
        own: Own = {}
        if rehearsal.current() is None:  # a rehearsal loads no model
            own = adapters.begin(
                self.base.loaded.model, self.base.trained, self._start[1] if o.adapter else {}, draw.scope("weights")
            )
        nothing = fresh(own, o.optimiser).first
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
            scripts=self._scripts.begin(role, people, draw),
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

        o, role, scripts = self.options, observation.role, memory.scripts
        rest, scripts = self._scripts.others(observation, scripts, draw)
        if o.moves and self._act(role)[0] not in {f.name for f in role.done_in(observation.phase)}:
            nothing = torch.zeros(next(iter(observation.values())).shape[:2], dtype=torch.int64)
            return moves.act({}, observation, nothing, rest), replace(memory, scripts=scripts)
        found, talk = self.talk(observation, memory.talk, draw, ask, keep=True)
        if o.moves:
            found = {**found, **moves.act(o.moves, observation, found[f"{WORDS}{moves.MOVE}"], rest)}
        if memory.own and self._taught(memory):
            shown, scripts = self._scripts.shown(observation, scripts, draw, *self._act(role))
            prompts = found[f"{WORDS}prompt"]
            found = {**found, **taught(self.base, self._dialogue(observation), observation, shown, prompts)}
        return found, replace(memory, talk=talk, scripts=scripts)

    def _dialogue(self, observation: Observation) -> Dialogue:
        """The world's face, or one that asks for a move."""
        o = self.options
        return moves.MovesFace(o.moves, o.context) if o.moves else super()._dialogue(observation)

    @cached_property
    def _scripts(self) -> Scripts:
        """The teacher, and who does the rest of a move."""
        return Scripts(self.options)

    def _taught(self, memory: Trained) -> bool:
        """Whether this round is the teacher's; all worlds of a batch have learned as many."""
        teacher = self.options.teacher
        return teacher is not None and (teacher.rounds is None or int(memory.rounds[0]) < teacher.rounds)

    # ------------------------------------------------------------------ the outer clock

    def check_lesson(self, role: Role, ticks: int) -> None:
        """A lesson holds whole conversations."""
        field, _ = self._act(role)
        check_whole(ticks * sum(any(f.name == field for f in role.done_in(p)) for p in role.phases), self.options.turns)

    def measures(self) -> tuple[Measure, ...]:
        """What a lesson measures."""
        return (*DECLARED, CHOSE) if self.options.moves else DECLARED

    def learn(self, memory: Trained, lesson: Lesson, draw: Draw) -> tuple[Trained, Mapping[str, Tensor]]:
        """One round: gather, mitigate, train each world's weights.

        Measures: those of all learners (`populace.agents.learning.learner.DECLARED`), and `chose/<move>`.
        """
        o, (field, labels) = self.options, self._act(lesson.role)
        teaching = self._taught(memory)
        if teaching:  # what a seat said itself does not matter, even where it could not be read
            lesson = Lesson((replace(t, kind=None) for t in lesson), lesson.role, lesson.dialogue, lesson.reader)
        made = decisions(lesson, field)
        batch = gather(lesson, None, field, o.rated, o.turns, self._strata(lesson.role))
        if o.moves:
            batch = replace(batch, act=torch.cat([d.words[moves.MOVE] for d in made], 1))
        used = total(batch.use.float()).clamp(min=1.0)
        measures = {"training_reward": total(batch.reward * batch.use) / used}
        for k, name in enumerate(o.moves):
            measures[f"chose/{name}"] = total((batch.use & (batch.act == k)).float()) / used
        data = mitigations.apply(o, batch, labels, memory, draw)
        if data.vetoed is not None:
            measures["vetoed"] = total((data.vetoed & batch.use).float()) / used
        best, worst = (
            (data.best.float(), torch.zeros_like(data.weight)) if teaching else select(o.kept, batch, data, draw)
        )
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
        parts: dict[str, Any] = {
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
            start = fresh(base, o.optimiser)
        hot = local.decoder.choosing or 1.0
        fixed = None if base is None else table.plays(logs(local, table.chunks, base), hot)
        teacher = o.teacher if self._taught(memory) else None
        rule, safe = (follow if teacher else RULES[o.rule])(table, o), self._safe(table)

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

        if teacher is None:
            how = How(
                STEPS[o.optimiser], o.rate * o.decay ** int(memory.rounds[world]), o.epochs, o.clip_norm, o.kl_round
            )
            found, loss, at_first, free = fit(start, local, table.chunks, begin, how)
        else:
            how = How(STEPS["adamw"], teacher.rate, teacher.epochs, o.clip_norm, None, fades=True)
            found, loss, at_first, free = fit(fresh(own, "adamw"), local, table.chunks, begin, how)
            found = replace(start, own=found.own)
        reference = table.plays(at_first, hot) if fixed is None else fixed
        return found, loss.detach(), table.divergence(table.plays(free, hot), reference).detach()

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

    def _act(self, role: Role) -> tuple[str, tuple[str, ...]]:
        """The field by which a decision is told, and the labels of what is chosen; () for what is written freely."""
        o = self.options
        if o.moves:
            return moves.field_of(o.moves, role).name, tuple(o.moves)
        if o.field is None and not any(f.kind == "choice" and f.shape == () for f in role.does):
            return role.does[0].name, ()
        act = Layout(role, o.field, (), Tabular.kinds, "").act
        return act.name, act.labels

    def _strata(self, role: Role) -> dict[str, int]:
        seen = {f.name: f for f in role.sees if not f.private}
        found = {}
        for name in self.options.within:
            if name not in seen:
                raise UnknownName(f"field that {role.name} sees", name, seen)
            if seen[name].kind not in Tabular.kinds or seen[name].shape != ():
                raise PopulaceError(f"within: {name} is a {seen[name].kind}; strata are those of a choice or a flag")
            found[name] = 2 if seen[name].kind == "flag" else len(seen[name].labels)
        return found


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
