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
        text, names = u.text.cpu().numpy(), (u.to,) if isinstance(u.to, str) else u.to
        text = text.reshape(*text.shape[:2], len(names))
        there = text != UNWORDED
        if u.present is not None:
            there &= u.present.cpu().numpy()[..., None]
        # Audiences that are told the same words share a row.
        same = (text[..., :, None] == text[..., None, :]) & there[..., :, None] & there[..., None, :]
        first = there & (same.argmax(-1) == np.arange(len(names)))
        world, seat, place = np.nonzero(first)
        to = [", ".join(names[k] for k in np.nonzero(row)[0]) for row in same[world, seat, place]]
        codes = {
            name: _named(value.cpu().reshape(*value.shape[:2], -1).expand(*text.shape), u.labels.get(name))
            for name, value in u.codes.items()
        }
        kind = np.zeros(text.shape[:2], dtype=np.int64) if u.kind is None else u.kind.cpu().numpy()
        player = np.full(text.shape[:2], "", dtype=object)
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
            "to": to,
            "player": player[world, seat].tolist(),
            "text": [_sound(self.reader.read(int(found))) for found in text[world, seat, place]],
            "code": [
                "; ".join(f"{name}={value[w][s][k]}" for name, value in codes.items())
                for w, s, k in zip(world, seat, place, strict=True)
            ],
            "kind": [ReplyKind(int(k)).name.lower() for k in kind[world, seat]],
        }
        return pa.table(columns, schema=COLUMNS)


def _named(value: Tensor, labels: tuple[str, ...] | None) -> list[list[list[str]]]:
    """Codes of seats in words: labels of a choice, yes or no, numbers of three digits."""

    def word(code: Any) -> str:
        if labels is not None:
            return labels[int(code)]
        return {True: "yes", False: "no"}[code] if isinstance(code, bool) else f"{code:.3g}"

    return [[[word(code) for code in copies] for copies in row] for row in value.tolist()]


def _sound(text: str) -> str:
    """A text that every file can hold: lone surrogates become the replacement character."""
    return text.encode("utf-8", "replace").decode("utf-8")
