"""What can be chosen about the culture world."""

from typing import Literal, Self

from pydantic import Field, field_validator, model_validator

from populace.files import named
from populace.options import Name, Options
from populace.table import PLAIN, TableFormat
from populace.wordings import WordedOptions, language_of

PACKAGE = "populace.envs.culture"
"""Where its tables of wordings are."""


class SurveyOptions(Options):
    """Where the marginals of every culture come from."""

    source: Literal["synthetic", "questions", "shares", "table"] = "synthetic"
    """`synthetic`: cultures at random places of a latent space; `questions`: questions in words whose shares are ours
    (see `envs/culture/matter/README.md`), or a table of your own in that form; `shares`: a csv of option shares by
    culture (World Values Survey or your own); `table`: a csv of culture dimensions (Hofstede, Schwartz,
    Inglehart-Welzel, own)."""
    file: str = ""
    """The csv of `shares` (culture, question, option, share) or `table`; not shipped, as their terms forbid it. For
    `questions`, a table in place of the library's."""
    texts: str = ""
    """For `shares`: a json list of questions, each `{q_id, question, options}`; it fixes the number of options."""
    table: Literal["hofstede", "schwartz", "inglehart-welzel", "own"] = "own"
    """Which columns of a `table` are dimensions; `own`: the first column names the culture, every other is one."""
    cultures: tuple[Name, ...] = ()
    """Cultures to take from the file, or names of the synthetic ones; empty for all, or for seven without names."""
    questions: int = Field(default=20, ge=1)
    """Questions of a synthetic survey, or how many `questions` are taken, the first ones."""
    each: int = Field(default=3, ge=1)
    """Questions for each dimension of a `table`."""
    options: int = Field(default=5, ge=2, le=256)
    """Options of every question, unless the file says."""
    between: float | None = Field(default=None, ge=0, lt=1)
    """Share of the answers' variance that lies between cultures, averaged over questions; None takes a file's own, and
    .144 where there is none (222 questions and 19 countries of the World Values Survey, wave 7)."""
    skew: float = Field(default=0.0, ge=0)
    """Standard deviation of synthetic questions' balance, in those of latent answers; 0 makes all options of a question
    equally frequent. About 1 gives cultures whose majority answers differ as much as real ones'."""
    dims: int = Field(default=3, ge=1)
    """Dimensions of a synthetic survey's latent space."""
    seed: int = 0
    """Draws a synthetic survey; the same one in all worlds and arms."""
    missing_codes: tuple[float | str, ...] = ()
    """For `table`: entries that stand for a missing number, beside empty cells."""
    format: TableFormat = PLAIN
    """How the csv is written, where it is not with commas, decimal points and UTF-8."""

    _there = field_validator("file", "texts")(
        lambda given, info: given and str(named(given, info.context, there=False))
    )

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.source in ("shares", "table") and not self.file:
            raise ValueError(f"survey: source: {self.source} needs file: the path of a csv (it is not shipped)")
        if self.source == "synthetic" and self.file:
            raise ValueError("survey: a file is given, but source is synthetic; say source: shares, table or questions")
        if len(set(self.cultures)) != len(self.cultures):
            raise ValueError(f"survey: a culture is named twice in {list(self.cultures)}")
        if len(self.cultures) == 1:
            raise ValueError("survey: one culture; name two at least, as perspectives are shares among cultures")
        return self


class Layer(Options):
    """One network on which people meet: family, work, media, ..."""

    name: Name
    """Its name."""
    kind: Literal["grid", "ring", "random", "complete", "people", "file"] = "ring"
    """`grid`: four neighbours; `ring`: `degree` nearest; `random`: `degree` people at random, by world; `complete`:
    anyone; `people`: the population's own network; `file`: a csv of `source,target` (listened to, listener)."""
    degree: int = Field(default=8, ge=1)
    """Whom a person of a `ring` or `random` layer listens to."""
    width: int | None = Field(default=None, ge=1)
    """Columns of a `grid`; None for the nearest divisor of the population below its square root."""
    wrap: bool = True
    """Whether a `grid` is a torus."""
    file: str = ""
    """The csv of a `file` layer; users count from 0."""
    format: TableFormat = PLAIN
    """How the csv is written, where it is not with commas, decimal points and UTF-8."""

    _there = field_validator("file")(lambda given, info: given and str(named(given, info.context, there=False)))


