"""The world's contract: B independent societies as tensors whose first dimension is the world."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, ClassVar, Generic, TypeAlias, TypeVar

from torch import Tensor

from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import UnknownName, check_spelling
from populace.fields import Role
from populace.measures import Key, Measure, index
from populace.options import Options, OptionsT
from populace.population import Census, People, Population
from populace.words import Utterance

State = TypeVar("State")


@dataclass(frozen=True)
class Step(Generic[State]):
    """What one phase did.

    Attributes:
        state: The new state.
        rewards: Role -> [worlds, seats] float32; a role that is absent has nothing at stake in this phase.
        ended: [worlds] bool, the world's own end (never the horizon); None when it cannot end here.
        measures: Name -> [worlds] float32, what happened (flows and counts); NaN where undefined.
        said: Role -> what its seats said in this phase, in words.
    """

    state: State
    rewards: Mapping[str, Tensor] = field(default_factory=dict)
    ended: Tensor | None = None
    measures: Mapping[str, Tensor] | Mapping[Key, Tensor] = field(default_factory=dict)
    said: Mapping[str, Utterance] = field(default_factory=dict)


class World(ABC, Generic[State, OptionsT]):
    """A mechanism; `self` holds only options and the census, and everything that changes is in the state.

    Override these four: `roles`, `begin`, `observe`, `advance`. The hooks below them default to nothing.

    Attributes:
        id: `namespace/name-vN`; the version rises whenever results may change.
        Options: The world's options model.
        phases: A tick is one pass over these, all worlds in the same phase.
        worded: Phases in which something is only said. Random numbers of the other phases are the same with them and
            without, so that words change nothing else.
        ends: Whether a world can end by itself; if not, the runner need not look.
        defaults: Role -> name of the policy that plays it when nobody else is named.
        optional: Names of roles in `defaults` that are there with some options only.
    """

    id: ClassVar[str]
    Options: ClassVar[type[Options]] = Options
    phases: tuple[str, ...] = ("act",)
    worded: tuple[str, ...] = ()
    ends: bool = False
    defaults: ClassVar[Mapping[str, str]] = {}
    optional: ClassVar[tuple[str, ...]] = ()

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        check_spelling(cls, ("id", "Options", "phases", "worded", "ends", "defaults", "optional"))

    def __init__(self, options: OptionsT, census: Census) -> None:
        self.options = options
        self.census = census

    @abstractmethod
    def roles(self) -> tuple[Role, ...]:
        """The kinds of seats, with the fields they see and do."""

    @abstractmethod
    def begin(self, people: People, draw: Draw) -> State:
        """The state at the start of an episode: a frozen dataclass of tensors [worlds, ...]."""

    @abstractmethod
    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """Every field the role sees in this phase, private ones too: name -> [worlds, seats, *shape]."""

    @abstractmethod
    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Play one phase: role -> field -> [worlds, seats, *shape] of the roles that act in it.

        Beside the fields stands `kind` [worlds, seats] int8 where a policy tells invalid acts (0: valid), whose fields
        hold forfeits. Measures of what was said leave these out. Codes that were read off words stand beside
        it as `read/<name>`.
        """

    # ------------------------------------------------------------------ hooks: override what the world needs

    def advance_own(
        self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw
    ) -> Step[State]:
        """As `advance`, with a state that nobody needs any more: its tensors may be written into.

        Others may still hold some of them (an observation that a policy kept): ask `populace.ownership.alone` first.
        """
        return self.advance(state, phase, actions, draw)

    def present(self, state: State, role: str) -> Tensor | None:
        """Which seats are taken, [worlds, seats] bool; None for all."""
        return None

    def measure(self, state: State) -> dict[str, Tensor]:
        """What can be read off a state at any tick (stocks): name -> [worlds] float32."""
        return {}

    def measures(self) -> tuple[Measure, ...]:
        """Declarations of everything that `Step.measures` and `measure` give with these options and this census."""
        return ()

    def panel(self, state: State) -> dict[str, Tensor]:
        """What may be recorded of users: name -> [worlds, users] or [worlds, users, values] float32."""
        return {}

    def dialogue(self) -> Dialogue | None:
        """The world's text face, if it has one."""
        return None

    def lexicon(self) -> Mapping[int, str]:
        """All that scripts can say in this world, id -> text: the phrases that `advance` looks up."""
        return {}

    @classmethod
    def population(cls, users: int, options: OptionsT) -> Population | None:
        """The people a view samples when it is given none; None when the world cannot do without."""
        return None

    @classmethod
    def users_of(cls, options: OptionsT) -> int | None:
        """How many users the data hold that the options name, for scenarios that do not say; None for no such data."""
        return None

    def notes(self) -> Sequence[str]:
        """Remarks for the user: sentences that `validate` and `run` print and the report repeats."""
        return ()

    # ------------------------------------------------------------------ the base owns the rest

    @cached_property
    def cast(self) -> dict[str, Role]:
        """The roles by name."""
        return {role.name: role for role in self.roles()}

    @cached_property
    def acting(self) -> dict[str, tuple[Role, ...]]:
        """The roles that act, by phase."""
        return {phase: tuple(r for r in self.cast.values() if phase in r.phases) for phase in self.phases}

    @cached_property
    def scopes(self) -> tuple[str, ...]:
        """What scopes the draws of each phase: its number among the phases that are not `worded`, or its name."""
        plain = [phase for phase in self.phases if phase not in self.worded]
        return tuple(f"words {p}" if p in self.worded else f"phase {plain.index(p)}" for p in self.phases)

    @cached_property
    def declared(self) -> dict[str, Measure]:
        """The declared measures by name.

        Raises:
            PopulaceError: Two have one name.
        """
        return index(self.measures())

    @cached_property
    def counts(self) -> frozenset[Key]:
        """Names of the measures that are added up between records."""
        return frozenset(name for name, measure in self.declared.items() if measure.kind == "count")

    def role(self, name: str) -> Role:
        """The role of that name.

        Raises:
            UnknownName: The world has no such role.
        """
        if name not in self.cast:
            raise UnknownName("role", name, self.cast)
        return self.cast[name]


AnyWorld: TypeAlias = World[Any]
"""A world of any state: for code that takes the state from the world and hands it back, and never looks into it.

`World[object]` would say something else: a world that could be handed the state of any other.
"""
