"""A run as a value, and the one function that plays a phase of it. Rollouts and views are loops over `advance`."""

import traceback
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from populace import acts, arithmetic, tree
from populace.draw import Draw
from populace.errors import PolicyError, PopulaceError, RunError, UnknownName
from populace.fields import Role, shared
from populace.measures import Counts, Key, OfSeats, add
from populace.memory import is_short
from populace.observation import Observation
from populace.ownership import changed
from populace.policy import HOW, READ, TOLD, WORDS, Actions, Learner, Memory, Policy, Trajectory, Transition
from populace.population import People, Population
from populace.words import Reader, Utterance, Words
from populace.world import AnyWorld, Step

Policies = Mapping[str, Policy]
"""Role -> the policy that plays it."""


@dataclass(frozen=True)
class Run:
    """Everything that must be saved of a batch of worlds; worlds and policies themselves hold options only.

    Attributes:
        seed: The seed shared by all worlds and arms.
        worlds: [worlds] int64 ids; a world's random numbers depend on its id, not on its place in the batch.
        episode: [worlds] int64, episodes finished.
        tick: [worlds] int64, ticks played in this episode.
        done: [worlds] bool, worlds that ended and wait, masked.
        clock: Ticks played since the start, counted on the host.
        phase: Index of the next phase.
        state: The world's state; `Any`, as a run may be of any world.
        people: Who lives there.
        memory: Role -> its policy's memory.
        trajectory: Learner's role -> what it has not yet learned from.
        counts: Role ("" for the world) -> player -> measure -> [worlds] float64, events since the last record.
        arithmetic: What it is computed by (`populace.arithmetic`), from its start to its end.
        words: The texts that ids in state, memory and trajectory name. It grows as the run goes on, and branches share
            it.
    """

    seed: int
    worlds: Tensor
    episode: Tensor
    tick: Tensor
    done: Tensor
    state: Any
    people: People
    memory: dict[str, Memory] = field(default_factory=dict)
    trajectory: dict[str, Trajectory] = field(default_factory=dict)
    counts: Counts = field(default_factory=dict)
    clock: int = shared(default=0)
    phase: int = shared(default=0)
    arithmetic: str = shared(default="torch")
    words: Words = shared(default_factory=Words)

    def draw(self, check: bool = False, scope: str = "") -> Draw:
        """The randomness of this episode, tick and phase; `scope` is the phase's (`World.scopes`), by default its
        number.
        """
        draw = Draw.of_tick(self.seed, self.worlds, self.episode, self.tick, check)
        return draw.scope(scope or f"phase {self.phase}")

    def tidy(self) -> "Run":
        """The same run with a new store of words, that holds only what its tensors name."""
        return replace(self, words=self.words.kept(self)) if self.words.texts else self

    def save(self, path: Path) -> None:
        """Write the run to `path`, atomically; of its texts those that its tensors name."""
        tree.save(self.tidy(), path)

    @staticmethod
    def load(path: Path, device: torch.device | str = "cpu", packages: Collection[str] = ()) -> "Run":
        """Read a saved run; `advance` goes on as if it had never stopped.

        Args:
            path: The file.
            device: Where to go on.
            packages: Top-level names of the plug-ins whose classes the file may name (see `populace.tree.load`).

        Raises:
            RunError: The file cannot be read, or names classes that it may not.
        """
        run = tree.load(path, device, packages)
        if not isinstance(run, Run):
            raise RunError(f"{path} holds no run")
        return run


