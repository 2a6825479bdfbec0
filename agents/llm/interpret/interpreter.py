"""Free text, read: an interpreter says which codes hold of what was said, and the world says what codes come to.

Rules, prototypes and judges are interchangeable. The agreement of each with a labelled set is measured and kept in
the run folder.
"""

import re
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from populace.agents.llm.backends.model import ModelPolicy
from populace.agents.llm.decoding import patterns
from populace.budget import Budget
from populace.dialogue import SEPARATOR, About, Coding
from populace.errors import UnknownName

Key = tuple[str, tuple[tuple[str, str], ...]]
"""A text and what it is about."""
_FIELD = re.compile(r"\{([a-z_]+)\}")


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
        self._last: dict[Key, int] = {}
        self._reading = Reading.plain(torch.zeros((1, len(coding.codes)), dtype=torch.bool))

    def spend_from(self, budget: Budget) -> None:
        """Count what is asked there, and ask it before."""
        if self.policy is not None:
            self.policy.spend_from(budget)

    @abstractmethod
    def code(self, texts: Sequence[str], about: Sequence[About]) -> Reading:
        """Read texts, none empty and no two alike in what they say and are about.

        Where the coding says so, one code holds of each or none.
        """

    def read(self, texts: Sequence[str], about: Sequence[About] | None = None) -> Reading:
        """Read texts: equal ones once, those of the call before not again, and nothing in empty ones.

        Args:
            texts: What was said.
            about: What each is about; None where a reader need not know.
        """
        told = [{}] * len(texts) if about is None else about
        keys = [(text, tuple(sorted(what.items()))) for text, what in zip(texts, told, strict=True)]
        said = [key for key in keys if key[0].strip()]
        new = list(dict.fromkeys(key for key in said if key not in self._last))
        found = self._reading[torch.zeros(0, dtype=torch.int64)]
        if new:
            found = self.code([text for text, _ in new], [dict(what) for _, what in new])
        pairs = [
            (getattr(self._reading, name), getattr(found, name)) for name in ("codes", "asked", "unread", "tokens")
        ]
        whole = Reading(*(torch.cat(pair) for pair in pairs))
        known = {**self._last, **{key: len(self._reading.codes) + k for k, key in enumerate(new)}}
        places = torch.tensor([known[key] if key[0].strip() else 0 for key in keys], dtype=torch.int64)
        # Row 0 is that of no text. Only this call's texts are kept for the next: a seat asked once more, an echo.
        kept = list(dict.fromkeys(said))
        self._reading = whole[torch.tensor([0, *(known[key] for key in kept)], dtype=torch.int64)]
        self._last = {key: 1 + k for k, key in enumerate(kept)}
        return whole[places]


def names_in(template: str) -> set[str]:
    """Names in braces that stand for what a text is about."""
    return set(_FIELD.findall(template))


def filled(template: str, about: About, rule: bool) -> str | None:
    """A rule or sentence with what a text is about in place of names in braces; None where that is not known.

    Args:
        template: A rule, or a sentence that stands for a code.
        about: What the text is about.
        rule: Whether it is a rule, in which any of several may be found; else the first of them is taken.
    """
    if any(not about.get(name, "").strip() for name in names_in(template)):
        return None

    def put(hit: "re.Match[str]") -> str:
        several = about[hit[1]].split(SEPARATOR)
        return f"(?:{'|'.join(re.escape(one.strip()) for one in several)})" if rule else several[0].strip()

    return _FIELD.sub(put, template)


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
            code: [rule if names_in(rule) else patterns.compiled(rule, all_lines=True) for rule in rules]
            for code, rules in {**coding.rules, **(own or {})}.items()
        }

    def code(self, texts: Sequence[str], about: Sequence[About]) -> Reading:
        """Every code of which a rule is found, or the first of them."""
        columns = {code: k for k, code in enumerate(self.coding.codes)}
        codes = torch.zeros((len(texts), len(columns)), dtype=torch.bool)
        for row, (text, what) in enumerate(zip(texts, about, strict=True)):
            for code, rules in self.rules.items():
                if any(self._fits(rule, text, what) for rule in rules):
                    codes[row, columns[code]] = True
                    if not self.coding.several:
                        break
        return Reading.plain(codes)

    def _fits(self, rule: Any, text: str, about: About) -> bool:
        if isinstance(rule, str):
            own = filled(rule, about, rule=True)
            if own is None:
                return False
            rule = patterns.compiled(own, all_lines=True)
        return patterns.search(rule, text) is not None


def known(own: Mapping[str, object], coding: Coding, what: str) -> None:
    """Refuse codes that there are not.

    Raises:
        UnknownName: One is unknown; the nearest is named.
    """
    for code in own:
        if code not in coding.codes:
            raise UnknownName(f"interpreter: {what}: code of {coding.name}", code, coding.codes)
