"""How far an interpreter agrees with people's labels: shares, Cohen's kappa, and what is mistaken for what."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files as resources
from pathlib import Path
from typing import NamedTuple

from scipy.stats import binomtest
from torch import Tensor

from populace.dialogue import About, Coding
from populace.errors import PopulaceError, UnknownName
from populace.files import FileError
from populace.files import text as read_text


class Label(NamedTuple):
    """A text that somebody has read.

    Attributes:
        text: The text.
        codes: The codes that hold of it.
        about: What it is about, as a reader is told.
    """

    text: str
    codes: frozenset[str]
    about: About = {}  # noqa: RUF012  # nobody changes it


Labelled = list[Label]
"""Texts, each with the codes that hold of it."""

NOTHING = "(none)"
"""Stands for no code, where one should hold."""


@dataclass(frozen=True)
class Agreement:
    """Agreement with a labelled set.

    Attributes:
        n: Texts.
        agree: Share of texts whose codes are exactly those of the label.
        low: Lower end of its Wilson interval of 95 %.
        high: Upper end.
        kappa: Cohen's kappa of `confusion`; None where all labels and all readings are one class.
        classes: What is told apart: the codes and `(none)`; or `no` and `yes`, of every text and code, where several
            codes may hold.
        confusion: Counts [label][reading] of classes.
        recall: Code -> share of the texts labelled with it that were read so; None where there is none.
        precision: Code -> share of the texts read so that are labelled so; None where there is none.
    """

    n: int
    agree: float
    low: float
    high: float
    kappa: float | None
    classes: list[str]
    confusion: list[list[int]]
    recall: dict[str, float | None]
    precision: dict[str, float | None]


def agreement_of(coding: Coding, labels: Sequence[frozenset[str]], read: Tensor) -> Agreement:
    """Compare labels with readings [texts, codes] bool.

    Raises:
        PopulaceError: There are no texts.
    """
    if not labels:
        raise PopulaceError("no labelled texts: an agreement needs one at least")
    codes = list(coding.codes)
    found = [frozenset(codes[k] for k in row.nonzero()[:, 0].tolist()) for row in read]
    same = sum(label == reading for label, reading in zip(labels, found, strict=True))
    interval = binomtest(same, len(labels)).proportion_ci(method="wilson")
    pairs = [(label, reading) for label, reading in zip(labels, found, strict=True)]
    if coding.several:
        classes = ["no", "yes"]
        cells = [(int(code in label), int(code in reading)) for label, reading in pairs for code in codes]
    else:
        classes = [*codes, NOTHING]
        place = {frozenset([code]): k for k, code in enumerate(codes)}
        cells = [(place[label], place.get(reading, len(codes))) for label, reading in pairs]
    confusion = [[0] * len(classes) for _ in classes]
    for label_place, read_place in cells:
        confusion[label_place][read_place] += 1
    both = {code: sum(code in label and code in reading for label, reading in pairs) for code in codes}
    return Agreement(
        n=len(labels),
        agree=same / len(labels),
        low=float(interval.low),
        high=float(interval.high),
        kappa=kappa(confusion),
        classes=classes,
        confusion=confusion,
        recall={code: _share(both[code], sum(code in label for label in labels)) for code in codes},
        precision={code: _share(both[code], sum(code in reading for reading in found)) for code in codes},
    )


def kappa(confusion: Sequence[Sequence[int]]) -> float | None:
    """Cohen's kappa, (p_o - p_e) / (1 - p_e), of a square table of counts; None where p_e is 1."""
    n = sum(map(sum, confusion))
    rows, columns = [sum(row) for row in confusion], [sum(column) for column in zip(*confusion, strict=True)]
    chance = sum(r * c for r, c in zip(rows, columns, strict=True))
    if chance == n * n:
        return None
    return (n * sum(confusion[k][k] for k in range(len(confusion))) - chance) / (n * n - chance)


def _share(part: int, whole: int) -> float | None:
    return part / whole if whole else None


def halves(labelled: Labelled) -> tuple[Labelled, Labelled]:
    """The first, third, ... texts, which rules and thresholds may be tuned on; the second, fourth, ..., which tell."""
    return labelled[::2], labelled[1::2]


def labelled_of(coding: Coding, path: Path | None = None) -> Labelled:
    """A labelled set: the file's, or the one that comes with the coding.

    Raises:
        PopulaceError: There is none, it cannot be read, or a line is not `{"text": "...", "codes": ["..."]}`, with or
            without `"about": {"name": "..."}`.
        UnknownName: A label is no code.
    """
    if path is not None:
        try:
            text = read_text(path)
        except FileError as error:
            raise PopulaceError(f"interpreter: labelled: {error}") from None
    elif coding.labelled is not None:
        package, name = coding.labelled
        text = (resources(package) / name).read_text(encoding="utf-8")
    else:
        raise PopulaceError(f"there is no labelled set for {coding.name} of {', '.join(coding.codes)}: give your own")
    where = path or "labelled set"
    return [_line(coding, line, f"{where}:{k}") for k, line in enumerate(text.split("\n"), 1) if line.strip()]


def _line(coding: Coding, line: str, where: str) -> Label:
    try:
        held = json.loads(line)
        text, codes, about = held["text"], frozenset(held["codes"]), dict(held.get("about", {}))
        good = isinstance(text, str) and bool(text.strip()) and isinstance(held["codes"], list)
        good = good and all(isinstance(part, str) for pair in about.items() for part in pair)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        good = False
    if not good:
        raise PopulaceError(
            f'{where}: expected a line of JSON, {{"text": "...", "codes": ["..."]}}, with "about": {{"name": "..."}} '
            "where the text answers something"
        )
    for code in codes:
        if code not in coding.codes:
            raise UnknownName(f"code of {coding.name} in {where}:", str(code), coding.codes)
    if not coding.several and len(codes) != 1:
        raise PopulaceError(f"{where}: one code holds of each text of {coding.name}, got {sorted(codes)}")
    return Label(text, codes, about)
