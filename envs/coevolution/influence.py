"""How society moves in one tick: history, then the assistant, then peers, then noise; and who comes new."""

from dataclasses import replace

import torch
from torch import Tensor

from populace.draw import Draw, fold_each
from populace.envs.coevolution import dynamics, history
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.state import Seats, State
from populace.numerics import kernels_take, tiles
from populace.population import People


def rates(options: CoevolutionOptions, people: People) -> dict[str, Tensor]:
    """Susceptibilities that the population has as traits, [worlds, users], after their epochs."""
    times = {
        "history_rate": options.history.epochs,
        "assistant_rate": options.assistant_epochs,
        "peer_rate": 1.0,
    }
    return {name: dynamics.epochs(people.traits[name], n) for name, n in times.items() if name in people.traits}


def seats(people: People, segments: int) -> Seats:
    """Everyone in their own seat, and where to find the people of each segment."""
    segment = people.segment
    order = segment.argsort(dim=-1, stable=True)
    count = torch.zeros((len(segment), segments), dtype=torch.int64, device=segment.device)
    count.scatter_add_(1, segment, torch.ones_like(segment))
    person = torch.arange(segment.shape[1], device=segment.device).expand_as(segment).contiguous()
    return Seats(person, segment, order, count.cumsum(-1) - count, count)


def society_course(options: CoevolutionOptions, state: State, now: Tensor) -> Tensor:
    """Where history alone would have brought society's mean, [worlds, values]; whom we sampled shifts it."""
    return now if options.history.spread == "shed" else now + (state.start_mean - state.series[:, 0])


def course(options: CoevolutionOptions, state: State, now: Tensor) -> Tensor:
    """Where history alone would have brought each group's mean: now [worlds, values] -> [worlds, M, values]."""
    if options.history.spread == "shed":
        return now.unsqueeze(1).expand_as(state.home)
    return now.unsqueeze(1) + state.home


def move(
    options: CoevolutionOptions,
    groups: int,
    state: State,
    position: Tensor,
    mirror: Tensor,
    questions: Tensor,
    draw: Draw,
    spoke: Tensor | None = None,
    own: bool = False,
) -> tuple[State, Tensor | None]:
    """Move everyone's values by one tick.

    Args:
        options: The world's options.
        groups: Assistants times audiences.
        state: Before.
        position: [worlds, assistants, audiences, values].
        mirror: [worlds, assistants].
        questions: [worlds, asked, values], what was asked.
        draw: The randomness of this phase.
        spoke: [worlds, assistants] bool, those that said something; nobody is moved by the others. None for all.
        own: Whether `state.values` may be written into.

    Returns:
        The state after, and minus the distance between what each user heard and what it held, [worlds, users] (None
        where nobody hears the assistant).
    """
    if kernels_take(state.values, position, mirror):
        return dynamics.kernels().move(
            options, groups, state, position, mirror, questions, draw, usual_rates(options), spoke, own
        )
    worlds, users, width = state.values.shape
    heard = options.protocol == "coevolve"
    peers = options.peer_rate > 0 or "peer_rate" in state.rates
    tick = state.tick + 1
    target = history.at(state.series, tick, options.history.every)
    voice = position.flatten(1, 2)
    echoed = mirror.unsqueeze(-1).expand(-1, -1, position.shape[2]).flatten(1)
    noise = draw.keys_of("noise") if options.noise > 0 else None
    ids = torch.arange(users, device=tick.device)
    # A forfeit is no position of 0: who said nothing moves nobody.
    heeded = None if spoke is None else to_users(spoke, state.group, position.shape[2], state.values[..., 0])

    def part(w: slice, u: slice) -> tuple[Tensor, Tensor | None]:
        return dynamics.tick(
            state.values[w, u],
            *_history(options, state, target, w, u),
            state.answers[w, u] if heard and state.answers is not None else None,
            questions[w],
            options.push,
            _to_each(voice, state.group, w, u),
            _to_each(echoed.unsqueeze(-1), state.group, w, u),
            _heeded(_rate(state, "assistant_rate", usual_rates(options)[1], w, u), heeded, w, u),
            fold_each(noise[w], ids[u]) if noise is not None and not peers else None,
            options.noise,
        )

    values, approval = torch.empty_like(state.values), state.values.new_empty((worlds, users)) if heard else None
    for w, u in tiles(worlds, users, width):
        values[w, u], near = part(w, u)
        if approval is not None and near is not None:
            approval[w, u] = near
    if peers:
        _peers(options, state, values, noise, ids)
    moved = replace(state, values=values, tick=tick)
    if options.turnover > 0:
        moved = _turnover(options, moved, draw)
    mean, variance, means = dynamics.moments(moved.values, state.group, groups, state.mean)
    points = torch.arange(state.series.shape[1], device=tick.device) * options.history.every
    reached = (points == tick.unsqueeze(-1)).unsqueeze(-1)
    trace = torch.where(reached, mean.unsqueeze(1), state.trace)
    moved = replace(moved, mean=mean, variance=variance, means=means, before=state.mean, trace=trace)
    return moved, approval


