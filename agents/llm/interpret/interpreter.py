"""Free text, read: an interpreter says which codes hold of what was said, and the world says what codes come to.

Rules, prototypes and judges are interchangeable, and none is believed unseen: each one's agreement with a labelled set
is kept in the run folder.
"""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

import torch
from pydantic import Field, PrivateAttr, model_validator
from torch import Tensor

from populace import trust
from populace.agents.llm import patterns
from populace.agents.llm.backends.servers import ServerOptions
from populace.agents.llm.interpret.agreement import Agreement, agreement_of, halves, labelled_of
from populace.dialogue import Chat, Coding, FreeFace, Speaks
from populace.errors import PopulaceError, UnknownName
from populace.observation import Observation
from populace.options import Options


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

    judges: bool = False
    """Whether another model is asked, so that what it costs is worth telling."""

    def __init__(self, coding: Coding) -> None:
        self.coding = coding
        self._last: dict[str, int] = {}
        self._reading = Reading.plain(torch.zeros((1, len(coding.codes)), dtype=torch.bool))

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


def known(own: Mapping[str, Any], coding: Coding, what: str) -> None:
    """Refuse codes that there are not.

    Raises:
        UnknownName: One is unknown; the nearest is named.
    """
    for code in own:
        if code not in coding.codes:
            raise UnknownName(f"interpreter: {what}: code of {coding.name}", code, coding.codes)


