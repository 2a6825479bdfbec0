"""Preference families with known ground truth: how users choose between two answers, and with how much noise.

With utilities U_a, U_b of the two answers shown first and second, and the user's own beta, bias, tie and flip:

    P(choose a) = (1 - flip) p + flip (1 - p),   p = sigmoid(beta (U_a - U_b) + bias)   (Bradley and Terry 1952)

and the user abstains when |U_a - U_b| < tie. Utilities of an answer with features x, for a user with values z:

    linear               z . x, z scaled to length 1 when `unit`
    ideal-point          -|x - z|^2                                               (Coombs 1950)
    prompt-ideal-point   -|x - z(q)|^2 with z(q) = sum_k w_k M_k q, for a prompt q and the user's mixture weights w_k
    lexical              x_0 - penalty * (risks in x_1... that the user does not allow)

Assumed: the tie is a sharp threshold on the noiseless gap; position bias favours what is shown first; a
flip happens after everything else. Questionnaires are answered by `respond`, a graded response model.
"""

from dataclasses import dataclass
from typing import Literal

import torch
from pydantic import Field, field_validator, model_validator
from torch import Tensor

from populace.agents.users.distributions import Discrete, Distribution
from populace.draw import Draw
from populace.errors import PopulaceError
from populace.numerics import apply_linear, sigmoid
from populace.options import Options
from populace.population import People

FIRST, SECOND, NEITHER = 0, 1, 2
"""What `compare` returns: the answer shown first, the one shown second, or none of them."""

Family = Literal["linear", "ideal-point", "prompt-ideal-point", "lexical"]


class PreferenceSpec(Options):
    """How users choose. Numbers may be distributions; they become traits, which segments may set otherwise."""

    family: Family = "linear"
    """What an answer is worth to a user; the formulas are in docs/populations.md."""
    beta: Distribution = Distribution(constant=1.0)
    """Inverse temperature: 0 chooses at random, a large one always takes the better answer."""
    flip: Distribution = Distribution(constant=0.0)
    """Chance that the choice is recorded the wrong way round."""
    position_bias: Distribution = Distribution(constant=0.0)
    """Added to the log-odds of the answer shown first."""
    tie: Distribution = Distribution(constant=0.0)
    """A user abstains when the utilities are closer than this."""
    unit: bool = True
    """Linear: scale each user's values to length 1, so that beta alone sets the noise."""
    risks: dict[str, float] = Field(default_factory=dict)
    """Lexical: risk -> the chance that a user allows it."""
    penalty: float = Field(1000.0, gt=0)
    """Lexical: utility lost by a risk that is not allowed; above the range of x_0 no help makes up for it."""
    prompt_dims: int = Field(2, ge=1)
    """Prompt-ideal-point: features of a prompt."""

    @field_validator("beta", "flip", "position_bias", "tie")
    @classmethod
    def _alone(cls, dist: Distribution) -> Distribution:
        if dist.joint or dist.categorical is not None:
            raise ValueError(f"{dist.kind} does not give one number per user")
        return dist

    @field_validator("beta", "flip", "tie")
    @classmethod
    def _positive(cls, dist: Distribution) -> Distribution:
        if dist.constant is not None and dist.constant < 0:
            raise ValueError(f"{dist.constant:g} is negative; it must be 0 or more")
        return dist

    @field_validator("flip")
    @classmethod
    def _chance(cls, dist: Distribution) -> Distribution:
        if dist.constant is not None and dist.constant > 1:
            raise ValueError(f"a chance of {dist.constant:g}: it lies between 0 and 1")
        return dist

    @field_validator("risks")
    @classmethod
    def _chances(cls, risks: dict[str, float]) -> dict[str, float]:
        for risk, chance in risks.items():
            if not 0 <= chance <= 1:
                raise ValueError(f"the chance that {risk!r} is allowed is {chance:g}; it lies between 0 and 1")
        return risks

    @model_validator(mode="after")
    def _risky(self) -> "PreferenceSpec":
        if (self.family == "lexical") != bool(self.risks):
            raise ValueError("risks belong to the lexical family, which needs one or more of them")
        return self

    @property
    def traits(self) -> dict[str, Distribution]:
        """The traits that these preferences add to a population."""
        noise = {"beta": self.beta, "flip": self.flip, "position_bias": self.position_bias, "tie": self.tie}
        allowed = {
            f"allows/{risk}": Distribution(discrete=Discrete(options=(0, 1), weights=(1 - chance, chance)))
            for risk, chance in self.risks.items()
        }
        return noise | allowed


