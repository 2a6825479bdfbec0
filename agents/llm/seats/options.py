"""What can be chosen about a language model's seats, whatever the model."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, ValidationInfo, field_validator, model_validator
from typing_extensions import TypeVar

from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.interpret.options import InterpreterOptions
from populace.agents.llm.seats import profiles
from populace.errors import PopulaceError
from populace.files import named
from populace.wordings import Wordings, table_of


class SeatOptions(ModelOptions):
    """What all language models' seats have in common."""

    memory: int = Field(default=0, ge=0, le=1_000_000)
    """Tokens (of four bytes, assumed) of its own conversation that each seat remembers and is shown again.
    When they are used up, the oldest exchanges are forgotten whole. 0: every tick is a conversation of its own."""
    persona: str = ""
    """Put before what the world says to the system: a text, which may be a Jinja2 template of `seat`, `role`, `seen`
    and, for roles that are users, `segment`, `values` and `traits`; the path of one that ends in `.j2`; or the name
    of one that comes with the library: `traits`, `values`, `full`."""
    face: Literal["world", "fields"] = "world"
    """`world`: asked and read in the world's own words; `fields`: shown every field it sees, and asked for a label, a
    number or a JSON object by a schema (always so where a world has no words of its own)."""
    language: str | None = None
    """In which language the seat is asked: the tag of a table of wordings that comes with the world, or the path of
    one of your own; not given, the world's."""
    wordings: str | Mapping[str, Any] | None = None
    """Prompts in other words: a YAML or JSON file of `prompts` (and `labels`) by name, or these names themselves, each
    with its Jinja2 template (see docs/language-models.md; `populace prompts --names` lists them)."""
    interpreter: InterpreterOptions | None = None
    """Asked for free text, which an interpreter reads: rules, prototypes or a judge. Where the world has a free face
    for the role."""
    order: Literal["dealt", "stated"] = "dealt"
    """In which order a prompt lists the options of a choice. `dealt`: every seat has an order of its own at every tick,
    from the random numbers of the run, so that a liking for the first of a list does not pass for one for an option;
    `stated`: as the world states them, alike for all, as in the studies that it reproduces."""
    close: bool = True
    """Whether a reply that says something and leaves out its labelled line is closed: the label is put behind its
    words, and a value is drawn by the chances that the model gives those that are allowed there. Its kind is then
    `closed`. Only models in this process can do so; others are asked again."""
    reask: bool = True
    """Whether an unreadable or cut-off reply is asked for once more before the seat forfeits."""

    _there = field_validator("persona")(
        lambda given, info: str(named(given, info.context, there=False)) if profiles.is_path(given) else given
    )

    @field_validator("language", "wordings")
    @classmethod
    def _worded(cls, given: str | Mapping[str, Any] | None, info: ValidationInfo) -> str | Mapping[str, Any] | None:
        """Files by their full path; within a scenario the world's table is known, so that mistakes have their place."""
        if isinstance(given, str) and (info.field_name == "wordings" or given.endswith((".yaml", ".json"))):
            given = str(named(given, info.context))
        own = info.context.get("wordings") if isinstance(info.context, dict) else None
        if given is None or not isinstance(own, Wordings) or info.data.get("face") == "fields":
            return given
        language, replaced = info.data.get("language"), None
        if info.field_name == "wordings":
            replaced = given
        elif isinstance(given, str):
            language = given
        try:
            table_of(own, language, replaced)
        except PopulaceError as error:
            raise ValueError(str(error).removeprefix("wordings.").removeprefix("language: ")) from None
        return given

    @model_validator(mode="after")
    def _sound_seats(self) -> "SeatOptions":
        if self.interpreter is not None and self.face == "fields":
            raise ValueError("interpreter reads free text, and face: fields asks for none; leave out one of them")
        if self.persona:
            try:
                profiles.check(self.persona)
            except PopulaceError as error:
                raise ValueError(str(error)) from None
        return self


SeatOptionsT = TypeVar("SeatOptionsT", bound=SeatOptions, default=Any)
"""The options of a policy that reads and writes, for type checkers."""