def start(
    world: AnyWorld,
    policies: Policies,
    population: Population,
    *,
    seed: int,
    worlds: int | Tensor,
    device: torch.device | str = "cpu",
) -> Run:
    """Sample the people and begin episode 0, with the current arithmetic, which the run keeps when it is continued.

    Args:
        world: The mechanism.
        policies: Role -> policy; roles a caller plays itself (in a view) may be absent.
        population: Whom to sample, by world.
        seed: One seed for all worlds and arms.
        worlds: How many worlds, or their ids [worlds].
        device: Where everything lives.
    """
    for role in policies:
        world.role(role)
    ids = torch.arange(worlds) if isinstance(worlds, int) else worlds
    ids = ids.to(device=device, dtype=torch.int64)
    zero = torch.zeros_like(ids)
    name = arithmetic.chosen(ids.device)
    with arithmetic.using(name):
        people = replace(population.sample(Draw.of(seed, ids).scope("population")), census=population.census)
        run = Run(seed, ids, zero, zero, zero.bool(), None, people, arithmetic=name)
        state, memory = _begin(world, policies, run)
    return replace(run, state=state, memory=memory)


def _begin(world: AnyWorld, policies: Policies, run: Run) -> tuple[Any, dict[str, Any]]:
    draw = run.draw()
    state = world.begin(run.people, draw.scope("begin"))
    memory = {}
    for role, policy in policies.items():
        with blame(policy, role, "begin"):
            memory[role] = policy.begin(world.cast[role], run.people, draw.scope(f"begin/{role}"))
    return state, memory


def restart(world: AnyWorld, policies: Policies, run: Run, which: Tensor) -> Run:
    """Begin the next episode in worlds `which` [worlds] bool; lasting memory (what was learned) stays.

    Only between two ticks: all worlds of a batch are in the same phase, and a beginning is in the first.
    """
    episode, tick = run.episode + which, torch.where(which, 0, run.tick)
    fresh = replace(run, episode=episode, tick=tick, phase=0)
    with arithmetic.using(run.arithmetic):
        state, memory = _begin(world, policies, fresh)
    return replace(
        fresh,
        state=tree.where(which, state, run.state),
        memory=tree.where(which, memory, run.memory, keep="lasting"),
        done=run.done & ~which,
    )


def see(world: AnyWorld, run: Run, role: Role, privileged: bool = False) -> Observation:
    """What `role` sees in the run's phase, without ground truth unless `privileged`."""
    phase = world.phases[run.phase]
    with arithmetic.using(run.arithmetic):
        fields = world.observe(run.state, role.name, phase)
    kept = role.shown_in(phase, privileged)
    shown = {name: tensor for name, tensor in fields.items() if name in kept}
    hidden = {f.name for f in role.seen_in(phase, private=True) if f.private}
    reader = Reader(run.words, world.lexicon, {name: fields[name] for name in hidden if name in fields})
    return Observation(shown, role, phase, world.present(run.state, role.name), world.dialogue, reader)


def advance(
    world: AnyWorld,
    policies: Policies,
    run: Run,
    given: Mapping[str, Actions] | None = None,
    *,
    check: bool = False,
    watch: bool = False,
    own: bool = False,
) -> tuple[Run, Step[Any]]:
    """Play ONE phase: the roles that act in it, then the world.

    Args:
        world: The mechanism.
        policies: Role -> policy.
        run: Where things stand.
        given: Role -> actions that a caller chose itself, instead of the policy.
        check: Make a purpose drawn twice an error.
        watch: Whether this tick is recorded: also measure rewards of seats, and `nan/<field>` of each role, the share
            of its real actions that are not numbers.
        own: Whether the caller made the run and needs it no more: the world may write into its state.

    Returns:
        The run after the phase, and the world's step, whose measures hold those of seats too (`OfSeats`). Counts are
        not among them: they are added to `run.counts`.

    Raises:
        PolicyError: A policy raised an error of its own.
        ActionError: Actions do not have the fields, shapes or dtypes the role declares.
        UnknownName: A role acts that nobody plays.
        PopulaceError: The run's arithmetic cannot be had here.
    """
    with arithmetic.using(run.arithmetic):
        return _phase(world, policies, run, given, check, watch, own)


