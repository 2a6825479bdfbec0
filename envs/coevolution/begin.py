"""How a coevolution world begins: society stands at the first point of its history."""

from dataclasses import replace

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.coevolution import dynamics, history, influence, questionnaire
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.state import State
from populace.envs.coevolution.talking import Talking
from populace.population import Census, People


def begin(
    options: CoevolutionOptions, census: Census, people: People, draw: Draw, talking: Talking | None = None
) -> State:
    """The first state; `talking` is the world's where it has words."""
    o, origin = options, people.values
    worlds, users = origin.shape[:2]
    groups = o.assistants * o.audiences(census)
    series = history.series(o.history, census.values, draw)
    group = group_of(options, census, people)
    zero = torch.zeros_like(origin[:, 0])
    mean0, variance, means = dynamics.moments(origin, group, groups, origin[:, 0])
    if o.history.anchor == "people":
        series = series - series[:, :1] + mean0.unsqueeze(1)
        base, values = series[:, 0], origin
    else:
        base, values = zero, origin + series[:, :1]
        mean0, means = mean0 + series[:, 0], means + series[:, :1]
    loadings, rows = questionnaire.bank(o.questionnaire, census.values, draw)
    asked = questionnaire.pick(o.questionnaire, loadings.shape[1], draw)
    trace = torch.zeros_like(series)
    trace[:, 0] = mean0
    count = o.questionnaire.asked
    echoed = o.protocol == "coevolve"
    one = torch.full((worlds, 1), float(users), device=origin.device, dtype=torch.float32)
    state = State(
        values=values,
        origin=origin,
        base=base,
        series=series,
        seats=influence.seats(people, len(census.segments)) if o.turnover > 0 else None,
        group=group,
        counts=one if group is None else dynamics.group_counts(group, groups),
        rates=influence.rates(o, people),
        loadings=loadings,
        asked=asked,
        centre=mean0 if o.questionnaire.centre == "start" else zero,
        answers=origin.new_zeros((worlds, users, count), dtype=torch.uint8) if echoed else None,
        replied=one if group is None else dynamics.group_counts(group, groups),
        yes=origin.new_zeros((worlds, groups, count)),
        mean=mean0,
        variance=variance,
        means=means,
        start_mean=mean0,
        start_variance=variance,
        home=means - series[:, :1],
        before=mean0,
        trace=trace,
        pg_sum=origin.new_zeros(worlds),
        pg_count=origin.new_zeros(worlds),
        tick=torch.zeros(worlds, dtype=torch.int64, device=origin.device),
        network=people.network,
    )
    if talking is None:
        return state
    return replace(state, statements=talking.worded(loadings, rows, draw), essay=talking.nothing(state))


def group_of(options: CoevolutionOptions, census: Census, people: People) -> Tensor | None:
    """The group (assistant and audience) of each user, [worlds, users] int64, or None when there is one."""
    assistants, audiences = options.assistants, options.audiences(census)
    if assistants * audiences == 1:
        return None
    if "assistant" in people.traits:
        own = people.traits["assistant"].to(torch.int64).remainder(assistants)
    else:
        own = (torch.arange(people.size, device=people.values.device) % assistants).expand(len(people.values), -1)
    audience = people.segment if audiences > 1 else torch.zeros_like(people.segment)
    return own * audiences + audience
