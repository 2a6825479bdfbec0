"""What was said, as rows of a table: one per utterance, with its words, its code and how it was read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from populace import tree
from populace.dialogue import ReplyKind
from populace.words import UNWORDED, Reader, Utterance

COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("arm",)),
        *((name, pa.int64()) for name in ("world", "step")),
        *((name, pa.string()) for name in ("phase", "role")),
        ("seat", pa.int64()),
        *((name, pa.string()) for name in ("to", "player", "text", "code", "kind")),
    ]
)
"""`step` is the tick that was played, as in other tables; `code` names what the text carries, `name=value; ...`; `kind`
is how the reply was read, `ok` or a failure."""


@dataclass(frozen=True)
class Heard:
    """What one role said in one phase, held until it is written.

    Attributes:
        step: The tick.
        phase: The phase.
        role: Who spoke.
        utterance: What was said, of the worlds that are recorded.
        reader: Reads it.
    """

    step: int
    phase: str
    role: str
    utterance: Utterance
    reader: Reader

    def first(self, worlds: int) -> "Heard":
        """Of the first so many worlds only."""
        return replace(self, utterance=tree.tree_map(lambda tensor: tensor[:worlds].clone(), self.utterance))

    def rows(self, arm: str, ids: "np.ndarray[Any, Any]") -> pa.Table:
        """The rows, by world and seat; seats that said nothing in words have none.

        Args:
            arm: Name of the arm.
            ids: [worlds] ids of the worlds of the batch.
        """
        u = self.utterance
        text = u.text.cpu().numpy()
        there = text != UNWORDED
        if u.present is not None:
            there &= u.present.cpu().numpy()
        world, seat = np.nonzero(there)
        codes = {name: _named(value[..., :].cpu(), u.labels.get(name)) for name, value in u.codes.items()}
        kind = np.zeros(text.shape, dtype=np.int64) if u.kind is None else u.kind.cpu().numpy()
        player = np.full(text.shape, "", dtype=object)
        for name, seats in u.players.items():
            player[seats.cpu().numpy()] = name
        size = len(world)
        columns = {
            "arm": [arm] * size,
            "world": ids[world],
            "step": [self.step] * size,
            "phase": [self.phase] * size,
            "role": [self.role] * size,
            "seat": seat,
            "to": [u.to] * size,
            "player": player[world, seat].tolist(),
            "text": [_sound(self.reader.read(int(found))) for found in text[world, seat]],
            "code": [
                "; ".join(f"{name}={value[w][s]}" for name, value in codes.items())
                for w, s in zip(world, seat, strict=True)
            ],
            "kind": [ReplyKind(int(k)).name.lower() for k in kind[world, seat]],
        }
        return pa.table(columns, schema=COLUMNS)


def _named(value: Tensor, labels: tuple[str, ...] | None) -> list[list[str]]:
    """Codes of seats in words: labels of a choice, yes or no, numbers of three digits."""

    def word(code: Any) -> str:
        if labels is not None:
            return labels[int(code)]
        return {True: "yes", False: "no"}[code] if isinstance(code, bool) else f"{code:.3g}"

    return [[word(code) for code in row] for row in value.tolist()]


def _sound(text: str) -> str:
    """A text that every file can hold: lone surrogates become the replacement character."""
    return text.encode("utf-8", "replace").decode("utf-8")
