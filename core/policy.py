"""Who acts: one policy plays all seats of a role in all worlds at once, and is pure.

Pure means: the same observation, memory and draw give the same actions, and nothing is kept in `self` but options. So
any policy batches, checkpoints, resumes and replays.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, cast

from torch import Tensor

from populace.budget import Budget
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import PopulaceError, check_spelling
from populace.fields import Role
from populace.measures import Measure
from populace.observation import Observation
from populace.options import Options, OptionsT
from populace.population import People
from populace.words import Reader, Words

Actions = Mapping[str, Tensor]
"""Field -> [worlds, seats, *shape]. Some names are no fields, each [worlds, seats]: `kind` int8 marks invalid acts (see
ReplyKind; `usable` says which are acts), and names that begin with `tally/` are numbers that are summed over seats into
a measure (`tally/tokens` becomes the measure `tokens` of the role): what acts cost that a language model wrote. Names
that begin with `read/` are codes that a reader made of words, [worlds, seats, ...], 0 where it made nothing of them;
the world is handed them beside the fields, and no view offers them. Names that begin with `asked/` say how a language
model came to its words, as `populace.words.ASKED` lists them; they are recorded with the words. Names that begin with
`words/` are int64 ids of texts that a learner gets back in its transitions (see `Transition.words`)."""

TALLY = "tally/"
"""Begins the names of tallies."""
READ = "read/"
"""Begins the names of codes that were read off words."""
HOW = "asked/"
"""Begins the names of what is recorded with the words of a language model."""
WORDS = "words/"
"""Begins the names of texts that are kept for a learner."""
TOLD = "told"
"""Of these, the texts of some seats that are recorded where a world has no words of its own, so that a report can show
what a learner said."""


def is_field(name: str) -> bool:
    """Whether a name in actions is one of the role's fields."""
    return name != "kind" and not name.startswith((TALLY, READ, HOW, WORDS))


Memory = Any
"""A value (see populace.tree): dataclasses, dicts and tuples of tensors [worlds, ...], or None.

It is `Any`, because only the policy that made it reads it, as a type of its own."""


class Policy(Generic[OptionsT]):
    """Plays a role. Override `act`; `begin` too if the policy remembers.

    Attributes:
        Options: The policy's options model, validated in scenario files.
        privileged: Whether it sees fields of ground truth (oracles only).
        plays: Names of the roles it can play; () for any.
        needs: Names of the fields that a role must see for it to act there.
        speaks: Whether it is asked in a phase in which its role only says something; else the world finds the words.
    """

    Options: ClassVar[type[Options]] = Options
    privileged: bool = False
    plays: ClassVar[tuple[str, ...]] = ()
    needs: ClassVar[tuple[str, ...]] = ()
    speaks: bool = True

    def __init_subclass__(cls, **given: Any) -> None:
        super().__init_subclass__(**given)
        check_spelling(cls, ("Options", "privileged", "plays", "needs", "speaks"))

    def __init__(self, options: OptionsT | None = None) -> None:
        # `Options` and `OptionsT` are one model, which a class variable cannot say.
        self.options = cast("OptionsT", self.Options()) if options is None else options

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """Memory at the start of an episode; None for a policy that remembers nothing.

        `people` is there for size, device and dtype (and for policies that play users, whose values are their own).
        """
        return None

    def adopt(self, memory: Memory, before: "Policy", old: Memory) -> Memory:
        """Memory with which this policy goes on where another one played the role up to now (`populace.run.branch`).

        Args:
            memory: What `begin` has given it.
            before: The policy up to now.
            old: What that one remembered.
        """
        return memory

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Actions of every seat in every world, and the new memory."""
        raise TypeError(f"{type(self).__name__} has no act(observation, memory, draw): every policy needs one")

    def check_role(self, role: Role, dialogue: Dialogue | None) -> None:
        """Raise PopulaceError where it cannot play this role of a world with this text face; asked before a run."""
        if missing := [name for name in self.needs if name not in {field.name for field in role.sees}]:
            raise PopulaceError(
                f"{type(self).__name__} needs to see {', '.join(missing)}, and {role.name} is not shown that in this "
                f"world with these options; it sees {', '.join(field.name for field in role.sees)}"
            )

    def spend_from(self, budget: Budget) -> None:
        """Ask this budget before spending, and count there what was spent; called once, before a run begins."""

    def in_doubt(self) -> bool:
        """Whether something that it needs may be gone (a server), so that acts since should not be saved for good."""
        return False

    def settle(self) -> None:
        """Where in doubt, find out; raise Stopped where it is gone."""

    def players(self, memory: Memory) -> Mapping[str, Tensor]:
        """Name -> [worlds, seats] bool, the seats of each player where several share the role; else nothing."""
        return {}

    def measures(self) -> tuple[Measure, ...]:
        """Declarations of the measures that `Learner.learn` gives, of the role it plays."""
        return ()

    def describe(self) -> Mapping[str, object]:
        """What a run folder keeps about it besides its options, as plain constants; called at the end of a run."""
        return {}


@dataclass(frozen=True)
class Transition:
    """One phase as a learner saw it.

    Attributes:
        observation: Field -> [worlds, seats, *shape].
        actions: Field -> [worlds, seats, *shape].
        reward: [worlds, seats] float32, zero where nothing was at stake; what comes before it acts again is added.
        ended: [worlds] bool, the world's own end.
        phase: Name of the phase.
        present: [worlds, seats] bool, seats that were taken, or None for all.
        kind: [worlds, seats] int8, how each reply was read (`ReplyKind`); None where all acts were valid. The action of
            an invalid reply is a forfeit that nobody chose, so that nothing can be learned from it.
        words: Name -> [worlds, seats] int64 ids in the run's store of texts, of what the policy kept by actions named
            `words/<name>`: a language model's prompts and replies. `UNWORDED` where a seat was not asked.
    """

    observation: dict[str, Tensor]
    actions: dict[str, Tensor]
    reward: Tensor
    ended: Tensor
    phase: str
    present: Tensor | None = None
    kind: Tensor | None = None
    words: dict[str, Tensor] = field(default_factory=dict)


Trajectory = tuple[Transition, ...]


class Lesson(tuple[Transition, ...]):
    """What a learner learns from: the transitions since its last lesson, in order, and how to read them.

    Attributes:
        role: The role that it plays.
        dialogue: Makes the world's text face, or None.
        reader: Reads the ids of texts.
    """

    role: Role
    dialogue: Callable[[], Dialogue | None]
    reader: Reader

    def __new__(
        cls,
        transitions: Iterable[Transition],
        role: Role,
        dialogue: Callable[[], Dialogue | None] = lambda: None,
        reader: Reader | None = None,
    ) -> "Lesson":
        """A tuple of transitions with what belongs to all of them."""
        made = super().__new__(cls, transitions)
        made.role, made.dialogue = role, dialogue
        made.reader = Reader(Words(), dict) if reader is None else reader
        return made


class Learner(Policy[OptionsT]):
    """A policy that changes between episodes: the outer clock.

    What it learns lives in `lasting()` fields of its memory.
    """

    def check_lesson(self, role: Role, ticks: int) -> None:
        """Raise PopulaceError where it cannot learn from so many ticks of a role at a time; asked before a run."""

    def learn(self, memory: Memory, lesson: Lesson, draw: Draw) -> tuple[Memory, Mapping[str, Tensor]]:
        """The memory after learning from everything since the last call, and measures name -> [worlds]."""
        raise TypeError(f"{type(self).__name__} has no learn(memory, lesson, draw): every learner needs one")
