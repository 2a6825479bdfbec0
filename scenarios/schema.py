"""What a scenario file holds, and what it becomes."""

from dataclasses import dataclass
from dataclasses import field as dataclass_field
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from populace.budget import Limit
from populace.design import Design
from populace.json_types import JsonObject
from populace.options import Name, Options
from populace.outcomes import Outcome
from populace.recording import OwnMeasure
from populace.trust import Word

if TYPE_CHECKING:
    from populace.agents.users.spec import PopulationSpec

NAME = r"^[^\[\]=,./\\\s][^\[\]=,/\\]*$"
"""Names of scenarios and arms: they become names of folders and of cells."""


class RecordOptions(Options):
    """What is written into the run folder."""

    every: int = Field(default=1, ge=1)
    """Ticks between two records; the start and the end are always recorded."""
    users: int = Field(default=50, ge=0)
    """Tracked users per world, recorded one by one."""
    worlds: int = Field(default=4, ge=0)
    """Worlds whose users are tracked."""
    groups: bool = True
    """Whether to record mean and variance of each segment in every world."""
    measures: tuple[Name, ...] = ()
    """Measures of your own besides the world's: functions (world, state) -> name -> [worlds] by `module:function`, or
    by the name under which a plug-in announces them."""
    talk: Literal["all", "tracked", "none"] = "tracked"
    """Whose words to record, where a world has words: of all worlds, of the tracked ones, or nobody's."""


class Frame(Options):
    """A scenario: a world, its population, the policies that act in it, and the arms that are compared."""

    version: Literal[1] = Field(default=1, alias="schema")
    """Version of this file format; 1."""
    extends: str | None = None
    """A file, or a library scenario's name, that this one changes: mappings are merged, all else is replaced."""
    name: Name | None = Field(default=None, min_length=1, max_length=100, pattern=NAME)
    """Its name; the file's name when not given."""
    about: str = ""
    """What it is about, in a sentence."""
    outcomes: tuple[Outcome, ...] = ()
    """The measures that answer its question: a report speaks of them first. The world's own when not given."""
    design: Design | None = None
    """Hypotheses stated before the run: a report opens with a verdict on each, corrected over exactly these."""
    reference: str | None = None
    """The arm that the others are compared with; the first one when not given."""
    record: RecordOptions = RecordOptions()
    """What is written into the run folder."""
    max_tokens: int | None = Field(default=None, ge=1)
    """Tokens that language models at servers may read and write in the whole run, all arms and resumed parts together;
    then it stops, to be resumed with a larger limit. What is on a tape is free."""
    max_cost: float | None = Field(default=None, gt=0)
    """The same in money, by the prices (`price_in`, `price_out`) of the policies that ask."""
    learn_every: int | None = Field(default=None, ge=1)
    """Ticks between two lessons of policies that learn; once an episode when not given."""
    at_end: Literal["mask", "autoreset"] = "mask"
    """What becomes of a world that ends by itself: it waits, masked, or begins its next episode at once."""


class CellFrame(Options):
    """The keys that arms and sweeps may change, and the seed, which they may not."""

    world: dict[str, object]
    """The mechanism: its `id`, and its own options."""
    worlds: int = Field(ge=1, le=1_000_000_000)
    """Independent worlds in every arm."""
    horizon: int = Field(ge=1, le=1_000_000_000)
    """Ticks per episode."""
    episodes: int = Field(default=1, ge=1, le=1_000_000)
    """Episodes; what policies have learned lasts from one to the next."""
    seed: int = Field(default=0, ge=0, lt=2**63)
    """One seed for all worlds and arms."""
    population: dict[str, object] | None = None
    """Who lives in every world; the world's own plain population when not given."""
    agents: dict[str, object] | None = None
    """Role -> a policy's name, or a mapping of `policy` and its own options; the world's defaults play the others."""


CELL_KEYS = tuple(CellFrame.model_fields)
FRAME_KEYS = tuple(field.alias or name for name, field in Frame.model_fields.items())
ORDER = (
    *(
        "schema",
        "name",
        "about",
        "outcomes",
        "design",
        "world",
        "worlds",
        "horizon",
        "episodes",
        "seed",
        "population",
        "agents",
    ),
    *("arms", "reference", "sweep", "record", "max_tokens", "max_cost", "learn_every", "at_end"),
)
"""All keys but `extends`, in the order they are written in."""


@dataclass(frozen=True)
class BranchPoint:
    """Where an arm branches off another one.

    Attributes:
        cell: The arm that it is at first, at the same point of the sweep.
        at: The last tick that both share.
    """

    cell: "Cell"
    at: int


@dataclass(frozen=True)
class Cell:
    """One arm at one point of the sweep, validated.

    Attributes:
        arm: The cell's full name: the arm, or `arm[key=value,...]` in a sweep.
        base_arm: The arm.
        coordinates: Dotted key -> value at this point of the sweep.
        reference: Name of the cell it is compared with, at the same point.
        world_id: The world.
        world_options: Its options.
        population: The population's spec, or None for the world's own plain population.
        agents: Role -> policy and its options, defaults included.
        worlds: Independent worlds.
        horizon: Ticks per episode.
        episodes: Episodes.
        seed: The seed, equal in all cells.
        word: What the user has said about the files it was read from.
        measures: Names of the measures that its world declares.
        branch: Where it branches off another arm, or None.
    """

    arm: str
    base_arm: str
    coordinates: dict[str, object]
    reference: str
    world_id: str
    world_options: Options
    population: "PopulationSpec | None"
    agents: dict[str, tuple[str, Options]]
    worlds: int
    horizon: int
    episodes: int
    seed: int
    word: Word = dataclass_field(default_factory=Word, compare=False, repr=False)
    measures: tuple[str, ...] = dataclass_field(default=(), compare=False, repr=False)
    branch: BranchPoint | None = None


@dataclass(frozen=True)
class Scenario:
    """A validated scenario.

    Attributes:
        name: Its name.
        about: What it is about.
        outcomes: The measures that answer its question; the world's own where it names none.
        design: Its hypotheses, or None.
        about_arms: Arm -> what it is, where the scenario says so.
        seed: One seed for all worlds and arms.
        worlds: Independent worlds in the first cell.
        horizon: Ticks per episode in the first cell.
        episodes: Episodes in the first cell.
        record: What is written into the run folder.
        at_end: What becomes of worlds that end by themselves.
        learn_every: Ticks between two lessons, or None for once an episode.
        limit: What the whole run may spend on language models.
        reference: The arm that the others are compared with.
        cells: All arms at all points of the sweep.
        resolved: The scenario as a plain mapping, `extends` and overrides worked in; loading it gives the same cells.
        file: The file it was read from, or None.
        own: The measures that `record` names, to be recorded beside the world's.
        missed: Key of an override -> the arms that it does not reach, as they set the same key themselves.
        word: What the user has said about the files it was read from; it is built and played under this word.
    """

    name: str
    about: str
    outcomes: tuple[Outcome, ...]
    design: Design | None
    about_arms: dict[str, str]
    seed: int
    worlds: int
    horizon: int
    episodes: int
    record: RecordOptions
    at_end: Literal["mask", "autoreset"]
    learn_every: int | None
    limit: Limit
    reference: str
    cells: tuple[Cell, ...]
    resolved: JsonObject
    file: str | None
    own: tuple[OwnMeasure, ...] = dataclass_field(default=(), compare=False)
    missed: dict[str, tuple[str, ...]] = dataclass_field(default_factory=dict, compare=False)
    word: Word = dataclass_field(default_factory=Word, compare=False, repr=False)
