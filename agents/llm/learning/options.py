"""What can be chosen about language models whose weights learn."""

from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from typing_extensions import TypeVar

from populace.agents.learning.options import RatedOptions, Shares, check_shares
from populace.agents.llm.backends.local_options import LocalOptions
from populace.agents.llm.backends.pocket import PocketOptions
from populace.agents.llm.learning.moves import Value
from populace.agents.llm.seats.options import SeatOptions
from populace.agents.scripted.nested import Nested
from populace.files import word_or_file
from populace.options import Options

RuleName = Literal[
    "policy-gradient", "rloo", "grpo", "sft", "expert-iteration", "kto", "dpo", "ipo", "simpo"
]  # fmt: skip
"""Rules, by name; `populace.agents.llm.learning.rules` says what each does."""


class Teacher(Options):
    """Whose replies are learned from in place of its own, by likelihood (supervised fine-tuning)."""

    script: Nested | None = None
    """A script: what it would do in every seat that is learned from, in words."""
    shares: Shares = Field(default_factory=dict)
    """Or a mixture: the share of each label of the learned choice (or of each move), whatever is asked."""
    rounds: int | None = Field(default=None, ge=1)
    """How many rounds it teaches, from the first, before the ratings are learned from; None: all. A few rounds of
    `shares` give a model known chances to start with: what has no chance at all can never be learned from ratings."""
    rate: float = Field(default=5e-3, ge=0)
    """Step size (AdamW, whose moments begin anew in every round) of a round's first step; steps fade to 0 in a straight
    line. 0: nothing is taught (a control)."""
    epochs: int = Field(default=16, ge=1)
    """Steps a round, each over all replies of the round."""

    @model_validator(mode="after")
    def _one(self) -> Self:
        if (self.script is None) == (not self.shares):
            raise ValueError("teacher: give either a script or shares")
        check_shares("shares", self.shares)
        return self


class TrainingOptions(RatedOptions):
    """How the weights of a language model are trained between rounds."""

    rule: RuleName = "kto"
    """How ratings change the weights: `policy-gradient`, `rloo` and `grpo` climb ratings, `sft` and `expert-iteration`
    imitate the best replies, `kto` tells the best from the worst, and `dpo`, `ipo` and `simpo` compare replies to the
    same prompt (where no prompt was asked twice, they learn nothing)."""
    teacher: Teacher | None = None
    """A script or a mixture to learn from, for some rounds or always; None for none."""
    moves: dict[str, dict[str, Value]] = Field(default_factory=dict)
    """Named moves to choose among, each with what it does (field -> label, number or list): for roles whose actions
    hold numbers. The model is shown fields and asked for the name of a move. Not given: it is asked in the world's
    words."""
    rest: Nested | None = None
    """With `moves`: the script that does what a move leaves out; not given, fields are at their defaults."""
    context: tuple[str, ...] | None = None
    """With `moves`: the fields that the model is shown; all when not given. Few fields mean few different prompts."""
    adapter: str = ""
    """Where the weights start: a folder in PEFT's format, such as `peft_folder.save` writes, or for pocket `hu-2025`,
    which chooses acts with the shares of the study's base model. It fixes rank, alpha and targets. Not given: the model
    as it is."""
    rank: int = Field(default=8, ge=0)
    """Rank of the adapter of each layer (LoRA, Hu et al. 2021); 0 trains all weights, each world with a copy of its
    own."""
    alpha: float | None = Field(default=None, gt=0)
    """The adapter is multiplied by alpha / rank; twice the rank when not given."""
    targets: tuple[str, ...] = ()
    """Last parts of the names of the linear layers that are adapted, such as `q_proj`; () for all but the head."""
    optimiser: Literal["sgd", "adamw"] = "sgd"
    """How a gradient becomes a step. `sgd` steps by rate times the gradient, so that a round changes much where raters
    agree and little where ratings are noise. A step of `adamw` has the same size in both, as it divides by the size of
    the gradient: a learner whose ratings mean nothing then wanders off at random, and a control with shuffled ratings
    does not hold."""
    rate: float = Field(default=0.05, ge=0)
    """Step size; it depends on the model and on the optimiser (for `adamw` about 2e-3). Choose it so that the measure
    `kl` stays below `kl_round` where raters agree, and far below it in an arm with shuffled ratings. 0 freezes the
    learner (a control)."""
    epochs: int = Field(default=2, ge=1)
    """Steps a round, each over all replies of the round."""
    kl: float = Field(default=0.0, ge=0)
    """Weight in the loss of the KL divergence from the reference."""
    kl_round: float | None = Field(default=0.03, gt=0)
    """Divergence of the policy from its start of the round at which the round ends; the step that would exceed it is
    halved until it does not. It guards against a rate that is too large; where it ends every round, noise moves a
    learner as far as agreement does. None for no limit."""
    clip_norm: float = Field(default=1.0, gt=0)
    """The gradient of a world is scaled down to this norm."""
    kept: float = Field(default=0.5, gt=0, le=0.5)
    """Share of the conversations kept as the best, and as the worst; at least one of each stratum."""
    within: tuple[str, ...] = ()
    """Fields whose combinations are strata, each with a quota of its own: () global, (topic,), (topic, cue), ..."""
    beta: float = Field(default=0.5, gt=0)
    """Strength of the implicit KL of `kto`, `dpo` and `ipo`; scale of `simpo`."""
    undesirable: float = Field(default=1.0, ge=0)
    """Weight of the worst against the best in `kto`."""
    gamma: float = Field(default=0.5, ge=0)
    """Margin of `simpo`."""
    clip: float = Field(default=0.2, gt=0, lt=1)
    """How far `grpo` lets the ratio to the round's start go."""

    _there = field_validator("adapter")(
        lambda given, info: given if not given else word_or_file(given, ("hu-2025",), info.context)
    )

    @model_validator(mode="after")
    def _moved(self) -> Self:
        if len(self.moves) == 1:
            raise ValueError("moves: a choice needs two moves at least")
        if not self.moves and (self.rest is not None or self.context is not None):
            raise ValueError("rest and context belong to moves: a list of moves to choose among is missing")
        return self

    @model_validator(mode="after")
    def _no_tape(self) -> Self:
        if getattr(self, "tape", None) is not None:
            raise ValueError(
                "tape: replies of a model whose weights learn depend on what it has learned, which a tape does not "
                "know; leave tape out"
            )
        return self


class PocketLearnerOptions(SeatOptions, PocketOptions, TrainingOptions):
    """The shipped model, who sits on its seats, and how its weights learn."""

    order: Literal["dealt", "stated"] = "stated"
    """In which order a prompt lists the options of a choice; it was trained on the order that worlds state."""
    temperature: float = Field(default=1.0, ge=0)
    """At 1 acts have the chances that are trained; 0: the likeliest reply."""


class TransformersLearnerOptions(SeatOptions, LocalOptions, TrainingOptions):
    """Which model, who sits on its seats, and how its weights learn."""

    order: Literal["dealt", "stated"] = "stated"
    """In which order a prompt lists the options of a choice. As they are stated, many users are asked the same, and a
    round costs little; `dealt`, nearly every prompt is another one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "float32"
    """Type of the weights that are not trained; adapters are float32."""


TextLearnerOptionsT = TypeVar(
    "TextLearnerOptionsT", bound=PocketLearnerOptions | TransformersLearnerOptions, default=Any
)
