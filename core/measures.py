"""What can be measured, declared once: what it means, in which unit, within which bounds, and how it adds up.

A measure of the world has a name. A measure of seats (reward, invalid acts, tokens, cost, failed tries) also has a
role, and a player where several players share the role.
"""

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal, NamedTuple, TypeVar

from populace.errors import PopulaceError

if TYPE_CHECKING:  # manifests of worlds declare measures, and are read to complete what is typed in a shell
    from torch import Tensor

Kind = Literal["flow", "stock", "count"]
V = TypeVar("V")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """One measure, [worlds] float32 at every recorded tick; NaN where it is undefined.

    Attributes:
        name: Its name in tables; with `*` in it, the names of a family: `act/*` for `act/lie` and `act/hedge`.
        about: One sentence for people: what it says.
        kind: `flow`, what happened in a tick; `stock`, what can be read off the state; `count`, a number of events,
            summed over the phases of a tick and over the ticks since the last record.
        unit: Its unit, such as `share`, `tokens` or `rating points`; "" for a plain number.
        low: Least value it can have.
        high: Greatest value it can have.
        better: Which direction is better for users: `higher`, `lower`, or "" where neither is.
        deterministic: Whether it is the same in all worlds by construction, so that no spread between worlds is
            certainty and not chance.
        undefined: When it has no value, as reports say it after "where": `no override was explained`.
    """

    name: str
    about: str
    kind: Kind = "flow"
    unit: str = ""
    low: float = -float("inf")
    high: float = float("inf")
    better: Literal["higher", "lower", ""] = ""
    deterministic: bool = False
    undefined: str = ""

    def __post_init__(self) -> None:
        if not self.low <= self.high:
            raise PopulaceError(
                f"the measure {self.name!r} has bounds {self.low:g} to {self.high:g}: low must not exceed high"
            )

    def plain(self) -> dict[str, object]:
        """What run.json keeps of it: everything but the name, and no bounds where there are none."""
        kept = {
            key: value for key, value in asdict(self).items() if key != "name" and value != "" and value is not False
        }
        return {key: value for key, value in kept.items() if value not in (float("inf"), -float("inf"))}


class OfSeats(NamedTuple):
    """The key of a measure of seats.

    Attributes:
        measure: Its name.
        role: The role whose seats they are.
        player: The player of the seats, where several players share the role; else "".
    """

    measure: str
    role: str
    player: str = ""


def share(
    name: str, about: str, kind: Kind = "flow", better: Literal["higher", "lower", ""] = "", undefined: str = ""
) -> Measure:
    """A measure that is a share, from 0 to 1."""
    return Measure(
        name=name, about=about, kind=kind, unit="share", low=0.0, high=1.0, better=better, undefined=undefined
    )


Key = str | OfSeats
"""The key of a measure: the name of a world's, `OfSeats` for one of seats."""

Counts = dict[str, dict[str, dict[str, "Tensor"]]]
"""Role ("" for the world) -> player ("" for all) -> measure -> [worlds], summed since the last record."""

ACTS = "acts"
"""The count of acts by which shares of acts are divided; it is not recorded itself."""

SCORED = "scored replies"
LISTED = "choices among listed options"
"""Counts by which `mass` and `first option` are divided; they are not recorded themselves."""

