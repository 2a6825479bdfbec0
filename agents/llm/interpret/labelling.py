"""Labels that people give to texts of a run, and how far they agree with each other and with readers."""

import json
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from populace import trust
from populace.agents.llm.interpret.agreement import Agreement, Labelled, agreement_of, labelled_of
from populace.agents.llm.interpret.interpreted import agreement
from populace.agents.llm.interpret.interpreter import Rules
from populace.agents.llm.interpret.prototypes import Prototypes
from populace.dialogue import Coding
from populace.errors import PopulaceError
from populace.words import text_id


@dataclass(frozen=True)
class Coders:
    """How far two coders agree.

    Attributes:
        n: Texts that both have labelled.
        agree: Share of them with the same codes.
        kappa: Cohen's kappa, as in `Agreement`; None where all labels are one class.
    """

    n: int
    agree: float
    kappa: float | None


def sample(texts: Iterable[str], count: int) -> list[str]:
    """Some of the different texts, each as likely as any other and always the same: those whose hashes come first.

    Who said them, in which arm and how they were read does not show in their order.
    """
    return sorted({text for text in texts if text.strip()}, key=text_id)[:count]


def parse(answer: str, coding: Coding) -> list[str]:
    """Codes by their numbers from 1, separated by spaces or commas; none where several may hold and nothing is given.

    Raises:
        PopulaceError: It is not such an answer; the text says what is.
    """
    names, wanted = list(coding.codes), answer.replace(",", " ").split()
    numbers = [int(word) for word in wanted if word.isascii() and word.isdigit()]
    if len(numbers) != len(wanted) or any(not 1 <= number <= len(names) for number in numbers):
        raise PopulaceError(f"{answer.strip()!r} is not a number from 1 to {len(names)}")
    if not coding.several and len(numbers) != 1:
        raise PopulaceError("exactly one of these holds of each text: give one number")
    return [names[k - 1] for k in sorted(set(numbers))]


def labels_in(coding: Coding, path: Path) -> Labelled:
    """The labels of a file that the user named, or none where there is no file yet."""
    with trust.speaking(trust.Word()):
        return labelled_of(coding, path) if path.exists() else []


def keep(path: Path, text: str, codes: Sequence[str]) -> None:
    """Add one label to a file at once, so that nothing a person did is lost."""
    line = json.dumps({"text": text, "codes": list(codes)}, ensure_ascii=False)
    with path.open("a", encoding="utf-8") as file:
        file.write(line + "\n")
        file.flush()
        os.fsync(file.fileno())


def between(coding: Coding, one: Labelled, other: Labelled) -> Coders:
    """How far two people agree on the texts that both have labelled.

    Raises:
        PopulaceError: There is no such text.
    """
    theirs = {label.text: label.codes for label in other}
    both = [(label.codes, theirs[label.text]) for label in one if label.text in theirs]
    if not both:
        raise PopulaceError("the two coders have labelled no text in common")
    names = list(coding.codes)
    read = torch.tensor([[name in codes for name in names] for _, codes in both])
    found = agreement_of(coding, [codes for codes, _ in both], read)
    return Coders(found.n, found.agree, found.kappa)


def readers(coding: Coding, labelled: Labelled) -> dict[str, Agreement]:
    """Reader -> its agreement with the labels: the library's rules and prototypes."""
    found = {"rules": Rules(coding), "prototypes": Prototypes(coding)}
    return {name: agreement(reader, labelled) for name, reader in found.items()}
