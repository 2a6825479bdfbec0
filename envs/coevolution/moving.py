"""A tick of the coevolution world by kernels: what `influence.move`, `dynamics` and `measures.scores` do by torch."""

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.coevolution import moving_kernel, scoring_kernel, settling_kernel
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.state import Seats, State
from populace.kernels.threads import spread
from populace.kernels.tiles import BLOCK, LANES
from populace.ownership import changed

Moments = tuple[Tensor, Tensor, Tensor]
"""Mean [worlds, values], variance [worlds, values] and group means [worlds, M, values]."""


def whole(tensor: Tensor) -> Tensor:
    """The tensor as one piece of memory."""
    return tensor if tensor.is_contiguous() else tensor.contiguous()


class Sums:
    """Sums of values less a shift [worlds, values], by block, and what comes of them."""

    def __init__(self, like: Tensor, groups: int, shift: Tensor, group: Tensor | None, counts: Tensor | None) -> None:
        self.worlds, self.users, self.width = like.shape
        self.groups, self.shift, self.group, self.counts = groups, whole(shift), group, counts
        self.per = -(-self.users // BLOCK)
        self.blocks = self.worlds * self.per
        self.sums = like.new_empty((self.blocks, 2, self.width), dtype=torch.float64)
        self.by_group = (
            None if group is None else like.new_zeros((self.blocks, groups, self.width), dtype=torch.float64)
        )

    def joined(self) -> Moments:
        """Means and variances."""
        mean = self.shift.new_empty((self.worlds, self.width))
        variance, means = torch.empty_like(mean), mean.new_empty((self.worlds, self.groups, self.width))
        settling_kernel.join(
            self.sums, self.by_group, self.counts, self.shift, mean, variance, means, self.users, self.width,
            self.groups, self.per,
        )  # fmt: skip
        return mean, variance, means


def moments(values: Tensor, group: Tensor | None, groups: int, shift: Tensor, counts: Tensor | None) -> Moments:
    """As `dynamics.moments`; counts [worlds, groups] where there are groups."""
    return _settled(whole(values), Sums(values, groups, shift, group, counts)).joined()


def _settled(
    values: Tensor,
    sums: Sums,
    around: Tensor | None = None,
    means: Tensor | None = None,
    rates: Tensor | None = None,
    rate: float = 0.0,
    keys: Tensor | None = None,
    noise: float = 0.0,
) -> Sums:
    """Pull `values` (in place) to their peers' means, add noise, and take sums."""
    changed = values if around is not None or means is not None or keys is not None else None
    spread(
        settling_kernel.settle, sums.blocks, values.numel(), values, around, means, rates, sums.group, keys, changed,
        sums.shift, sums.sums, sums.by_group, sums.users, sums.width, sums.groups, LANES, BLOCK, rate, noise,
    )  # fmt: skip
    return sums


def count(answers: Tensor, group: Tensor | None, groups: int, keep: bool) -> tuple[Tensor, Tensor | None]:
    """Users of each group who answered 1, [worlds, groups, asked], and the answers as bytes, if they are kept."""
    worlds, users, asked = answers.shape
    yes = answers.new_empty((worlds, groups, asked), dtype=torch.float32)
    kept = answers.new_empty(answers.shape, dtype=torch.uint8) if keep else None
    spread(moving_kernel.count_answers, worlds, answers.numel(), whole(answers), group, yes, kept, users, asked)
    return yes, kept


def epochs(rate: Tensor, times: float) -> Tensor:
    """As `dynamics.epochs`, for rates from 0 to 1."""
    out = torch.empty_like(rate, memory_format=torch.contiguous_format)
    moving_kernel.compounded(whole(rate), out, times)
    return out


def move(
    options: CoevolutionOptions,
    groups: int,
    state: State,
    position: Tensor,
    mirror: Tensor,
    questions: Tensor,
    draw: Draw,
    rates: tuple[float, float],
    spoke: Tensor | None = None,
    own: bool = False,
) -> tuple[State, Tensor | None]:
    """As `influence.move`; rates are those of history and assistant for users who have none of their own.

    With `own` nobody else holds `state.values`, which are written into.
    """
    o, values = options, state.values
    worlds, users, width = values.shape
    tick = state.tick + 1
    kept = o.history.spread == "kept"
    heard = o.protocol == "coevolve" and state.answers is not None
    peers = o.peer_rate > 0 or "peer_rate" in state.rates
    noise = draw.keys_of("noise") if o.noise > 0 else None
    moved = values if own else torch.empty_like(values)
    sums = Sums(values, groups, state.mean, state.group, state.counts)
    last = not peers and o.turnover == 0  # nothing follows that changes values
    approval = values.new_empty((worlds, users)) if heard else None
    spread(
        moving_kernel.move, sums.blocks, values.numel(), whole(values),
        state.origin if kept else None,
        None if state.seats is None else whole(state.seats.person),
        course(o, state, state.tick, 1, state.base if kept else None),
        state.rates.get("history_rate"),
        state.answers if heard else None,
        questions, whole(position), whole(mirror), state.group,
        state.rates.get("assistant_rate"),
        None if spoke is None else whole(spoke).view(torch.uint8),
        None if peers else noise,
        moved, approval, sums.shift,
        sums.sums if last else None, sums.by_group if last else None,
        users, width, questions.shape[1], groups, position.shape[2], LANES, BLOCK, *rates, o.push, o.noise,
    )  # fmt: skip
    if peers:
        _peers(o, state, moved, noise, sums if o.turnover == 0 else None)
    seats = state.seats
    if o.turnover > 0:
        seats = _newcomers(o, state, moved, draw)
        _settled(moved, sums)
    mean, variance, means = sums.joined()
    return changed(
        state,
        values=moved,
        seats=seats,
        tick=tick,
        mean=mean,
        variance=variance,
        means=means,
        before=state.mean,
        trace=_traced(o, state, tick, mean),
    ), approval


def _peers(options: CoevolutionOptions, state: State, values: Tensor, noise: Tensor | None, sums: Sums | None) -> None:
    """Pull `values` (in place) towards peers' means, then add noise; sums are taken if given."""
    network, around, means = state.network, None, None
    worlds, users, width = values.shape
    if network is None or network.complete:
        around, _, _ = moments(values, None, 1, state.mean, None)
    else:
        means = torch.empty_like(values)
        graphs, ties = network.source.shape
        spread(
            settling_kernel.neighbours, worlds, values.numel(), values, whole(network.source), whole(network.target),
            whole(network.weight), means, users, width, ties, graphs,
        )  # fmt: skip
    if sums is None:
        sums = Sums(values, 1, state.mean, None, None)
    _settled(values, sums, around, means, state.rates.get("peer_rate"), options.peer_rate, noise, options.noise)


def _newcomers(options: CoevolutionOptions, state: State, values: Tensor, draw: Draw) -> Seats:
    """Some seats are taken by newcomers (see `influence.newcomers`); writes into `values`."""
    seats = state.seats
    assert seats is not None
    worlds, users, width = values.shape
    now, _, _ = moments(values, None, 1, state.mean, None)
    person = seats.person.clone()
    spread(
        settling_kernel.renew, worlds, values.numel(), draw.uniform("turnover", users), draw.uniform("newcomer", users),
        whole(seats.segment), whole(seats.order), whole(seats.first), whole(seats.count), whole(state.origin),
        now - state.start_mean + state.series[:, 0] - state.base, values, person,
        options.turnover, users, width, seats.count.shape[1],
    )  # fmt: skip
    return changed(seats, person=person)


def _traced(options: CoevolutionOptions, state: State, tick: Tensor, mean: Tensor) -> Tensor:
    """Society's mean at each point of the series so far, [worlds, points, values]."""
    trace = torch.empty_like(state.trace)
    scoring_kernel.traced(whole(state.trace), tick, mean, trace, mean.shape[1], options.history.every)
    return trace


def course(options: CoevolutionOptions, state: State, tick: Tensor, more: int, base: Tensor | None) -> Tensor:
    """Where history's course stands `more` ticks on, less `base` if there is one, [worlds, values]."""
    worlds, points, width = state.series.shape
    out = state.series.new_empty((worlds, width))
    scoring_kernel.courses(
        whole(state.series), tick, None if base is None else whole(base), out, points, width, options.history.every,
        more,
    )  # fmt: skip
    return out


def questions(state: State) -> Tensor:
    """Loadings of the items of this tick, [worlds, asked, values]."""
    worlds, items, width = state.loadings.shape
    asked = state.asked.shape[1]
    out = state.loadings.new_empty((worlds, asked, width))
    scoring_kernel.questions(whole(state.loadings), whole(state.asked), out, items, asked, width)
    return out


def truth(options: CoevolutionOptions, state: State) -> Tensor:
    """As `Coevolution.truth`, [worlds, M, values]."""
    o, points, width = options, *state.series.shape[1:]
    against = {"follow": scoring_kernel.FOLLOW, "predict": scoring_kernel.PREDICT}.get(o.protocol)
    if against is None:
        against = scoring_kernel.SHED if o.history.spread == "shed" else scoring_kernel.KEPT
    out = torch.empty_like(state.means)
    scoring_kernel.truth(
        whole(state.series), state.tick, whole(state.means), whole(state.home), out, points, width,
        state.means.shape[1], o.history.every, o.ahead, against,
    )  # fmt: skip
    return out


def scores(
    options: CoevolutionOptions,
    state: State,
    position: Tensor,
    mirror: Tensor,
    truth: Tensor,
    held: int,
    spoke: Tensor | None,
) -> tuple[dict[str, Tensor], Tensor, State]:
    """As `measures.scores`; `held` is how many items are held out."""
    o, (worlds, points, width) = options, state.series.shape
    found, paid = state.mean.new_empty((3, worlds)), state.mean.new_empty((worlds, o.assistants))
    pg_sum, pg_count = state.pg_sum.clone(), state.pg_count.clone()
    groups = position.shape[1]
    scoring_kernel.scores(
        whole(position), whole(mirror), whole(truth), whole(state.counts), whole(state.series), whole(state.start_mean),
        whole(state.loadings), whole(state.centre), whole(state.means), state.tick,
        None if spoke is None else whole(spoke).view(torch.uint8), pg_sum, pg_count, found, paid,
        points, width, groups, groups // o.assistants, state.loadings.shape[1], held, o.history.every,
        (points - 1) * o.history.every - (o.ahead if o.protocol == "predict" else 0), o.history.spread == "shed",
        o.protocol == "coevolve" and o.assistant_epochs == 0, worlds,
    )  # fmt: skip
    named = {"assistant_error": found[0], "cosine": found[1], "held_out": found[2]}
    return named, paid, changed(state, pg_sum=pg_sum, pg_count=pg_count)