def _phase(
    world: AnyWorld,
    policies: Policies,
    run: Run,
    given: Mapping[str, Actions] | None,
    check: bool,
    watch: bool,
    own: bool,
) -> tuple[Run, Step[Any]]:
    phase = world.phases[run.phase]
    draw = run.draw(check, world.scopes[run.phase])
    memory, acted, seen = dict(run.memory), {}, {}
    kinds: dict[str, Tensor] = {}
    asked: dict[str, dict[str, Tensor]] = {}
    prompts: dict[str, Words] = {}
    codes: dict[str, dict[str, Tensor]] = {}
    kept: dict[str, dict[str, Tensor]] = {}
    flows: dict[Key, Tensor] = {}
    events: list[tuple[OfSeats, Tensor]] = []
    for role in world.acting[phase]:
        if given is not None and role.name in given:
            actions, present = given[role.name], world.present(run.state, role.name)
        else:
            if role.only_speaks(phase) and (role.name not in policies or not policies[role.name].speaks):
                acted[role.name] = acts.unsaid(role, phase, run.worlds)
                continue
            if role.name not in policies:
                raise UnknownName("player of role", role.name, policies)
            policy = policies[role.name]
            observation = see(world, run, role, policy.privileged)
            if world.ends:
                # Nobody sits in a world that has ended: a language model need not be asked there.
                observation = observation.only(~run.done.unsqueeze(-1).expand(-1, role.seats))
            prompts[role.name] = observation.reader.prompts
            with blame(policy, role.name, phase):
                given_back = policy.act(observation, memory[role.name], draw.scope(f"act/{role.name}"))
                actions, memory[role.name] = _pair(given_back)
            present = observation.present
            if isinstance(policy, Learner):
                seen[role.name] = observation
                kept[role.name] = {
                    name.removeprefix(WORDS): ids for name, ids in actions.items() if name.startswith(WORDS)
                }
        if "kind" in actions:
            kinds[role.name] = actions["kind"]
        codes[role.name] = {name: code for name, code in actions.items() if name.startswith(READ)}
        asked[role.name] = {name.removeprefix(HOW): how for name, how in actions.items() if name.startswith(HOW)}
        acted[role.name], nan = acts.valid(role, phase, actions, len(run.worlds), watch, run.worlds.device)
        flows |= {OfSeats(f"nan/{name}", role.name): share for name, share in nan.items()}
        events += acts.counted(role, actions, _players(policies, run.memory, role.name), present)
    # A world may tell acts from forfeits: to say nothing is not to be honest. What was read off words comes along.
    told = {
        name: {**done, **codes.get(name, {}), **({"kind": kinds[name]} if name in kinds else {})}
        for name, done in acted.items()
    }
    play = world.advance_own if own and not world.ends else world.advance  # worlds that end mix the state in below
    step = play(run.state, phase, told, draw.scope("advance"))
    if watch:
        for name, reward in step.rewards.items():
            flows |= acts.rewards(name, reward, _players(policies, run.memory, name))
    state, done = step.state, run.done
    for key, value in step.measures.items():
        if key in world.counts:
            happened = value.double()
            events.append((OfSeats(str(key), ""), happened.masked_fill(run.done, 0.0) if world.ends else happened))
        else:
            flows[key] = value
    if world.ends:
        state = tree.where(run.done, run.state, state)
        memory = tree.where(run.done, run.memory, memory)
        if step.ended is not None:
            done = done | step.ended
    last = run.phase + 1 == len(world.phases)
    # What a learner replied where the world has no words: shown, and heard by nobody.
    shown = {role: Utterance(text) for role, ids in kept.items() if (text := ids.pop(TOLD, None)) is not None}
    after = changed(
        run,
        state=state,
        memory=memory,
        done=done,
        phase=0 if last else run.phase + 1,
        tick=run.tick if not last else run.tick + ~run.done if world.ends else run.tick + 1,
        clock=run.clock + last,
        trajectory=_remember(run, seen, acted, step, phase, kinds, kept),
        counts=add(run.counts, events) if events else run.counts,
    )
    said = {
        role: replace(
            what,
            kind=kinds.get(role),
            present=world.present(run.state, role),
            players=_players(policies, run.memory, role),
            asked=asked.get(role, {}),
            prompts=prompts.get(role, what.prompts),
        )
        for role, what in {**shown, **step.said}.items()
    }
    return after, changed(step, state=state, measures=flows, said=said)


