"""What a seat sees and does, declared once.

Spaces, dtypes, masks, forfeits and words all derive from a `Field`, so that tensors, Gymnasium spaces and text cannot
disagree about it.
"""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from functools import cached_property
from typing import Any, Literal, TypeVar

import numpy as np
import torch
from gymnasium import spaces
from torch import Tensor

from populace.errors import PopulaceError
from populace.template_worker import figure

T = TypeVar("T")

Kind = Literal["real", "choice", "flag", "count", "text"]

LIMIT = 1e9
"""What stands for infinity in spaces: a real without a bound is shown and asked for within +-LIMIT."""

_DTYPES = {"real": torch.float32, "choice": torch.int64, "flag": torch.bool, "count": torch.int64, "text": torch.int64}


class AnyText(spaces.Text):
    """Any text of at most so many characters; Gymnasium's own `Text` holds texts of a finite alphabet only."""

    def __init__(self, longest: int) -> None:
        super().__init__(max_length=longest, min_length=0)

    def contains(self, x: object) -> bool:
        """Whether x is a text that is not too long."""
        return isinstance(x, str) and len(x) <= self.max_length


@dataclass(frozen=True, kw_only=True)
class Field:
    """One thing a seat sees or does.

    Attributes:
        name: Key in observations or actions.
        kind: `real` float32, `choice` int64 index into `labels`, `flag` bool, `count` int64, `text` int64 ids (see
            `populace.words`).
        about: One sentence for people: what it means, in which units.
        shape: Shape for one seat; () for a scalar.
        low: Smallest value of a real or count; observed values are finite even where there is no bound.
        high: Largest value of a real or count.
        labels: Names of a choice's options.
        meanings: What each label (or name) means, a clause each, for readers of words; () where labels speak for
            themselves.
        names: What a count's numbers 0, 1, 2, ... are called in words, where they are places in a list: so that text
            says of a place what labels call it. A number without a name, such as -1, is `none`.
        ends: What `low` and `high` mean, in a word or two each: ("not at all", "fully").
        axes: What the entries along each dimension of `shape` are called: a name for each entry, or one noun for all
            (`user` for user 1, user 2, ...); "" for an entry that holds nothing. Dimensions beyond these are numbered.
        given: Name of a flag that is seen beside it and tells where the field holds anything; `not NAME` where the flag
            says the opposite, and `never` for a placeholder. The flag's shape is the field's, or its beginning. What
            a field does not hold is left out of words.
        forfeit: What a seat does that gives no valid action; it fills the whole shape.
        default: What a seat does whose player leaves this field out (`acts` of a view, a learner of one field), so
            that it plays on as usual: a number that fills the whole shape, or the name of a field it sees whose value
            it repeats. None for the forfeit.
        span: Range of a real's space in the views, where `low` and `high` say less: what learners are offered and
            shown. What lies beyond is shown at its ends.
        carries: Names of the fields whose codes the words of a text say: who reads the words is not told the codes.
        longest: Most characters of a text that a view's space holds.
        optional: Whether a policy may leave this action out; the world then finds the forfeit. It is for codes that
            only words can tell, which views and learners do not choose. Texts may always be left out: what was done is
            then not put into words.
        masked: The observation also holds `<name>_mask`, flags of the legal options of this choice.
        phases: Phases in which it is seen or done; None for all phases of the role.
        private: Ground truth: only policies that declare `privileged` see it, and no text face does.
    """

    name: str
    kind: Kind
    about: str
    shape: tuple[int, ...] = ()
    low: float = -float("inf")
    high: float = float("inf")
    labels: tuple[str, ...] = ()
    names: tuple[str, ...] = ()
    meanings: tuple[str, ...] = ()
    ends: tuple[str, str] | None = None
    axes: tuple[str | tuple[str, ...], ...] = ()
    given: str = ""
    forfeit: float = 0
    default: float | str | None = None
    span: tuple[float, float] | None = None
    carries: tuple[str, ...] = ()
    longest: int = 4000
    optional: bool = False
    masked: bool = False
    phases: tuple[str, ...] | None = None
    private: bool = False

    @property
    def dtype(self) -> torch.dtype:
        """The tensors' dtype."""
        return _DTYPES[self.kind]

    @property
    def bounds(self) -> tuple[float, float]:
        """Smallest and largest number of the space; LIMIT is a real's infinity, 0 and 2^31 - 1 are a count's."""
        if self.span is not None:
            return self.span
        if self.kind in ("flag", "choice"):
            return 0.0, 1.0 if self.kind == "flag" else len(self.labels) - 1.0
        least, most = (-LIMIT, LIMIT) if self.kind == "real" else (0.0, 2.0**31 - 1)
        low = self.low if math.isfinite(self.low) else min(least, self.high)
        return low, self.high if math.isfinite(self.high) else max(most, low)

    def space(self) -> spaces.Space[object]:
        """The Gymnasium space of one seat's value; its bounds are finite."""
        if self.kind == "text":
            text = AnyText(self.longest)
            return text if self.shape == () else spaces.Tuple([text] * math.prod(self.shape))
        low, high = self.bounds
        if self.kind == "real":
            return spaces.Box(np.float32(low), np.float32(high), self.shape, np.float32)
        if self.kind == "count":
            return spaces.Box(int(low), int(high), self.shape, np.int64)
        options = 2 if self.kind == "flag" else len(self.labels)
        if self.shape == ():
            return spaces.Discrete(options)
        return spaces.MultiDiscrete(np.full(self.shape, options, dtype=np.int64))

    def empty(self, worlds: int, seats: int, device: torch.device | str = "cpu") -> Tensor:
        """The forfeit of every seat, [worlds, seats, *shape]."""
        return torch.full((worlds, seats, *self.shape), self.forfeit, dtype=self.dtype, device=device)

    def omitted(
        self, worlds: int, seats: int, device: torch.device | str = "cpu", seen: Mapping[str, Tensor] | None = None
    ) -> Tensor:
        """What seats do whose player leaves the field out, [worlds, seats, *shape].

        Args:
            worlds: How many.
            seats: How many.
            device: Where the tensor lives.
            seen: What the seats see, [worlds, seats, ...]. Without it, a default that repeats a field is the forfeit,
                and nothing is known to be illegal; with it, the first legal option stands for one that is not.
        """
        found = seen or {}
        if isinstance(self.default, str) and self.default in found:
            value = found[self.default]
        else:
            number = self.default if isinstance(self.default, (int, float)) else self.forfeit
            value = torch.full((worlds, seats, *self.shape), number, dtype=self.dtype, device=device)
        mask = found.get(f"{self.name}_mask") if self.masked else None
        if mask is None:
            return value
        legal = mask.gather(-1, value.unsqueeze(-1)).squeeze(-1)
        return torch.where(legal, value, mask.to(torch.int8).argmax(-1))

    def render(self, value: Tensor) -> str:
        """One seat's value in words: labels for choices, numbers with the digits they need, brackets for dimensions."""
        return self.words(value.reshape(self.shape).tolist())

    def words(self, value: Any) -> str:
        """As `render`, of a number or nested lists of numbers."""
        if isinstance(value, list):
            return "[" + ", ".join(self.words(one) for one in value) + "]"
        if self.kind == "choice":
            return self.labels[int(value)]
        if self.kind == "flag":
            return "yes" if value else "no"
        if self.names:
            return self.names[int(value)] if 0 <= value < len(self.names) else "none"
        if self.kind == "text":
            raise PopulaceError(f"{self.name!r} holds ids of texts: read them by `Observation.text`")
        return figure(value) if math.isfinite(value) else "none"

    def in_phase(self, phase: str) -> bool:
        """Whether the field is seen or done in `phase`."""
        return self.phases is None or phase in self.phases


