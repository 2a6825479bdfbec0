"""From ambiguity, act and length to the chance of a right answer, and from there to both players' expected payoffs."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.envs.payoff import pricing, welfare
from populace.envs.payoff.options import PayoffOptions

ASKS = ("clear", "vague")
ACTS = ("direct", "clarify", "both")
SAFE_ACTS = ("redirect", "refuse")
"""What an assistant may also do where questions may be harmful."""

LOGGED = ((0.232, 0.477, 0.738), (0.659, 0.438, 0.801))
"""Share judged right, (ambiguous, not) x acts. Source: the rows of GTAlign's logged ambig_qa validations that
have four tags and a score; 44 and 32 rows for clarify. Acts and training steps are confounded there: a prior, no more.
"""

WORDS = (15.0, 23.0, 57.0, 40.0, 20.0)
"""Usual words of a response by act. Medians of the same rows; redirect and refuse are assumed."""
REASONING = (984.0, 1024.0, 850.0, 850.0, 850.0)
"""Usual characters before the response, as above."""
CHARACTERS_A_WORD = 6.2
"""Characters before the response a word outside it: 984 / 167, 1024 / 156 and 850 / 133 by act, as above."""
TYPED = (20.0, 8.0)
"""Words a user types for a clear and for a vague question. Assumed."""

RESOLVED = (0.0, 0.6, 0.3)
"""Share of ambiguity that an act takes away, for the answer it holds itself and for the next turn. Ours."""
LENGTH_SCALE = 25.0
"""Words at which an answer holds 1 - 1/e of what it should. Ours."""
TYPING = 0.30
"""Cost of a clear question to a user with typing cost 1 where `conflict` is 1, in welfare. Ours."""
WRITING = 0.30 / 57.0
"""Cost of a written word to the assistant where `conflict` is 1, in welfare. Ours."""
CLARIFYING = 0.15
"""Cost of a clarifying question beyond its words where `conflict` is 1: another turn to prepare. Ours."""


def unclear(ambiguity: Tensor, clear: Tensor, clarity: Tensor) -> Tensor:
    """What ambiguity is left after a question that was asked clearly (1) or vaguely (0); all [...]."""
    return ambiguity * (1.0 - clear * clarity)


def chance_right(options: PayoffOptions, ambiguity: Tensor, act: Tensor, words: Tensor) -> Tensor:
    """The chance that a turn answers rightly, [...] float32.

    `primitives`: skill (1 - exp(-words / 25)) (1 - a (1 - resolved)), so it falls with ambiguity and rises with length;
    a clarifying question answers nothing yet. `logged`: the logged shares, mixed by ambiguity.

    Args:
        options: The world's.
        ambiguity: [...] left after the question, in [0, 1].
        act: [...] int64 index into `ACTS`, `SAFE_ACTS`.
        words: [...] float32 words of the response.
    """
    device = ambiguity.device
    if options.accuracy == "logged":
        vague, clear = (torch.tensor((*row, 0.0, 0.0), device=device, dtype=torch.float32)[act] for row in LOGGED)
        return ambiguity * vague + (1.0 - ambiguity) * clear
    answers = torch.tensor((1.0, 0.0, 1.0, 0.0, 0.0), device=device, dtype=torch.float32)[act]
    kept = torch.tensor((*(1.0 - r for r in RESOLVED), 1.0, 1.0), device=device, dtype=torch.float32)[act]
    return options.skill * answers * (1.0 - torch.exp(words * (-1.0 / LENGTH_SCALE))) * (1.0 - ambiguity * kept)


def after(ambiguity: Tensor, act: Tensor) -> Tensor:
    """The ambiguity left for the next turn, [...]."""
    kept = torch.tensor((*(1.0 - r for r in RESOLVED), 1.0, 1.0), device=ambiguity.device, dtype=torch.float32)[act]
    return ambiguity * kept


def costs(options: PayoffOptions, act: Tensor, clear: Tensor, words: Tensor, typing: Tensor) -> tuple[Tensor, Tensor]:
    """What the turn costs user and assistant beyond money, [...] each."""
    clarifying = torch.tensor((0.0, CLARIFYING, 0.0, 0.0, 0.0), device=words.device, dtype=torch.float32)[act]
    return options.conflict * TYPING * typing * clear, options.conflict * (WRITING * words + clarifying)


@dataclass(frozen=True)
class Menu:
    """The acts of a world with their usual lengths: tensors [acts]."""

    act: Tensor
    words: Tensor
    reasoning: Tensor
    total: Tensor

    @staticmethod
    def of(options: PayoffOptions, device: torch.device) -> "Menu":
        """The acts that are open to the assistant."""
        k = len(acts(options))
        words, reasoning = (
            torch.tensor(WORDS[:k], device=device, dtype=torch.float32),
            torch.tensor(REASONING[:k], device=device, dtype=torch.float32),
        )
        return Menu(torch.arange(k, device=device), words, reasoning, words + reasoning / CHARACTERS_A_WORD)


def acts(options: PayoffOptions) -> tuple[str, ...]:
    """Labels of the assistant's acts."""
    return (*ACTS, *SAFE_ACTS) if options.harm.share > 0 else ACTS