def _players(policies: Policies, memory: Mapping[str, Any], role: str) -> Mapping[str, Tensor]:
    """Player -> [worlds, seats] bool, where several players share the role."""
    return policies[role].players(memory[role]) if role in policies else {}


@contextmanager
def blame(policy: Policy, role: str, doing: str) -> Iterator[None]:
    """Turn an error inside a policy into one that names the policy, what it was doing, and the line."""
    try:
        yield
    except PopulaceError:
        raise
    except Exception as error:
        if is_short(error):
            raise  # no fault of the policy's
        kind = type(policy)
        last = traceback.extract_tb(error.__traceback__)[-1]
        raise PolicyError(
            f"the policy {kind.__module__}:{kind.__qualname__} of role {role!r} failed in {doing!r}: "
            f"{type(error).__name__}: {error} ({last.filename}:{last.lineno})"
        ) from error


def _pair(given: Any) -> tuple[Actions, Any]:
    if isinstance(given, tuple) and len(given) == 2 and isinstance(given[0], Mapping):
        return given
    raise TypeError(
        f"act must return (actions, memory), a mapping of fields and a memory; got a {type(given).__name__}"
    )


def _remember(
    run: Run,
    seen: Mapping[str, Observation],
    acted: Mapping[str, Actions],
    step: Step[Any],
    phase: str,
    kinds: Mapping[str, Tensor],
    kept: Mapping[str, dict[str, Tensor]],
) -> dict[str, Trajectory]:
    if not run.trajectory and not seen:
        return run.trajectory
    never = torch.zeros_like(run.done)
    ended = never if step.ended is None else step.ended
    trajectory = dict(run.trajectory)
    for role, late in step.rewards.items():
        if role not in seen and trajectory.get(role):
            # What comes before the learner acts again (a rating, a fine) belongs to what it did last.
            *before, last = trajectory[role]
            trajectory[role] = (*before, replace(last, reward=last.reward + late, ended=last.ended | ended))
    for role, observation in seen.items():
        nothing = torch.zeros((len(run.worlds), observation.role.seats), device=run.worlds.device, dtype=torch.float32)
        reward = step.rewards.get(role, nothing)
        new = Transition(
            dict(observation),
            dict(acted[role]),
            reward,
            ended,
            phase,
            observation.present,
            kinds.get(role),
            kept[role],
        )
        trajectory[role] = (*trajectory.get(role, ()), new)
    return trajectory


def branch(
    world: AnyWorld, policies: Policies, run: Run, *, fresh: tuple[str, ...] = (), before: Policies | None = None
) -> Run:
    """The run to go on with under other policies, from where it stands; `run` itself stays as it is.

    Twins that go on from one run have common random numbers, so that the policies alone make them differ.

    Args:
        world: The mechanism.
        policies: Role -> policy, as from now on.
        run: Where to branch off.
        fresh: Roles whose policy is another one: their memory begins anew, now, unless it adopts the old one.
        before: Role -> policy up to now, which lets policies adopt what was remembered (`Policy.adopt`).
    """
    memory, trajectory = dict(run.memory), dict(run.trajectory)
    with arithmetic.using(run.arithmetic):
        draw = run.draw()
        for role in fresh:
            memory[role] = policies[role].begin(world.role(role), run.people, draw.scope(f"begin/{role}"))
            if before is not None:
                memory[role] = policies[role].adopt(memory[role], before[role], run.memory[role])
            trajectory.pop(role, None)
    return replace(run, memory=memory, trajectory=trajectory)
