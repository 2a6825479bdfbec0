"""What can be chosen about who reads free text: rules, prototypes or a judge, and a labelled set to tell how well."""

from pathlib import Path
from typing import Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from populace import trust
from populace.agents.llm.decoding import patterns
from populace.agents.llm.interpret.interpreter import Interpreter, Rules
from populace.agents.llm.interpret.judge import Judge, judging
from populace.agents.llm.interpret.prototypes import PrototypeOptions, Prototypes
from populace.dialogue import Coding
from populace.errors import PopulaceError
from populace.files import named
from populace.options import Options


class JudgeOptions(Options):
    """Who judges."""

    policy: str
    """A text policy by its name: `llm/openai`, `llm/transformers`, `llm/replay`, ..."""
    params: dict[str, object] = Field(default_factory=dict)
    """Its options; `temperature` is 0 unless given, so that the same text gets the same verdict."""
    _word: trust.Word = PrivateAttr(default_factory=trust.current)

    @model_validator(mode="after")
    def _there(self) -> Self:
        try:
            judging(self.policy, self.params)
        except PopulaceError as error:
            raise ValueError(str(error)) from None
        return self


class ReaderOptions(Options):
    """What reads free text: one of `rules`, `prototypes` and `judge`."""

    rules: dict[str, tuple[str, ...]] | None = None
    """Regular expressions: code -> those that take the place of the world's own; `{}` keeps them all."""
    prototypes: PrototypeOptions | None = None
    """Sentences that stand for codes, and which of them a text is most like; `{}` keeps the world's own."""
    judge: JudgeOptions | None = None
    """A language model that is asked which codes hold."""

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
        if self.judge is not None:
            # What the user allowed when the options were read still holds, and no more.
            with trust.speaking(self.judge._word):
                return Judge(coding, judging(self.judge.policy, self.judge.params))
        if self.prototypes is not None:
            return Prototypes(coding, self.prototypes)
        return Rules(coding, self.rules)


class InterpreterOptions(ReaderOptions):
    """Whose reading counts, who reads beside, and a labelled set to tell how well they do."""

    also: tuple[ReaderOptions, ...] = ()
    """Other readers of the same texts. What they find moves nothing: the report shows it beside, since a measure that
    is read from text can depend on who reads."""
    labelled: Path | None = None
    """A labelled set of one's own, JSON lines `{"text": "...", "codes": ["..."]}`, to tell the agreement with; the
    world's own where not given."""

    _there = field_validator("labelled")(
        lambda given, info: None if given is None else named(given, info.context, there=False)
    )
