"""What all learners from feedback have in common."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from typing_extensions import TypeVar

from populace.options import Options

Shares = dict[str, float]
"""Label of a choice -> its share."""


class Veto(Options):
    """A monitor that flags acts, and errs: what it flags is not rewarded."""

    acts: tuple[str, ...] = Field(min_length=1)
    """Labels it is to flag."""
    catch: float = Field(default=0.9, ge=0, le=1)
    """Chance that such an act is flagged."""
    false_alarm: float = Field(default=0.05, ge=0, le=1)
    """Chance that any other act is flagged."""
    negative: bool = False
    """Whether flagged conversations may still count among the worst (negative training), or are dropped altogether.
    Learners from means take a flagged conversation as rated `floor`."""
    floor: float = 0.0
    """The rating that learners from means put in place of a flagged conversation's, in negative training."""


class Safe(Options):
    """Safe data mixed in: examples of one act beside what the ratings select."""

    act: str
    """Label of the act that the data show."""
    share: float = Field(ge=0, lt=1)
    """Share of the training data."""
    domain: Literal["outside", "inside"] = "outside"
    """Where the examples lie. `outside`: in what seats see that nobody rates, as in the published runs, which mix in
    data of another domain. `inside` (assumed): in every context that is learned from, in the same share."""


class Evaluators(Options):
    """Raters weighted by evidence: w <- w exp(-eta loss) after sparse checks (Ghasemi and Crowley's ESA)."""

    bad: tuple[str, ...] = Field(min_length=1)
    """Labels that a check shows to deserve a rating of 0; all others deserve 1."""
    checks: float = Field(default=0.05, ge=0, le=1)
    """Share of conversations that are checked."""
    eta: float = Field(default=2.0, ge=0)
    """How fast a rater loses weight; the loss is the distance of the rating from the deserved one."""


class RatedOptions(Options):
    """Options of every learner from ratings, whatever its policy is made of."""

    field: str | None = None
    """The choice it learns; None for the first choice its role does. Its other actions stay at their defaults."""
    rated: str = "rated"
    """The flag, where the world shows one of this name, of seats that may be learned from."""
    turns: int = Field(default=1, ge=1)
    """Decisions a conversation; their rewards are summed and each decision is paid the sum."""
    reference: Literal["fixed", "previous"] = "previous"
    """What KL penalties hold on to: the base policy, or the policy of the round before."""
    rate: float = Field(default=1.0, ge=0)
    """Step size; each rule says of what. 0 freezes the learner (a control)."""
    decay: float = Field(default=1.0, gt=0, le=1)
    """What the step size is multiplied by after every round."""
    centred: bool = False
    """Mitigation: subtract from each rating the mean of that seat's earlier ones (the world's, in the first round)."""
    veto: Veto | None = None
    """Mitigation: an imperfect monitor."""
    safe: Safe | None = None
    """Mitigation: safe data mixed in."""
    evaluators: Evaluators | None = None
    """Mitigation: raters weighted by evidence."""


class LearnerOptions(RatedOptions):
    """Options of every learner from feedback with a policy of its own."""

    model: Literal["tabular", "linear", "network"] = "tabular"
    """How the policy depends on what is seen: a row of logits a context, linear in features, or one hidden layer."""
    context: tuple[str, ...] | None = None
    """Fields it looks at; None for all: choices and flags (tabular), reals too (linear, network)."""
    bias: bool = True
    """Whether linear and network policies have a constant feature beside the fields."""
    hidden: int = Field(default=16, ge=1)
    """Units of the network's hidden layer."""
    start: Shares = Field(default_factory=dict)
    """The base policy's shares; empty for equal ones. Labels not named get `floor`."""
    start_in: dict[str, Shares] = Field(default_factory=dict)
    """Other base shares where a choice seen has a label: `{"cue=benign": {...}}`; all keys name one field."""
    floor: float = Field(default=1e-6, gt=0, le=0.1)
    """Smallest share a label has in the base policy: what has no share at all can never be learned."""

    @field_validator("start")
    @classmethod
    def _start(cls, value: Shares) -> Shares:
        return check_shares("start", value)

    @field_validator("start_in")
    @classmethod
    def _start_in(cls, value: dict[str, Shares]) -> dict[str, Shares]:
        for key, shares in value.items():
            if key.count("=") != 1:
                raise ValueError(f"start_in: {key!r} must read field=label, as in 'cue=benign'")
            check_shares(f"start_in[{key}]", shares)
        if len({key.split("=")[0] for key in value}) > 1:
            raise ValueError(f"start_in: {sorted(value)} name several fields; base shares may depend on one only")
        return value

    @model_validator(mode="after")
    def _sees_it(self) -> Self:
        fields = {key.split("=")[0] for key in self.start_in}
        if self.model == "tabular" and self.context is not None and not fields <= set(self.context):
            raise ValueError(f"start_in: a tabular policy must see {sorted(fields)}; add it to context")
        return self


LearnerOptionsT = TypeVar("LearnerOptionsT", bound=LearnerOptions, default=Any)


class SelectionOptions(LearnerOptions):
    """Options of learners that keep the best conversations."""

    kept: float = Field(default=1 / 16, gt=0, le=0.5)
    """f: share kept as the best, and as the worst; at least one conversation of each stratum."""
    within: tuple[str, ...] = ()
    """Fields whose combinations are strata, each with a quota of its own: () global, (topic,), (topic, cue), ..."""


class GradientOptions(LearnerOptions):
    """Options of learners that climb a gradient."""

    epochs: int = Field(default=1, ge=1)
    """Steps a round."""
    kl: float = Field(default=0.0, ge=0)
    """Weight of the KL divergence from the reference."""


class GradientSelectionOptions(SelectionOptions):
    """Options of learners that climb a gradient on the best (and worst) conversations."""

    epochs: int = Field(default=4, ge=1)
    """Steps a round."""
    kl: float = Field(default=0.0, ge=0)
    """Weight of the KL divergence from the reference."""


def check_shares(name: str, value: Shares) -> Shares:
    """The shares themselves.

    Raises:
        ValueError: They are below 0, or do not sum to 1.
    """
    if value and (min(value.values()) < 0 or abs(sum(value.values()) - 1.0) > 1e-6):
        raise ValueError(f"{name}: shares must be at least 0 and sum to 1, got {value} (sum {sum(value.values()):g})")
    return value
