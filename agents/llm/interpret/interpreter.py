"""Free text, read: an interpreter says which codes hold of what was said, and the world says what codes come to.

Rules, prototypes and judges are interchangeable. The agreement of each with a labelled set is measured and kept in
the run folder.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor

from populace.agents.llm.backends.model import ModelPolicy
from populace.agents.llm.decoding import patterns
from populace.budget import Budget
from populace.dialogue import Coding
from populace.errors import UnknownName


@dataclass(frozen=True)
class Reading:
    """What texts were read as.

    Attributes:
        codes: [texts, codes] bool, which hold; none of a text that could not be coded.
        asked: [texts] int64, what a judge was asked about each.
        unread: [texts] int64, replies of the judge that were no verdict.
        tokens: [texts] int64, read and written by the judge.
    """

    codes: Tensor
    asked: Tensor
    unread: Tensor
    tokens: Tensor

    @classmethod
    def plain(cls, codes: Tensor) -> "Reading":
        """One that asked nobody."""
        zero = torch.zeros(len(codes), dtype=torch.int64)
        return cls(codes, zero, zero, zero)

    def __getitem__(self, places: Tensor) -> "Reading":
        """Those at some places."""
        return Reading(self.codes[places], self.asked[places], self.unread[places], self.tokens[places])


class Interpreter(ABC):
    """Codes texts, each by itself: what one is read as depends on no other.

    Args:
        coding: What texts are read for.
    """

    name: ClassVar[str]
    """`rules`, `prototypes` or `judge`, as in `populace.words.READERS`."""
    policy: ModelPolicy | None = None
    """Whose model is asked, where one is, so that what it costs is worth telling."""

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self._last: dict[str, int] = {}
        self._reading = Reading.plain(torch.zeros((1, len(coding.codes)), dtype=torch.bool))

    def spend_from(self, budget: Budget) -> None:
        """Count what is asked there, and ask it before."""
        if self.policy is not None:
            self.policy.spend_from(budget)

    @abstractmethod
    def code(self, texts: Sequence[str]) -> Reading:
        """Read texts, no two alike and none empty; where the coding says so, one code holds of each or none."""

    def read(self, texts: Sequence[str]) -> Reading:
        """Read texts: equal ones once, those of the call before not again, and nothing in empty ones."""
        new = list(dict.fromkeys(text for text in texts if text.strip() and text not in self._last))
        found = self.code(new) if new else self._reading[torch.zeros(0, dtype=torch.int64)]
        pairs = [
            (getattr(self._reading, name), getattr(found, name)) for name in ("codes", "asked", "unread", "tokens")
        ]
        whole = Reading(*(torch.cat(pair) for pair in pairs))
        known = {**self._last, **{text: len(self._reading.codes) + k for k, text in enumerate(new)}}
        places = torch.tensor([known[text] if text.strip() else 0 for text in texts], dtype=torch.int64)
        # Row 0 is that of no text. Only this call's texts are kept for the next: a seat asked once more, an echo.
        kept = list(dict.fromkeys(text for text in texts if text.strip()))
        self._reading = whole[torch.tensor([0, *(known[text] for text in kept)], dtype=torch.int64)]
        self._last = {text: 1 + k for k, text in enumerate(kept)}
        return whole[places]


class Rules(Interpreter):
    """Regular expressions.

    Args:
        coding: What texts are read for.
        own: Code -> expressions that take the place of the coding's.

    Raises:
        UnknownName: A rule for a code that there is not.
    """

    name = "rules"

    def __init__(self, coding: Coding, own: Mapping[str, Sequence[str]] | None = None) -> None:
        super().__init__(coding)
        known(own or {}, coding, "rules")
        self.rules = {
            code: [patterns.compiled(rule, all_lines=True) for rule in rules]
            for code, rules in {**coding.rules, **(own or {})}.items()
        }

    def code(self, texts: Sequence[str]) -> Reading:
        """Every code of which a rule is found, or the first of them."""
        columns = {code: k for k, code in enumerate(self.coding.codes)}
        codes = torch.zeros((len(texts), len(columns)), dtype=torch.bool)
        for row, text in enumerate(texts):
            for code, rules in self.rules.items():
                if any(patterns.search(rule, text) for rule in rules):
                    codes[row, columns[code]] = True
                    if not self.coding.several:
                        break
        return Reading.plain(codes)


def known(own: Mapping[str, object], coding: Coding, what: str) -> None:
    """Refuse codes that there are not.

    Raises:
        UnknownName: One is unknown; the nearest is named.
    """
    for code in own:
        if code not in coding.codes:
            raise UnknownName(f"interpreter: {what}: code of {coding.name}", code, coding.codes)
