"""Play many ticks: no Python loop over worlds or users, and no copy to the host but what the recorder asks for."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal, Protocol

from torch import Tensor

from populace import arithmetic
from populace.measures import Key, OfSeats, join, recorded
from populace.policy import Learner, Lesson
from populace.run import Policies, Run, advance, blame, restart
from populace.words import Reader, Utterance
from populace.world import AnyWorld

AtEnd = Literal["mask", "autoreset"]
"""What becomes of a world that ended: it waits, masked, or begins its next episode at the next tick."""


class Recorder(Protocol):
    """Takes what happened; decides itself when tensors are copied to the host."""

    def wants(self, clock: int) -> bool:
        """Whether the state after tick `clock` is to be recorded (0 is the start)."""
        ...

    def record(self, world: AnyWorld, run: Run, measures: Mapping[Key, Tensor]) -> None:
        """Take measures key -> [worlds], with counts since the last record, and what `measure` and `panel` show."""
        ...

    def hear(self, world: AnyWorld, run: Run, phase: str, said: Mapping[str, Utterance]) -> None:
        """Take what was said in `phase`, role -> utterance; `run` stands where the phase began."""
        ...


class Keep:
    """A recorder that keeps measures in memory: `series[key]` is a list of [worlds], one per recorded tick.

    `talk` holds what was said, in the order in which it was.
    """

    def __init__(self, every: int = 1) -> None:
        self.every = every
        self.clocks: list[int] = []
        self.series: dict[Key, list[Tensor]] = {}
        self.talk: list[tuple[int, str, str, Utterance]] = []

    def wants(self, clock: int) -> bool:
        """Every `every` ticks."""
        return clock % self.every == 0

    def hear(self, world: AnyWorld, run: Run, phase: str, said: Mapping[str, Utterance]) -> None:
        """Keep all utterances: (tick, phase, role, utterance)."""
        self.talk += [(run.clock + 1, phase, role, utterance) for role, utterance in said.items()]

    def record(self, world: AnyWorld, run: Run, measures: Mapping[Key, Tensor]) -> None:
        """Keep them all, on their device."""
        self.clocks.append(run.clock)
        stocks: Mapping[Any, Tensor] = world.measure(run.state)
        for key, value in {**measures, **stocks}.items():
            if isinstance(key, OfSeats) and key.measure.startswith("nan/"):
                continue
            self.series.setdefault(key, []).append(value)


def rollout(
    world: AnyWorld,
    policies: Policies,
    run: Run,
    steps: int,
    recorder: Recorder | None = None,
    *,
    horizon: int | None = None,
    at_end: AtEnd = "mask",
    learn_every: int | None = None,
    progress: Callable[[int], None] | None = None,
    check: bool = False,
) -> Run:
    """Play `steps` ticks from `run` and return the run after them.

    Args:
        world: The mechanism.
        policies: Role -> policy, one for every role that acts.
        run: Where to start (`populace.start`), or to go on.
        steps: Ticks to play.
        recorder: Who takes the measures.
        horizon: Ticks per episode; worlds are truncated there and begin anew. None for no limit.
        at_end: What becomes of worlds that end by themselves; with `mask` they wait until the horizon, if there is one.
        learn_every: Ticks between two calls of `Learner.learn`; None for once an episode (every `horizon` ticks).
        progress: Called after each tick with the ticks played since the start.
        check: Make a purpose drawn twice an error (tests).
    """
    learn_every = learn_every or horizon
    with arithmetic.using(run.arithmetic):
        if recorder is not None and run.clock == 0 and run.phase == 0 and recorder.wants(0):
            recorder.record(world, run, {})
        last = run.clock + steps
        own = False  # whether nobody but this rollout has seen the run
        while run.clock < last:
            if run.phase == 0 and run.clock:
                run = _renew(world, policies, run, horizon, at_end)
            flows: dict[Key, Tensor] = {}
            watch = recorder is not None and recorder.wants(run.clock + 1)
            while True:
                before = run
                run, step = advance(world, policies, run, check=check, watch=watch, own=own)
                own = True
                join(flows, step.measures)
                if recorder is not None and step.said:
                    recorder.hear(world, before, world.phases[before.phase], step.said)
                if not run.phase:
                    break
            if learn_every and run.clock % learn_every == 0:
                run, learned = learn(world, policies, run)
                join(flows, learned)
            if recorder is not None and watch:
                recorder.record(world, run, {**flows, **recorded(run.counts)})
                own = False
                run = replace(run, counts={})
            if progress is not None:
                progress(run.clock)
    return run


def _renew(world: AnyWorld, policies: Policies, run: Run, horizon: int | None, at_end: AtEnd) -> Run:
    # All worlds share the host's clock, so a horizon needs no look at the device.
    if horizon is not None and run.clock % horizon == 0:
        return restart(world, policies, run, run.done | True)
    if world.ends and at_end == "autoreset":
        return restart(world, policies, run, run.done)
    return run


def learn(world: AnyWorld, policies: Policies, run: Run) -> tuple[Run, dict[Key, Tensor]]:
    """Let every learner learn from what it has gathered, and forget that."""
    memory = dict(run.memory)
    measures: dict[Key, Tensor] = {}
    for role, trajectory in run.trajectory.items():
        learner = policies[role]
        assert isinstance(learner, Learner)
        with arithmetic.using(run.arithmetic), blame(learner, role, "learn"):
            draw = run.draw().scope(f"learn/{role}")
            lesson = Lesson(trajectory, world.role(role), world.dialogue, Reader(run.words, world.lexicon))
            memory[role], learned = learner.learn(memory[role], lesson, draw)
        measures.update({OfSeats(name, role): value for name, value in learned.items()})
    return replace(run, memory=memory, trajectory={}), measures
