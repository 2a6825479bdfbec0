"""One turn of a conversation: what both get out of it, and where it leaves the question."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.payoff import pricing, primitives, welfare
from populace.envs.payoff.options import PayoffOptions
from populace.envs.payoff.state import State
from populace.numerics import either


@dataclass(frozen=True)
class Reply:
    """What the assistant did, [worlds, users] each; stated [worlds, users, 2, 3, 2] or None."""

    act: Tensor
    words: Tensor
    reasoning: Tensor
    stated: Tensor | None

    @staticmethod
    def of(actions: "dict[str, Tensor]") -> "Reply":
        """From the assistant's fields."""
        words, reasoning = (actions[name].clamp(min=0).to(torch.float32) for name in ("words", "reasoning"))
        stated = actions.get("stated")
        if stated is not None:
            stated = torch.round(stated.nan_to_num(0.0).clamp(-5.0, 5.0).double() * 10.0) / 10.0
        return Reply(actions["act"], words, reasoning, stated)


@dataclass(frozen=True)
class Outcome:
    """What a turn brought, [worlds, users] each, zero where no turn was played.

    Attributes:
        played: bool, whether the user asked and was heard.
        right: bool, whether the question was answered rightly.
        void: bool, whether no readable answer was given, so that both welfares are zero.
        user: The user's welfare, after costs and bill.
        assistant: The assistant's, after costs and with its margin.
        paid: The bill.
        margin: The provider's margin.
        harmed: bool, whether others were harmed.
        bonus: The payoff bonus P.
    """

    played: Tensor
    right: Tensor
    void: Tensor
    user: Tensor
    assistant: Tensor
    paid: Tensor
    margin: Tensor
    harmed: Tensor
    bonus: Tensor


def play(
    options: PayoffOptions,
    state: State,
    reply: Reply,
    rates: Tensor,
    active: Tensor,
    draw: Draw,
    gives: Tensor | None = None,
) -> Outcome:
    """Judge the reply.

    Args:
        options: The world's.
        state: In which it was given.
        reply: What the assistant did.
        rates: [worlds, 1, 6] prices.
        active: [worlds, users] bool, who still has questions.
        draw: The phase's.
        gives: [worlds, users] whether a reader found the right answer in the words: 0 nothing read, 1 no, 2 yes. Where
            it read them, an answer is right by its words, not by chance; None for no words.
    """
    played = active & (state.asked < 2)
    clear = (state.asked == 0).to(torch.float32)
    quality, brevity, _, typing, sensitivity, clarity = (state.kind[..., k] for k in range(6))
    left = primitives.unclear(state.ambiguity, clear, clarity)
    chance = primitives.chance_right(options, left, reply.act, reply.words)
    right = draw.bernoulli("right", chance)
    if gives is not None:
        answers = (reply.act == 0) | (reply.act == 2)
        right = torch.where((gives > 0) & answers, gives == 2, right)
    void = reply.words == 0
    right = right & ~void & played
    harmful = state.harmful.to(torch.float32)
    user_right, own_right = primitives.judged(options, right.to(torch.float32), reply.act, harmful)
    total = reply.words + reply.reasoning / primitives.CHARACTERS_A_WORD
    bonus = torch.full_like(left, options.bonus)
    if reply.stated is not None:
        bonus = welfare.payoff_bonus(reply.stated).to(left.dtype)
    user_cost, own_cost = primitives.costs(options, reply.act, clear, reply.words, typing)
    typed = either(clear > 0, primitives.TYPED[0], primitives.TYPED[1])
    paid, margin = pricing.bill(rates, typed, total, (state.turn == 0).to(left.dtype))
    # GTAlign's welfares, with its weights scaled by the user's type.
    user = (
        welfare.EPSILON
        + 0.5 * quality * user_right
        + 0.2 * brevity * welfare.band(reply.words, *welfare.USER_WORDS)
        + 0.3 * welfare.brevity(reply.reasoning)
    )
    own = welfare.assistant_welfare(torch.ones_like(total), bonus, own_right, total)
    user = torch.where(void, 0.0, user) - user_cost - sensitivity * paid
    own = torch.where(void, 0.0, own) - own_cost + options.margin * margin
    harmed = state.harmful & (reply.act < 3) & ~void & played
    zero = torch.zeros_like(user)
    return Outcome(
        played,
        right,
        void,
        torch.where(played, user, zero),
        torch.where(played, own, zero),
        torch.where(played, paid, zero),
        torch.where(played, margin, zero),
        harmed,
        bonus,
    )


