"""Prices as a regime: what a user pays and a provider earns, and what an optimiser should do about it.

Prices are in units of welfare of a user with price sensitivity 1 (assumed: GTAlign has no money in it).
"""

from typing import Literal

import torch
from pydantic import Field
from torch import Tensor

from populace.games.bargaining import nash_product_set, product_set, security
from populace.options import Options


class Pricing(Options):
    """A pricing policy, with the provider's costs."""

    policy: Literal["free", "per_token", "per_call", "subscription"] = "free"
    """Who pays for what; the prices below count only under the policy that names them."""
    word_in: float = Field(default=0.2, ge=0)
    """`per_token`: price of 1,000 words that a user types (a token is about 3/4 of a word)."""
    word_out: float = Field(default=1.0, ge=0)
    """`per_token`: price of 1,000 words that the assistant writes, reasoning included."""
    call: float = Field(default=0.05, ge=0)
    """`per_call`: price of a turn."""
    fee: float = Field(default=0.1, ge=0)
    """`subscription`: price of a conversation, however long."""
    cost_word: float = Field(default=0.2, ge=0)
    """Cost to the provider of 1,000 words written."""
    cost_call: float = Field(default=0.01, ge=0)
    """Cost to the provider of a turn."""

    def rates(self) -> tuple[float, float, float, float, float, float]:
        """Per word in, word out, call, conversation; and the provider's cost per word and call."""
        token, call, fee = (self.policy == name for name in ("per_token", "per_call", "subscription"))
        return (
            token * self.word_in / 1000.0,
            token * self.word_out / 1000.0,
            call * self.call,
            fee * self.fee,
            self.cost_word / 1000.0,
            self.cost_call,
        )


RATES = ("word_in", "word_out", "call", "conversation", "cost_word", "cost_call")
"""What the last dimension of `rates` holds, each a unit."""


def bill(rates: Tensor, words_in: Tensor, words_out: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
    """What a turn costs the user, and the provider's margin on it.

    Args:
        rates: [..., 6] as `RATES`.
        words_in: [...] words typed.
        words_out: [...] words written, reasoning included.
        first: [...] 1 in the first turn of a conversation, else 0.

    Returns:
        Bill [...] and margin [...], in welfare of a user with price sensitivity 1.
    """
    paid = rates[..., 0] * words_in + rates[..., 1] * words_out + rates[..., 2] + rates[..., 3] * first
    return paid, paid - rates[..., 4] * words_out - rates[..., 5]


def priced(game: Tensor, bills: Tensor, margins: Tensor, sensitivity: Tensor, weight: float) -> Tensor:
    """The exact game under prices: users lose what they pay, assistants gain a share of the margin.

    Args:
        game: [..., m, k, 2] without prices.
        bills: [..., m, k].
        margins: [..., m, k].
        sensitivity: Broadcast against [..., m, k].
        weight: What a unit of margin is worth to the assistant.
    """
    return torch.stack((game[..., 0] - sensitivity * bills, game[..., 1] + weight * margins), -1)


SHIFT_ACTS = 3
"""The published shift knows three acts: direct, clarify, both."""


def shifted(game: Tensor, assistant: float = -2.0, user: float = -2.0) -> Tensor:
    """The published steering rule: a constant off one side, a bonus by act to the other, rounded to one decimal.

    With `assistant` != 0 the assistant loses |assistant| in all cells and the user gains 0, .5, 1 for direct, clarify,
    both; else with `user` != 0 the user loses and the assistant gains 1, 0, .5. If both are set, `user` is ignored.
    Source: GTAlign, commit 1e353602, inference_v2.transform_payoffs.

    Args:
        game: [..., m, 3 or more, 2]; acts beyond the third get no bonus.
        assistant: Shift of the assistant's payoffs.
        user: Shift of the user's payoffs.
    """
    bonus = torch.zeros((2, game.shape[-2]), dtype=game.dtype, device=game.device)
    constant = (0.0, 0.0)
    if assistant != 0:
        bonus[0, 1], bonus[0, 2], constant = 0.5, 1.0, (0.0, assistant)
    elif user != 0:
        bonus[1, 0], bonus[1, 2], constant = 1.0, 0.5, (user, 0.0)
    moved = torch.stack((game[..., 0] + bonus[0] + constant[0], game[..., 1] + bonus[1] + constant[1]), -1)
    return torch.round(moved * 10.0) / 10.0


def shift_act(game: Tensor, assistant: float = 0.0, user: float = -2.0) -> Tensor:
    """The act the published rule picks: of the largest product in the shifted game (of tied cells the first), [...]."""
    picked = product_set(shifted(game, assistant, user))
    return picked.to(torch.int8).argmax(-1) % game.shape[-2]


def solved_act(game: Tensor, row: Tensor, outside: Tensor | None = None) -> Tensor:
    """The exact optimum in the row that was observed, [...]: the largest product of gains over the disagreement point.

    Where no act is as good as the disagreement point for both, the act of the largest smaller gain.

    Args:
        game: [..., m, k, 2], with prices in it.
        row: [...] int64, the user's act.
        outside: [..., 2]; default both players' security in the whole game.
    """
    outside = security(game) if outside is None else outside
    pick = row.reshape(*row.shape, 1, 1, 1).expand(*row.shape, 1, *game.shape[-2:])
    seen = game.gather(-3, pick)
    allowed = nash_product_set(seen, outside)
    fallback = (seen.squeeze(-3) - outside.unsqueeze(-2)).amin(-1).argmax(-1)
    return torch.where(allowed.any(-1), allowed.to(torch.int8).argmax(-1), fallback)