SEAT_MEASURES = (
    Measure(name="reward", about="mean reward per seat"),
    share(
        "invalid",
        "share of acts since the last record that could not be used, so that the seat forfeited",
        better="lower",
    ),
    *(
        share(name, f"share of acts since the last record that were lost because {words}", better="lower")
        for name, words in (
            ("unreadable", "no act could be read in the reply"),
            ("refused", "the reply was a refusal"),
            ("cut_off", "the reply was cut off by its limit of tokens"),
            ("timed_out", "no reply came in time"),
            ("failed", "the server was down or refused to serve"),
        )
    ),
    share(
        "closed",
        "share of acts since the last record that are no words of the model's own: its reply lacked the labelled line, "
        "and the allowed values were scored behind it",
        better="lower",
    ),
    share(
        "mass",
        "mean probability that a model writes any of the replies that were scored, after the words that a reply begins "
        "with; if it is small, choices depend on the spelling of the options rather than on the model",
        better="higher",
    ),
    share(
        "first option",
        "share of choices among listed options that fell on the one listed first; without a preference for places, one "
        "over the number of options",
    ),
    Measure(name="asked", about="prompts sent, repeated ones too", kind="count", unit="prompts", low=0.0),
    Measure(
        name="tokens",
        about="tokens read and written, as if each seat had asked alone",
        kind="count",
        unit="tokens",
        low=0.0,
    ),
    Measure(name="cost", about="cost of the tokens at the stated prices", kind="count", unit="price units", low=0.0),
    Measure(name="judged", about="texts that a judge was asked about", kind="count", unit="texts", low=0.0),
    Measure(
        name="judged unread", about="answers of a judge that could not be read", kind="count", unit="texts", low=0.0
    ),
    Measure(name="judge tokens", about="tokens that a judge read and wrote", kind="count", unit="tokens", low=0.0),
    Measure(
        name="said/*",
        about="texts to which a reader of free text gave a code, by reader and code; without a code, all that it read",
        kind="count",
        unit="texts",
        low=0.0,
    ),
    Measure(
        name="leak",
        about="replies that repeat to others what the seat was told in confidence",
        kind="count",
        unit="replies",
        low=0.0,
    ),
    Measure(
        name="mismatch",
        about="replies that declare another act than their words are",
        kind="count",
        unit="replies",
        low=0.0,
    ),
    Measure(
        name="off topic", about="replies about something else than was asked", kind="count", unit="replies", low=0.0
    ),
)
"""Measures of seats that every role may have. Counts whose names begin with `fault/` are failed tries, by kind."""

_OF = {m.name: ACTS for m in SEAT_MEASURES if m.unit == "share"} | {
    "mass": SCORED,
    "first option": LISTED,
}
"""The count by which each share is divided."""


def find(declared: Mapping[str, V], name: str) -> V | None:
    """What is declared of a measure: under its name, else under the longest family that it belongs to."""
    if name in declared:
        return declared[name]
    families = [family for family in declared if "*" in family and fnmatchcase(name, family)]
    return declared[max(families, key=len)] if families else None


def label(key: Key) -> str:
    """A key as text: a world's measure as it is, `invalid/user` or `invalid/user/<player>` for one of seats."""
    return "/".join(part for part in key if part) if isinstance(key, OfSeats) else key


def add(counts: Counts, found: Iterable[tuple[OfSeats, "Tensor"]]) -> Counts:
    """`counts` with `found` added; neither is changed."""
    total = {role: {player: dict(names) for player, names in players.items()} for role, players in counts.items()}
    for key, value in found:
        names = total.setdefault(key.role, {}).setdefault(key.player, {})
        names[key.measure] = names[key.measure] + value if key.measure in names else value
    return total


def recorded(counts: Counts) -> "dict[Key, Tensor]":
    """Counts as they are recorded, [worlds] float32: shares divided by what they are of; NaN where there is none."""
    import torch

    found: dict[Key, Tensor] = {}
    for role, players in counts.items():
        for player, names in players.items():
            for name, value in names.items():
                if name in _OF.values():
                    continue
                number = value / names[_OF[name]] if role and name in _OF else value
                found[OfSeats(name, role, player) if role else name] = number.to(torch.float32)
    return found


def index(declared: Iterable[Measure]) -> dict[str, Measure]:
    """Measures by name.

    Raises:
        PopulaceError: Two have one name.
    """
    found: dict[str, Measure] = {}
    for measure in declared:
        if measure.name in found:
            raise PopulaceError(f"the measure {measure.name!r} is declared twice")
        found[measure.name] = measure
    return found


def join(flows: "dict[Key, Tensor]", found: "Mapping[Key, Tensor] | Mapping[str, Tensor]") -> None:
    """Add the flows of a phase to those of its tick.

    Raises:
        PopulaceError: A flow of the world is measured in two phases of a tick, so that one would hide the other.
            Rewards of seats are added up.
    """
    for key, value in found.items():
        if key not in flows:
            flows[key] = value
        elif isinstance(key, OfSeats):
            flows[key] = flows[key] + value
        else:
            raise PopulaceError(
                f"the measure {key!r} is measured in two phases of one tick: give it two names, or declare it as a "
                "count (populace.measures.Measure(kind='count')), which is added up"
            )