@dataclass(frozen=True)
class Preferences:
    """The preferences of sampled people, ground truth included.

    Attributes:
        spec: Family and options.
        theta: [worlds, users, values] weights or ideal points; for the lexical family [worlds, users, risks], 1 where
            a risk is allowed.
        beta: [worlds, users] inverse temperature.
        flip: [worlds, users] chance of a flipped label.
        bias: [worlds, users] log-odds for what is shown first.
        tie: [worlds, users] threshold of abstention.
        weights: [worlds, users, groups] mixture weights, or None.
        maps: [worlds, groups, values, prompt features] ideal points by prompt, or None.
    """

    spec: PreferenceSpec
    theta: Tensor
    beta: Tensor
    flip: Tensor
    bias: Tensor
    tie: Tensor
    weights: Tensor | None = None
    maps: Tensor | None = None

    @staticmethod
    def of(people: People, spec: PreferenceSpec, draw: Draw | None = None) -> "Preferences":
        """The preferences of `people`; traits they lack take the constants of `spec`.

        Args:
            people: Sampled users.
            spec: Family and options.
            draw: Needed by the prompt-dependent family only, for its maps M_k (standard normal, one set a world).

        Raises:
            PopulaceError: The prompt-dependent family without a draw, or without mixture weights.
        """
        theta, weights, maps = people.values, None, None
        if spec.family == "linear" and spec.unit:
            theta = theta * torch.rsqrt(theta.square().sum(-1, keepdim=True).clamp_min(1e-24))
        if spec.family == "lexical":
            theta = torch.stack([people.trait(f"allows/{risk}") for risk in spec.risks], dim=-1)
        if spec.family == "prompt-ideal-point":
            names = [name for name in people.traits if name.startswith("weight/")]
            if draw is None or not names:
                raise PopulaceError(
                    "the prompt-ideal-point family needs a draw and people with mixture weights (traits weight/0, "
                    "weight/1, ...): give the population a hierarchy"
                )
            weights = torch.stack([people.traits[name] for name in names], dim=-1)
            maps = draw.normal("preference/maps", len(names), theta.shape[-1], spec.prompt_dims)

        def noise(name: str, dist: Distribution) -> Tensor:
            return people.trait(name, dist.constant)

        return Preferences(
            *(spec, theta, noise("beta", spec.beta), noise("flip", spec.flip)),
            *(noise("position_bias", spec.position_bias), noise("tie", spec.tie), weights, maps),
        )


def utility(preferences: Preferences, x: Tensor, prompt: Tensor | None = None) -> Tensor:
    """What answers are worth to every user.

    Args:
        preferences: Of the users.
        x: [pairs, features], [worlds, 1, pairs, features] or [worlds, users, pairs, features].
        prompt: [pairs, prompt features], for the prompt-dependent family.

    Returns:
        [worlds, users, pairs], without noise.
    """
    spec, theta = preferences.spec, preferences.theta
    if spec.family == "linear":
        _same(x.shape[-1], theta.shape[-1], "features", "values")
        return apply_linear(theta, x)
    if spec.family == "lexical":
        _same(x.shape[-1] - 1, theta.shape[-1], "features after the first", "risks")
        return x[..., 0] - spec.penalty * apply_linear(1 - theta, x[..., 1:])
    _same(x.shape[-1], theta.shape[-1], "features", "values")
    out = None
    for d in range(x.shape[-1]):
        gap = x[..., d] - _ideal(preferences, d, prompt)
        out = -gap * gap if out is None else torch.addcmul(out, gap, gap, value=-1)
    assert out is not None
    return out


def _ideal(preferences: Preferences, d: int, prompt: Tensor | None) -> Tensor:
    """Dimension d of the ideal point, [worlds, users, 1 or pairs]."""
    if preferences.maps is None:
        return preferences.theta[..., d, None]
    if prompt is None or preferences.weights is None:
        raise PopulaceError("the prompt-ideal-point family needs the prompts [pairs, prompt features]")
    _same(prompt.shape[-1], preferences.maps.shape[-1], "prompt features", "prompt_dims")
    by_group = apply_linear(preferences.maps[:, :, d], prompt)  # [worlds, groups, pairs]
    return apply_linear(preferences.weights, by_group.transpose(-1, -2).unsqueeze(1))


def _same(given: int, expected: int, what: str, of: str) -> None:
    if given != expected:
        raise PopulaceError(f"{given} {what} for {expected} {of}: they must be as many")


def chance(preferences: Preferences, a: Tensor, b: Tensor, prompt: Tensor | None = None) -> Tensor:
    """Probability that `a`, shown first, is chosen by a user who does not abstain: [worlds, users, pairs]."""
    gap = utility(preferences, a, prompt) - utility(preferences, b, prompt)
    return _chance(preferences, gap)


def _chance(preferences: Preferences, gap: Tensor) -> Tensor:
    p = sigmoid(preferences.beta.unsqueeze(-1) * gap + preferences.bias.unsqueeze(-1))
    flip = preferences.flip.unsqueeze(-1)
    return p + flip * (1 - 2 * p)


def compare(preferences: Preferences, a: Tensor, b: Tensor, draw: Draw, prompt: Tensor | None = None) -> Tensor:
    """Every user's choice in every pair: [worlds, users, pairs] int64, 0 for `a` (shown first), 1 for `b`, 2 for none.

    Args:
        preferences: Of the users.
        a: Features of the answers shown first; see `utility` for shapes.
        b: Features of the answers shown second.
        draw: One uniform number per user and pair.
        prompt: [pairs, prompt features], for the prompt-dependent family.
    """
    gap = utility(preferences, a, prompt) - utility(preferences, b, prompt)
    second = draw.uniform("compare", *gap.shape[1:]) >= _chance(preferences, gap)
    return torch.where(gap.abs() < preferences.tie.unsqueeze(-1), NEITHER, second.to(torch.int64))


@dataclass(frozen=True)
class Items:
    """Questionnaire items of a graded response model (Samejima 1969).

    Attributes:
        dimension: [items] int64, the value dimension an item asks for.
        slope: [items] discrimination a > 0.
        steps: [items, options - 1] thresholds b, increasing, in the units of the values.
        key: [items] +1, or -1 for items worded the other way round.
    """

    dimension: Tensor
    slope: Tensor
    steps: Tensor
    key: Tensor


def respond(values: Tensor, items: Items, draw: Draw) -> Tensor:
    """Answers 1 ... options of every user: values [worlds, users, values] -> [worlds, users, items] int64.

    P(answer > k) = sigmoid(a (theta - b_k)); an item of key -1 is answered as if theta were -theta.
    """
    theta = values[..., items.dimension] * items.key
    uniform = draw.uniform("respond", *theta.shape[1:])
    above = [uniform < sigmoid(items.slope * (theta - items.steps[:, k])) for k in range(items.steps.shape[1])]
    return 1 + torch.stack(above, dim=-1).sum(-1)
