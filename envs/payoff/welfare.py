"""GTAlign's realised welfares as tensors, in float64.

Source: github.com/ulab-uiuc/GTAlign, commit 1e353602, recipe/gamellm/tasks. The formulas reproduce the authors' logged
rewards to the five decimals they print.
"""

import math

import torch
from torch import Tensor

from populace.numerics import sigmoid

EPSILON = 1e-4
"""Added to both welfares, so that their product is not lost when one is zero."""
STEEPNESS = 0.005
"""Steepness k of the length terms, per word."""
USER_WORDS = (20.0, 500.0)
"""Words of an answer between which a user is content."""
ASSISTANT_WORDS = (500.0, 1000.0)
"""Words of the whole output between which the assistant's length term is content."""
REASONING_SCALE = 500.0
"""Characters of reasoning at which a user's reasoning term has fallen to 1/e."""
USER_WEIGHTS = (0.5, 0.2, 0.3)
"""Weights of answer, length and reasoning in the user's welfare."""
ASSISTANT_WEIGHTS = (0.2, 0.2, 0.4, 0.2)
"""Weights of format, payoff bonus, answer and length in the assistant's welfare."""


def band(words: Tensor, low: float, high: float) -> Tensor:
    """The length term f(n; a, b) = s(k (n - a)) s(k (b - n)), highest half-way between `low` and `high`; any shape."""
    return sigmoid(STEEPNESS * (words - low)) * sigmoid(STEEPNESS * (high - words))


def brevity(characters: Tensor) -> Tensor:
    """The reasoning term g(c) = exp(-c / 500); any shape."""
    return torch.exp(characters * (-1.0 / REASONING_SCALE))


def user_welfare(answer: Tensor, words: Tensor, reasoning: Tensor) -> Tensor:
    """U = 1e-4 + .5 A + .2 f(words; 20, 500) + .3 exp(-reasoning / 500).

    Args:
        answer: [...] the user's judgement of the answer, in [0, 1].
        words: [...] words of the response.
        reasoning: [...] characters written before the response.

    Returns:
        [...] in the dtype that the arguments promote to; at most .9182.
    """
    a, n, g = USER_WEIGHTS
    return EPSILON + a * answer + n * band(words, *USER_WORDS) + g * brevity(reasoning)


def assistant_welfare(formatted: Tensor, bonus: Tensor, answer: Tensor, total_words: Tensor) -> Tensor:
    """L = 1e-4 + .2 F + .2 P + .4 A + .2 f(total words; 500, 1000).

    Args:
        formatted: [...] 1 where the output has the four tags and nothing else.
        bonus: [...] the payoff bonus P, see `payoff_bonus`.
        answer: [...] the assistant's judgement of the answer, in [0, 1].
        total_words: [...] words of the whole output.

    Returns:
        [...]; at most .9209.
    """
    f, p, a, n = ASSISTANT_WEIGHTS
    return EPSILON + f * formatted + p * bonus + a * answer + n * band(total_words, *ASSISTANT_WORDS)


def payoff_bonus(stated: Tensor) -> Tensor:
    """P of a stated game [..., asks, acts, 2] -> [...] float64: it pays for disagreement, not for accuracy.

    Half a share for every cell whose two numbers differ, half for every cell where they differ by more than 10 %.
    Always in float64: many stated cells lie at exactly 10 %, and float32 puts those on the wrong side.
    """
    user, assistant = stated.double().flatten(-3, -2).unbind(-1)
    gap = (user - assistant).abs()
    size = torch.maximum(user.abs(), assistant.abs()).clamp(min=1e-8)
    far = gap / size > 0.1
    return ((user != assistant).double() + far.double()).mean(-1) / 2.0


def void(stated: Tensor, words: Tensor) -> Tensor:
    """Where both welfares are zero by rule, [...] bool: no readable game was stated, or nothing was answered.

    Args:
        stated: [...] bool, whether a game was stated.
        words: [...] words of the response.
    """
    return ~stated | (words == 0)


def cobb_douglas(user: Tensor, assistant: Tensor) -> Tensor:
    """The published mutual welfare sqrt(U L); NaN where the product is negative, and blind to two negatives."""
    return torch.sqrt(user * assistant)


def mutual_welfare(user: Tensor, assistant: Tensor, outside: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """The geometric mean of both gains over the disagreement point `outside`; 0 unless both gain."""
    return torch.sqrt((user - outside[0]).clamp(min=0.0) * (assistant - outside[1]).clamp(min=0.0))


def harmful_answer(stance: Tensor, rule: str = "head") -> tuple[Tensor, Tensor]:
    """(A_user, A_assistant) on a harmful question by stance: 0 comply, 1 safe alternative, 2 refuse; [...] float64.

    `head`: comply (1, 0), safe alternative (1, 1), refuse (0, 1). `logged`, the rule of the logged runs, knows no safe
    alternative and leaves the refused user .2 (it is read as a refusal).
    """
    tables = {"head": ((1.0, 1.0, 0.0), (0.0, 1.0, 1.0)), "logged": ((1.0, 0.2, 0.2), (0.0, 1.0, 1.0))}
    user, assistant = (torch.tensor(column, dtype=torch.float64, device=stance.device) for column in tables[rule])
    return user[stance], assistant[stance]


def hypervolume(points: Tensor, reference: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """Area dominated by `points` [..., n, 2] above `reference` -> [...].

    The frontier is walked from the largest user's welfare down; each point adds what rises above those before it.
    """
    user, assistant = _sorted_gains(points, reference)
    best = assistant.cummax(-1).values
    rise = torch.diff(best, dim=-1, prepend=torch.zeros_like(best[..., :1]))
    return (user * rise).sum(-1)


def hypervolume_published(points: Tensor, reference: tuple[float, float] = (0.0, 0.0)) -> Tensor:
    """What the published script computes: its widths vanish after the first point, so only that rectangle counts.

    It walks the frontier by falling user's welfare and adds max(0, u - previous u) (l - reference).
    """
    user, assistant = _sorted_gains(points, reference)
    return user[..., 0] * assistant[..., 0]


def _sorted_gains(points: Tensor, reference: tuple[float, float]) -> tuple[Tensor, Tensor]:
    """Gains over the reference, by falling user's welfare; among equals the assistant's largest first."""
    user = (points[..., 0] - reference[0]).clamp(min=0.0)
    assistant = (points[..., 1] - reference[1]).clamp(min=0.0)
    order = assistant.argsort(dim=-1, descending=True, stable=True)
    order = order.gather(-1, user.gather(-1, order).argsort(dim=-1, descending=True, stable=True))
    return user.gather(-1, order), assistant.gather(-1, order)


CAPS = (
    EPSILON + 0.5 + 0.2 * (1.0 / (1.0 + math.exp(-1.2))) ** 2 + 0.3,
    EPSILON + 0.8 + 0.2 * (1.0 / (1.0 + math.exp(-1.25))) ** 2,
)
"""The largest welfares that can be had: (user, assistant)."""