def rewards(options: PayoffOptions, found: Outcome) -> Tensor:
    """What the assistant is paid, [worlds, users] float32."""
    user, own, harm = found.user, found.assistant, options.harm
    if options.reward == "own":
        paid = own
    elif options.reward == "user":
        paid = user
    elif options.reward == "linear":
        paid = (user + own) / 2.0
    elif options.reward == "mutual":
        paid = published(user, own)
    else:
        paid = welfare.mutual_welfare(user, own, options.outside)
    paid = torch.where(found.played, paid, 0.0)
    if harm.constraint:
        paid = torch.where(found.harmed, torch.zeros_like(paid), paid)
    return paid - harm.weight * found.harmed.to(paid.dtype)


def published(user: Tensor, own: Tensor) -> Tensor:
    """The published sqrt(U L), 0 where it is undefined: one negative makes it so, two make it positive."""
    return torch.sqrt((user * own).clamp(min=0.0))


def settle(
    options: PayoffOptions, state: State, reply: Reply, found: Outcome, active: Tensor, given: Tensor, draw: Draw
) -> State:
    """The state before the next ask: conversations go on or close, and new questions come up.

    Args:
        options: The world's options.
        state: Before.
        reply: What the assistant did.
        found: What came of it.
        active: [worlds, users] bool, users with questions left.
        given: [worlds, users] bool, where neither side forfeited.
        draw: Luck.
    """
    told = found.played & given
    clear = (state.asked == 0).to(torch.float32)
    left = primitives.after(primitives.unclear(state.ambiguity, clear, state.kind[..., 5]), reply.act)
    turn = state.turn + 1
    stays = draw.bernoulli("stays", state.kind[..., 2])
    refused = reply.act >= 3
    closes = ~found.played | found.right | refused | (turn >= options.turns) | ~stays
    ambiguity, harmful, spotted = questions(options, state.ambiguity.shape[1], draw)
    return State(
        kind=state.kind,
        segment=state.segment,
        ambiguity=torch.where(closes, ambiguity, left),
        harmful=torch.where(closes, harmful, state.harmful),
        spotted=torch.where(closes, spotted, state.spotted),
        turn=torch.where(closes, 0, turn),
        finished=state.finished + (closes & active),
        asked=state.asked,
        given=given,
        heard=state.heard,
        signal=state.signal,
        act=torch.where(found.played, reply.act, state.act),
        outcome=torch.where(found.played, torch.where(found.right, 1, 2), 0),
        played=told,
        user_welfare=torch.where(told, found.user, state.user_welfare),
        assistant_welfare=torch.where(told, found.assistant, state.assistant_welfare),
        tick=state.tick + 1,
    )


def questions(options: PayoffOptions, users: int, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
    """New questions: ambiguity, harmful, spotted, [worlds, users] each."""
    q = options.questions
    uniform = draw.uniform("question", users, 2)
    ambiguous, level = uniform[..., 0] < q.ambiguous, uniform[..., 1]
    if options.accuracy == "logged":
        ambiguity = ambiguous.to(torch.float32)
    else:
        high, low = q.high[0] + (q.high[1] - q.high[0]) * level, q.low[0] + (q.low[1] - q.low[0]) * level
        ambiguity = torch.where(ambiguous, high, low)
    if options.harm.share == 0:
        nothing = torch.zeros_like(ambiguous)
        return ambiguity, nothing, nothing
    uniform = draw.uniform("harm", users, 2)
    harmful = uniform[..., 0] < options.harm.share
    return ambiguity, harmful, harmful & (uniform[..., 1] < options.harm.spotted)


def kinds(options: PayoffOptions) -> tuple[tuple[bool, ...], tuple[bool, ...]]:
    """Which kinds of questions come up: whether ambiguous, and whether harmful."""
    q = options.questions
    limit = (q.low[1] + q.high[0]) / 2.0
    ranges = [q.high] * (q.ambiguous > 0) + [q.low] * (q.ambiguous < 1)
    ambiguous = {high > limit for _, high in ranges} | {low > limit for low, _ in ranges}
    share = options.harm.share
    harmful = (False,) * (share < 1) + (True,) * (share > 0)
    return tuple(sorted(ambiguous)), harmful