@dataclass(frozen=True, kw_only=True)
class Role:
    """A kind of seat: who sits there, what it sees, what it does, and when.

    Attributes:
        name: `user`, `assistant`, `seller`, ...; the agents of a PettingZoo view are `<name>_<seat>`.
        seats: How many there are at most.
        sees: Fields of its observations.
        does: Fields of its actions.
        phases: The world's phases in which it acts.
        about: One sentence for people.
        seats_are_users: Whether its seats are the population's users, seat i being user i: a policy that plays it may
            know the user's traits.
        rewarded: How many of its seats, the first ones, can earn a reward; the acts of the others are only measured.
            None for all.
    """

    name: str
    seats: int
    sees: tuple[Field, ...]
    does: tuple[Field, ...]
    phases: tuple[str, ...]
    about: str = ""
    seats_are_users: bool = False
    rewarded: int | None = None

    def seen_in(self, phase: str, private: bool = False) -> tuple[Field, ...]:
        """Fields seen in `phase`, with the private ones when `private`."""
        return self._kept(
            ("seen", phase, private),
            lambda: tuple(f for f in self.sees if f.in_phase(phase) and (private or not f.private)),
        )

    def done_in(self, phase: str) -> tuple[Field, ...]:
        """Fields done in `phase`."""
        return self._kept(("done", phase), lambda: tuple(f for f in self.does if f.in_phase(phase)))

    def due_in(self, phase: str) -> tuple[tuple[Field, ...], frozenset[str], frozenset[str]]:
        """Fields done in `phase`; names of them all, and of those that may not be left out."""
        return self._kept(("due", phase), lambda: self._due(phase))

    def _due(self, phase: str) -> tuple[tuple[Field, ...], frozenset[str], frozenset[str]]:
        done = self.done_in(phase)
        needed = frozenset(f.name for f in done if not f.optional and f.kind != "text")
        return done, frozenset(f.name for f in done), needed

    def shown_in(self, phase: str, private: bool = False) -> frozenset[str]:
        """Names of the tensors seen in `phase`: fields, and masks of fields that are seen or done."""
        return self._kept(("shown", phase, private), lambda: self._shown(phase, private))

    def _shown(self, phase: str, private: bool) -> frozenset[str]:
        seen = {f.name for f in self.seen_in(phase, private)}
        masked = seen | {f.name for f in self.done_in(phase) if f.masked}
        return frozenset(seen | {f"{name}_mask" for name in masked})

    def only_speaks(self, phase: str) -> bool:
        """Whether all that it does in `phase` is to say something, which may be left to the world's phrases.

        Codes that only words can tell (`optional`) may be left out with them.
        """
        return self._kept(("speaks", phase), lambda: self._only_speaks(phase))

    def _only_speaks(self, phase: str) -> bool:
        done = self.done_in(phase)
        return bool(done) and all(f.kind == "text" or f.optional for f in done)

    @cached_property
    def _found(self) -> dict[tuple[object, ...], Any]:
        """What follows from the fields, which every tick asks for."""
        return {}

    def _kept(self, key: tuple[object, ...], make: Callable[[], T]) -> T:
        if key not in self._found:
            self._found[key] = make()
        found: T = self._found[key]
        return found

    def __getstate__(self) -> dict[str, Any]:
        """Without what follows from the fields."""
        return {name: value for name, value in self.__dict__.items() if name != "_found"}


# As `dataclasses.field`, these stand where a value of the field's own type is wanted: what they return is `Any`.


def shared(**options: Any) -> Any:
    """A dataclass field without a world dimension (a graph, a catalogue): never masked, selected or reset by world."""
    return dataclass_field(metadata={"shared": True}, **options)


def lasting(**options: Any) -> Any:
    """A memory field that outlives the episode (what was learned): not reset when the episode ends."""
    return dataclass_field(metadata={"lasting": True}, **options)