class CultureOptions(WordedOptions):
    """People with cultural traits on several layers, an agent for each culture, and a synthesiser."""

    survey: SurveyOptions = SurveyOptions()
    """The questions, which are people's cultural features, and each culture's marginals."""
    layers: tuple[Layer, ...] = (Layer(name="neighbours"),)
    """The networks; a person holds traits on each."""
    coupling: float = Field(default=0.0, ge=0, le=1)
    """Between layers of one person (omega): chance a tick that a trait is carried to another layer, or with bounded
    confidence the share of the way to the person's mean over layers. Assumed."""
    rule: Literal["axelrod", "centola", "bounded", "none"] = "axelrod"
    """`axelrod`: copy a differing trait with the chance of overlap; `centola`: and leave whom one shares nothing with;
    `bounded`: traits are positions in [0, 1] and move together within `confidence`; `none`: nobody listens to peers."""
    active: float = Field(default=1.0, ge=0, le=1)
    """Chance a tick that a person listens to the one it met."""
    confidence: float = Field(default=0.3, ge=0, le=1)
    """Largest distance of positions at which one moves to the other (bounded confidence)."""
    pull: float = Field(default=0.25, ge=0, le=1)
    """Share of the distance that is moved (bounded confidence)."""
    susceptibility: float = Field(default=0.0, ge=0, le=1)
    """Chance that a person takes over an answer it hears from the assistant (with bounded confidence the share of the
    way to it). Released data show little loss of diversity by exposure, so nothing is assumed; the trait
    `susceptibility` overrides it."""
    listen: Literal["perspectives", "merged"] = "perspectives"
    """What a person hears: the answer of a culture, picked by its share of the response's references; or the merged
    answer. Without a reference, the merged one. Assumed."""
    speaks_on: str = ""
    """Layer on which the assistant is heard; the last one when not said."""
    asked: int = Field(default=4, ge=1)
    """Questions put to the assistant each tick: those that most people ask."""
    rounds: int = Field(default=0, ge=0)
    """Rounds of exposure after the first answer, a tick each: agents see each other's answers and answer again. People
    hear the last round's."""
    order: Literal["fixed", "shuffled"] = "fixed"
    """`shuffled`: options are shown to the agents in descending order every other tick by chance, for the audit's
    stability check."""
    references: int = Field(default=100, ge=1)
    """Most references to one culture that a response may hold."""
    reward: Literal["entropy", "approval"] = "entropy"
    """What the synthesiser is paid: the entropy of its references, or the share of people who hold its answers."""
    measures: tuple[Literal["agents", "people", "layers", "budget", "rsa", "regions", "audit"], ...] = (
        "agents",
        "people",
    )
    """Stocks to record beside the perspectives: alignment and diversity of agents, diversity of people (and on every
    layer), regret of a participatory budget, representational similarity (slow), largest cultural region (slow), and
    the audit's rows."""
    blocks: int = Field(default=6, ge=2)
    """Value dimensions that questions are grouped into, in the survey's order, for the audit."""
    projects: int = Field(default=13, ge=2)
    """Projects of the participatory budget; project p stands for the questions p, p + projects, ... (assumed)."""
    funded: int = Field(default=4, ge=1)
    """Projects of equal cost that the budget pays for."""
    votes: int = Field(default=20, ge=1)
    """Votes of each culture's agent (the published protocol: 20)."""
    matter: Literal["survey"] | None = None
    """`survey`: its questions and options are asked and answered in words. Without it nothing is put into words;
    measures stay the same."""

    _spoken = field_validator("language")(lambda given, info: language_of(given, PACKAGE, info.context))

    @model_validator(mode="after")
    def _layers(self) -> Self:
        names = [layer.name for layer in self.layers]
        if not names or len(set(names)) != len(names):
            raise ValueError(f"layers: names must differ and one is needed at least, given {names}")
        if self.speaks_on and self.speaks_on not in names:
            raise ValueError(f"speaks_on: no layer is called {self.speaks_on!r}; expected one of {names}")
        for layer in self.layers:
            if (layer.kind == "file") != bool(layer.file):
                raise ValueError(f"layers: {layer.name!r}: kind: file and file: PATH belong together")
        if self.funded >= self.projects:
            raise ValueError(f"funded: {self.funded} of {self.projects} projects leaves nothing to choose; lower it")
        return self

    @model_validator(mode="after")
    def _words(self) -> Self:
        s = self.survey
        if self.matter and not (s.source == "questions" or (s.source == "shares" and s.texts)):
            raise ValueError(
                f"matter: {self.matter}: the survey has no questions in words; set survey.source: questions, or give "
                "texts beside source: shares"
            )
        return self

    @property
    def voice(self) -> int:
        """Number of the layer on which the assistant is heard."""
        names = [layer.name for layer in self.layers]
        return names.index(self.speaks_on) if self.speaks_on else len(names) - 1