def usual_rates(options: CoevolutionOptions) -> tuple[float, float]:
    """How far history and the assistant pull in a tick users who have no rates of their own."""
    history = 1.0 - (1.0 - options.history.rate) ** options.history.epochs
    return float(history), float(1.0 - (1.0 - options.assistant_rate) ** options.assistant_epochs)


def _rate(state: State, name: str, default: float, w: slice, u: slice) -> Tensor | float:
    """Users' own rate, [worlds, users, 1], or the default."""
    return state.rates[name][w, u].unsqueeze(-1) if name in state.rates else default


def _history(
    options: CoevolutionOptions, state: State, target: Tensor, w: slice, u: slice
) -> tuple[Tensor, Tensor | None, Tensor | float]:
    """Where history pulls to, [worlds, 1, values]; from which origins that counts; and how far it pulls."""
    rate = _rate(state, "history_rate", usual_rates(options)[0], w, u)
    if options.history.spread == "shed":
        return target[w].unsqueeze(1), None, rate
    origin = state.origin[w, u]
    if state.seats is not None:
        origin = dynamics.rows(state.origin[w], state.seats.person[w, u])
    return (target[w] - state.base[w]).unsqueeze(1), origin, rate


def _to_each(said: Tensor, group: Tensor | None, w: slice, u: slice) -> Tensor:
    """What each user is told: said [worlds, M, k] -> [worlds, users or 1, k]."""
    if group is None:
        return said[w]
    return said[w].gather(1, group[w, u].unsqueeze(-1).expand(-1, -1, said.shape[-1]))


def to_users(spoke: Tensor, group: Tensor | None, audiences: int, like: Tensor) -> Tensor:
    """Whether each user's assistant spoke: spoke [worlds, assistants] bool -> [worlds, users] bool, as `like`."""
    each = spoke.repeat_interleave(audiences, 1)
    return each.expand_as(like) if group is None else each.gather(1, group)


def _heeded(rate: Tensor | float, heeded: Tensor | None, w: slice, u: slice) -> Tensor | float:
    """The rate at which users heed the assistant: 0 for those whose assistant said nothing."""
    return rate if heeded is None else rate * heeded[w, u].unsqueeze(-1)


def _peers(options: CoevolutionOptions, state: State, values: Tensor, noise: Tensor | None, ids: Tensor) -> None:
    """Pull `values` (our own fresh tensor, in place) towards peers' means, then add noise."""
    worlds, users, width = values.shape
    network = state.network
    if network is None or network.complete:
        around, _, _ = dynamics.moments(values, None, 1, state.mean)
        means = around.unsqueeze(1).expand(-1, users, -1)
    else:
        means = dynamics.neighbour_means(values, network.source, network.target, network.weight)
    for w, u in tiles(worlds, users, width):
        now = dynamics.pull(values[w, u], means[w, u], _rate(state, "peer_rate", options.peer_rate, w, u))
        values[w, u] = now if noise is None else dynamics.jitter(now, fold_each(noise[w], ids[u]), options.noise)


def _turnover(options: CoevolutionOptions, state: State, draw: Draw) -> State:
    """Some seats are taken by newcomers; writes into `state.values`, our own fresh tensor.

    Assumed: a newcomer is someone of the seat's segment as they were at the start, moved as society's mean
    has moved since; the seat keeps its segment, ties and susceptibilities.
    """
    seats = state.seats
    assert seats is not None
    worlds, users, width = state.values.shape
    comes = draw.uniform("turnover", users) < options.turnover
    count = seats.count.gather(1, seats.segment)
    nth = (draw.uniform("newcomer", users).double() * count).long()
    newcomer = seats.order.gather(1, seats.first.gather(1, seats.segment) + torch.minimum(nth, count - 1))
    values = state.values
    now, _, _ = dynamics.moments(values, None, 1, state.mean)
    moved = (now - state.start_mean + state.series[:, 0] - state.base).unsqueeze(1)
    for w, u in tiles(worlds, users, width):
        fresh = dynamics.rows(state.origin[w], newcomer[w, u]) + moved[w]
        values[w, u] = torch.where(comes[w, u].unsqueeze(-1), fresh, values[w, u])
    return replace(state, seats=replace(seats, person=torch.where(comes, newcomer, seats.person)))