def expected_game(
    options: PayoffOptions, kind: Tensor, ambiguity: Tensor, harmful: Tensor, turn: Tensor, rates: Tensor
) -> Tensor:
    """Both players' expected payoffs of one turn at usual lengths, priced: [..., 2, acts, 2] float32.

    A clarifying question is worth its own turn plus, if another turn is left and the user stays, a direct look ahead:
    the same manner of asking, answered at length with a follow-up.

    Args:
        options: The world's.
        kind: [..., 6] users' types.
        ambiguity: [...] of the question before it is asked.
        harmful: [...] the chance that its answer harms others.
        turn: [...] turns played in this conversation.
        rates: [..., 6] prices.
    """
    game, paid, margins = unpriced_game(options, kind, ambiguity, harmful, turn, rates)
    return pricing.priced(game, paid, margins, kind[..., 4, None, None], options.margin)


def unpriced_game(
    options: PayoffOptions, kind: Tensor, ambiguity: Tensor, harmful: Tensor, turn: Tensor, rates: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """The game without money [..., 2, acts, 2], and bills and margins [..., 2, acts]; see `expected_game`."""
    menu = Menu.of(options, ambiguity.device)
    clear = torch.tensor((1.0, 0.0), device=ambiguity.device, dtype=torch.float32).unsqueeze(-1)
    quality, brevity, patience, typing, _, clarity = (kind[..., k, None, None] for k in range(6))
    left = unclear(ambiguity[..., None, None], clear, clarity)
    right = chance_right(options, left, menu.act, menu.words)
    if options.accuracy == "primitives" and options.turns > 1:
        longest = torch.full_like(menu.act, 2)
        later = chance_right(options, after(left, menu.act), longest, torch.full_like(menu.words, WORDS[2]))
        more = (turn + 1 < options.turns).to(left.dtype)[..., None, None]
        right = torch.where(menu.act == 1, patience * more * later, right)
    user_right, assistant_right = judged(options, right, menu.act, harmful[..., None, None])
    user_cost, own_cost = costs(options, menu.act, clear, menu.words, typing)
    user = (
        welfare.EPSILON
        + 0.5 * quality * user_right
        + 0.2 * brevity * welfare.band(menu.words, *welfare.USER_WORDS)
        + 0.3 * welfare.brevity(menu.reasoning)
        - user_cost
    )
    own = welfare.assistant_welfare(
        torch.ones_like(menu.words), torch.full_like(menu.words, options.bonus), assistant_right, menu.total
    )
    typed = torch.tensor(TYPED, device=ambiguity.device, dtype=torch.float32).unsqueeze(-1)
    first = (turn == 0).to(left.dtype)[..., None, None]
    paid, margin = pricing.bill(rates[..., None, None, :], typed, menu.total, first)
    game = torch.stack((user, own - own_cost), -1)
    shape = game.shape[:-1]
    return game, paid.expand(shape), margin.expand(shape)


def judged(options: PayoffOptions, right: Tensor, act: Tensor, harmful: Tensor) -> tuple[Tensor, Tensor]:
    """(A_user, A_assistant) [...]: of a benign question the chance that it was answered, of a harmful one by stance."""
    if options.harm.share == 0:
        return right, right
    stance = torch.where(act < 3, 0, act - 2)
    user, own = (x.to(right.dtype) for x in welfare.harmful_answer(stance, options.harm.rule))
    safe = torch.where(act < 3, right, 0.0)
    return (1.0 - harmful) * safe + harmful * user, (1.0 - harmful) * safe + harmful * own
