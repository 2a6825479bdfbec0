"""What was said, as rows of a table: one per utterance, with its words, its code and how it was read."""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pyarrow as pa
from torch import Tensor

from populace import tree
from populace.dialogue import ReplyKind
from populace.words import ASKED, READERS, UNWORDED, Reader, Utterance

COLUMNS = pa.schema(
    [
        *((name, pa.string()) for name in ("arm",)),
        *((name, pa.int64()) for name in ("world", "step")),
        ("phase", pa.string()),
        ("turn", pa.int64()),
        ("role", pa.string()),
        ("seat", pa.int64()),
        *((name, pa.string()) for name in ("to", "player", "text", "code", "reader", "kind")),
        *((name, pa.int64()) for name in ("tokens_in", "tokens_out")),
        ("prompt", pa.string()),
        ("reply", pa.string()),
    ]
)
"""`step` is the tick that was played, as in other tables; `turn` the turn of a conversation of several ticks, from 0;
`code` names what the text carries, `name=value; ...`; `reader` is what read the reply (`populace.words.READERS`) and
`kind` how it was read, `ok` or a failure; `prompt` is the key of what was asked in the table of prompts, and `reply`
the whole reply, of which `text` is what is heard; both are empty for scripts."""

PROMPTS = pa.schema([("prompt", pa.string()), ("text", pa.string())])
"""What language models were asked, once each: a key of 16 hexadecimal digits, and the messages as JSON."""


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
        cut = tree.tree_map(lambda tensor: tensor[:worlds].clone(), self.utterance)
        return replace(self, utterance=replace(cut, prompts=cut.prompts.kept(*cut.asked.values())))

    @property
    def numbers(self) -> int:
        """What is held, as so many numbers of eight bytes: ids, and prompts and replies, whose words are held too."""
        u = self.utterance
        return u.text.numel() + sum(map(len, u.prompts.texts.values())) // 8

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
        none = np.zeros(text.shape[:2], dtype=np.int64)
        how = {name: u.asked[name].cpu().numpy() if name in u.asked else none for name in ASKED}
        how = {name: number[world, seat] for name, number in how.items()}
        columns = {
            "arm": [arm] * size,
            "world": ids[world],
            "step": [self.step] * size,
            "phase": [self.phase] * size,
            "turn": np.zeros(size, np.int64) if u.turn is None else u.turn.cpu().numpy()[world, seat],
            "role": [self.role] * size,
            "seat": seat,
            "to": to,
            "player": player[world, seat].tolist(),
            "text": [_sound(self.reader.read(int(found))) for found in text[world, seat, place]],
            "code": [
                "; ".join(f"{name}={value[w][s][k]}" for name, value in codes.items())
                for w, s, k in zip(world, seat, place, strict=True)
            ],
            "reader": [READERS[k] for k in how["reader"]],
            "kind": [ReplyKind(int(k)).name.lower() for k in kind[world, seat]],
            "tokens_in": how["tokens_in"],
            "tokens_out": how["tokens_out"],
            "prompt": [key(int(k)) if k else "" for k in how["prompt"]],
            "reply": [_sound(u.prompts.get(int(k)) or "") for k in how["reply"]],
        }
        return pa.table(columns, schema=COLUMNS)

    def prompts(self) -> pa.Table:
        """What was asked for these words, once each."""
        u = self.utterance
        ids = u.asked["prompt"].unique().tolist() if u.asked else []
        texts = {found: text for found in ids if (text := u.prompts.get(found))}
        columns = {"prompt": [key(found) for found in texts], "text": [_sound(text) for text in texts.values()]}
        return pa.table(columns, schema=PROMPTS)


def key(found: int) -> str:
    """An id as 16 hexadecimal digits."""
    return f"{found & (1 << 64) - 1:016x}"


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