class PrototypeOptions(ServerOptions):
    """Which sentences stand for what, and how alike texts are found."""

    sentences: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Code -> sentences that take the place of the world's own."""
    model: str | None = None
    """A model of embeddings: one of the server at `base_url`, or else a folder or hub id of `transformers`, whose mean
    hidden states are taken. Not given: counts of letter sequences, which need no model."""
    base_url: str | None = None
    """A server of the OpenAI protocol with `/embeddings`."""
    threshold: float = Field(default=0.25, ge=-1, le=1)
    """Where several codes may hold: the least cosine similarity between a sentence of the text and one that stands for
    a code. The default was set with the letter sequences; embeddings of a model need one of their own."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.base_url is not None and self.model is None:
            raise ValueError("base_url needs model: the name of one of the server's models of embeddings")
        if any(not sentences for sentences in self.sentences.values()):
            raise ValueError("sentences: a code without any; leave it out to keep the world's own")
        return self


class JudgeOptions(Options):
    """Who judges."""

    policy: str
    """A text policy by its name: `llm/openai`, `llm/transformers`, `llm/replay`, ..."""
    params: dict[str, Any] = Field(default_factory=dict)
    """Its options; `temperature` is 0 unless given, so that the same text gets the same verdict."""
    _word: trust.Word = PrivateAttr(default_factory=trust.current)

    @model_validator(mode="after")
    def _there(self) -> Self:
        from populace.agents.llm.interpret.judge import judging

        try:
            judging(self.policy, self.params)
        except PopulaceError as error:
            raise ValueError(str(error)) from None
        return self


class InterpreterOptions(Options):
    """What reads free text: one of `rules`, `prototypes` and `judge`."""

    rules: dict[str, tuple[str, ...]] | None = None
    """Regular expressions: code -> those that take the place of the world's own; `{}` keeps them all."""
    prototypes: PrototypeOptions | None = None
    """Sentences that stand for codes, and which of them a text is most like; `{}` keeps the world's own."""
    judge: JudgeOptions | None = None
    """A language model that is asked which codes hold."""
    labelled: Path | None = None
    """A labelled set of one's own, JSON lines `{"text": "...", "codes": ["..."]}`, to tell the agreement with; the
    world's own where not given."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        given = [name for name in ("rules", "prototypes", "judge") if getattr(self, name) is not None]
        if len(given) != 1:
            told = " and ".join(given) or "none"
            raise ValueError(
                f"give one of rules, prototypes and judge, not {told}; `rules: {{}}` takes the world's own"
            )
        for code, rules in (self.rules or {}).items():
            for rule in rules:
                try:
                    patterns.compiled(rule)
                except ValueError as error:
                    raise ValueError(f"rules: {code}: {error}") from None
        return self

    def made(self, coding: Coding) -> Interpreter:
        """The interpreter.

        Raises:
            UnknownName: A code is named that the coding has not.
        """
        from populace.agents.llm.interpret.judge import Judge, judging
        from populace.agents.llm.interpret.prototypes import Prototypes

        if self.judge is not None:
            # What the user allowed when the options were read still holds, and no more.
            with trust.speaking(self.judge._word):
                return Judge(coding, judging(self.judge.policy, self.judge.params))
        if self.prototypes is not None:
            return Prototypes(coding, self.prototypes)
        return Rules(coding, self.rules)


def agreement(interpreter: Interpreter, labelled: Sequence[tuple[str, frozenset[str]]]) -> Agreement:
    """How far an interpreter agrees with labelled texts."""
    read = interpreter.read([text for text, _ in labelled]).codes
    return agreement_of(interpreter.coding, [codes for _, codes in labelled], read)


class Interpreted:
    """A dialogue held in free text: a world's free face, and the interpreter that codes it.

    Args:
        face: What is asked, and what codes come to.
        interpreter: Of the face's coding.
        labelled: One's own labelled set, or None for the world's.
    """

    def __init__(self, face: FreeFace, interpreter: Interpreter, labelled: Path | None = None) -> None:
        self.face, self.interpreter, self.labelled = face, interpreter, labelled

    @classmethod
    def of(cls, options: InterpreterOptions, dialogue: Any, role: str) -> "Interpreted":
        """The free text of a role, read as the options say. Keep it: a judge's budget and tape live in it.

        Raises:
            PopulaceError: The role has no free text, or the options name codes that it has not.
        """
        face = dialogue.free(role) if isinstance(dialogue, Speaks) else None
        if face is None:
            raise PopulaceError(
                f"interpreter: {role!r} cannot be held in free text in this world: leave the interpreter out, or give "
                "the world's dialogue a free(role) that returns a populace.dialogue.FreeFace"
            )
        return cls(face, options.made(face.coding), options.labelled)

    def say(self, observation: Observation) -> Sequence[Chat]:
        """One chat a seat that acts, for free text."""
        return self.face.say(observation)

    def hear(
        self, observation: Observation, chats: Sequence[Chat], replies: Sequence[str]
    ) -> tuple[Mapping[str, Tensor], Tensor]:
        """Actions and kinds by what was coded; where a judge was asked, what that came to."""
        passages = self.face.passages(observation, chats, replies)
        reading = self.interpreter.read([text for texts in passages for text in texts])
        lengths = [len(texts) for texts in passages]
        actions, kinds = self.face.act(observation, chats, replies, reading.codes.split(lengths))
        if not self.interpreter.judges:
            return actions, kinds
        told = {"judged": reading.asked, "judged unread": reading.unread, "judge tokens": reading.tokens}
        tallies = {name: torch.zeros(kinds.shape, dtype=torch.int64) for name in told}
        for name, counts in told.items():
            for chat, part in zip(chats, counts.split(lengths), strict=True):
                tallies[name][chat.world, chat.seat] += int(part.sum())
        return {**actions, **{f"tally/{name}": n.to(kinds.device) for name, n in tallies.items()}}, kinds

    def describe(self) -> dict[str, Any]:
        """How free text was read, and how far that agrees with labels, as plain constants.

        Of a set of ours, only the half that no rule or threshold was tuned on counts.
        """
        coding = self.interpreter.coding
        told = {"interpreter": type(self.interpreter).__name__.lower(), "coding": coding.name}
        if self.labelled is None and coding.labelled is None:
            return {**told, "agreement": None, "why": "there is no labelled set of these codes"}
        try:
            labelled = labelled_of(coding, self.labelled)
            found = agreement(self.interpreter, labelled if self.labelled else halves(labelled)[1])
        except (
            PopulaceError
        ) as error:  # a budget that is spent, a server that is gone: the run itself is over, and good
            return {**told, "agreement": None, "why": str(error)}
        return {**told, "agreement": asdict(found)}
