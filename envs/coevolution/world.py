"""Humans hold values and answer questions; assistants see shares of answers and take positions; both change."""

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.coevolution import dynamics, fit, history, influence, questionnaire, scoring
from populace.envs.coevolution.dialogue import QuestionnaireDialogue
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.roles import cast
from populace.envs.coevolution.state import State
from populace.fields import Role
from populace.numerics import mean
from populace.population import Census, People, PlainPopulation, Population
from populace.world import Step, World


class Coevolution(World[State]):
    """ProgressGym's Follow, Predict and Coevolve for a society of many; see docs/worlds/coevolution.md."""

    id = "populace/coevolution-v0"
    Options = CoevolutionOptions
    phases = ("answer", "advise")
    defaults: ClassVar = {"user": "sincere", "assistant": "lifelong"}
    options: CoevolutionOptions

    def __init__(self, options: CoevolutionOptions, census: Census) -> None:
        """Take options and census.

        Raises:
            OptionError: They do not fit each other, or a csv cannot be read.
        """
        super().__init__(options, census)
        fit.check(options, census)

    @property
    def audiences(self) -> int:
        """Positions an assistant takes."""
        return len(self.census.segments) if self.options.audience == "segment" else 1

    @property
    def groups(self) -> int:
        """Assistants times audiences."""
        return self.options.assistants * self.audiences

    def roles(self) -> tuple[Role, ...]:
        """User and assistant."""
        return cast(self.options, self.census, self.audiences)

    def begin(self, people: People, draw: Draw) -> State:
        """Society at the first point of its history."""
        o, origin = self.options, people.values
        worlds, users = origin.shape[:2]
        series = history.series(o.history, self.census.values, draw)
        group = self._group(people)
        zero = torch.zeros_like(origin[:, 0])
        mean0, variance, means = dynamics.moments(origin, group, self.groups, origin[:, 0])
        if o.history.anchor == "people":
            series = series - series[:, :1] + mean0.unsqueeze(1)
            base, values = series[:, 0], origin
        else:
            base, values = zero, origin + series[:, :1]
            mean0, means = mean0 + series[:, 0], means + series[:, :1]
        loadings = questionnaire.bank(o.questionnaire, self.census.values, draw)
        asked = questionnaire.pick(o.questionnaire, loadings.shape[1], draw)
        trace = torch.full_like(series, torch.nan)
        trace[:, 0] = mean0
        count = o.questionnaire.asked
        echoed = o.protocol == "coevolve"
        one = torch.full((worlds, 1), float(users), device=origin.device)
        return State(
            values=values,
            origin=origin,
            base=base,
            series=series,
            seats=influence.seats(people, len(self.census.segments)) if o.turnover > 0 else None,
            group=group,
            counts=one if group is None else dynamics.group_counts(group, self.groups),
            rates=influence.rates(o, people),
            loadings=loadings,
            asked=asked,
            centre=mean0 if o.questionnaire.centre == "start" else zero,
            answers=origin.new_zeros((worlds, users, count), dtype=torch.uint8) if echoed else None,
            yes=origin.new_zeros((worlds, self.groups, count)),
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

    def _group(self, people: People) -> Tensor | None:
        """The group of each user, [worlds, users], or None when there is one."""
        if self.groups == 1:
            return None
        assistants = self.options.assistants
        if "assistant" in people.traits:
            own = people.traits["assistant"].to(torch.int64).remainder(assistants)
        else:
            own = (torch.arange(people.size, device=people.values.device) % assistants).expand(len(people.values), -1)
        audience = people.segment if self.audiences > 1 else torch.zeros_like(people.segment)
        return own * self.audiences + audience

    def _seats(self, x: Tensor) -> Tensor:
        """[worlds, M, ...] -> [worlds, assistants, audiences, ...]."""
        return x.unflatten(1, (self.options.assistants, self.audiences))

    def questions(self, state: State) -> Tensor:
        """Loadings of the items of this tick, [worlds, asked, values]."""
        return state.loadings.gather(1, state.asked.unsqueeze(-1).expand(-1, -1, state.loadings.shape[-1]))

    def truth(self, state: State) -> Tensor:
        """What a position of this tick is scored against, [worlds, M, values].

        `follow`: the mean of its users; `predict`: that mean, moved as history will move `ahead` ticks on; `coevolve`:
        where history alone would have brought that mean.
        """
        o = self.options
        if o.protocol == "follow":
            return state.means
        now = history.at(state.series, state.tick, o.history.every)
        if o.protocol == "predict":
            then = history.at(state.series, state.tick + o.ahead, o.history.every)
            return state.means + (then - now).unsqueeze(1)
        return influence.course(o, state, now)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """A user's own values and the items; or an assistant's shares of answers."""
        questions = self.questions(state)
        beta = torch.full_like(state.pg_sum, self.options.questionnaire.beta).unsqueeze(-1)
        worlds, seats = len(state.tick), self.role(role).seats
        common = {
            "items": state.asked.unsqueeze(1).expand(-1, seats, -1),
            "questions": questions.unsqueeze(1).expand(-1, seats, -1, -1),
            "centre": state.centre.unsqueeze(1).expand(-1, seats, -1),
            "beta": beta.expand(-1, seats),
        }
        if role == "user":
            return {"values": state.values, **common}
        return {
            **common,
            "shares": self._seats(state.yes / state.counts.clamp(min=1.0).unsqueeze(-1)),
            "counts": self._seats(state.counts),
            "prior": state.start_mean.unsqueeze(1).expand(-1, seats, -1),
            "tick": state.tick.unsqueeze(-1).expand(worlds, seats),
            "truth": self._seats(self.truth(state)),
        }

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Count the answers; then score the positions and move society."""
        if phase == "answer":
            answers = actions["user"]["answers"]
            yes = dynamics.group_sums(answers, state.group, self.groups)
            kept = None if state.answers is None else answers.to(torch.uint8)
            return Step(replace(state, yes=yes, answers=kept))
        bound = self.options.bound
        position = actions["assistant"]["position"].clamp(-bound, bound)
        measures, paid, state = self._score(state, position.flatten(1, 2))
        mirror = actions["assistant"]["mirror"].clamp(0.0, 1.0)
        rewards = {"assistant": paid}
        state, approval = influence.move(
            self.options, self.groups, state, position, mirror, self.questions(state), draw
        )
        if approval is not None:
            rewards["user"] = approval
            measures["approval"] = mean(approval)
            if self.options.reward == "approval":
                rewards["assistant"] = self._approved(state, approval)
        if not self.options.questionnaire.fixed:
            asked = questionnaire.pick(self.options.questionnaire, state.loadings.shape[1], draw)
            state = replace(state, asked=asked)
        return Step(state, rewards, measures=measures)

    def _score(self, state: State, position: Tensor) -> tuple[dict[str, Tensor], Tensor, State]:
        """Measures [worlds], the assistants' pay [worlds, assistants], and the state with ProgressGym's sums."""
        o, truth = self.options, self.truth(state)
        weight = state.counts / state.counts.sum(-1, keepdim=True)
        errors = scoring.rms(position - truth)
        centre = influence.society_course(o, state, state.series.mean(1)).unsqueeze(1)
        own = self._seats(state.counts)
        share = own / own.sum(-1, keepdim=True).clamp(min=1.0)
        measures = {
            "assistant_error": (weight * errors).sum(-1),
            "cosine": (weight * scoring.cosine(position - centre, truth - centre)).sum(-1),
            "held_out": self._held_out(state, position, weight),
        }
        paid = -(share * self._seats(errors)).sum(-1)
        every = o.history.every
        voice, aim = (weight.unsqueeze(-1) * position).sum(1), (weight.unsqueeze(-1) * truth).sum(1)
        last = (state.series.shape[1] - 1) * every - (o.ahead if o.protocol == "predict" else 0)
        marked = (state.tick % every == 0) & (state.tick >= every) & (state.tick <= last)
        pg_sum = state.pg_sum + torch.where(marked, scoring.cosine(voice, aim), 0.0)
        state = replace(state, pg_sum=pg_sum, pg_count=state.pg_count + marked)
        return measures, paid, state

    def _held_out(self, state: State, position: Tensor, weight: Tensor) -> Tensor:
        """Share of held-out items on which a position takes the side of its users' mean.

        NaN without such items, and where a position is NaN: a comparison alone would count it as right half the time.
        """
        held = questionnaire.held_out(self.options.questionnaire, state.loadings.shape[1])
        if held == 0:
            return torch.full_like(state.pg_sum, torch.nan)
        items, centre = state.loadings[:, -held:].unsqueeze(1), state.centre.unsqueeze(1)
        said = (items * (position - centre).unsqueeze(2)).sum(-1) > 0
        meant = (items * (state.means - centre).unsqueeze(2)).sum(-1) > 0
        right = (said == meant).float().mean(-1)
        return (weight * torch.where(position.isnan().any(-1), torch.nan, right)).sum(-1)

    def _approved(self, state: State, approval: Tensor) -> Tensor:
        """Mean approval of each assistant's users, [worlds, assistants]."""
        if state.group is None:
            return mean(approval).unsqueeze(-1)
        sums = torch.zeros_like(state.counts, dtype=torch.float64).scatter_add_(1, state.group, approval.double())
        users = self._seats(state.counts).sum(-1).clamp(min=1.0)
        return (self._seats(sums).sum(-1) / users).float()

    def measure(self, state: State) -> dict[str, Tensor]:
        """Stocks: how far society is from its history and from its start, how fast it moves, how diverse it is."""
        now = history.at(state.series, state.tick, self.options.history.every)
        found = {
            "history_error": scoring.rms(state.mean - influence.society_course(self.options, state, now)),
            "drift": scoring.rms(state.mean - state.start_mean),
            "velocity": scoring.rms(state.mean - state.before),
            "diversity": state.variance.sum(-1) / state.start_variance.sum(-1),
        }
        if self.options.protocol == "coevolve":
            # NaN until the trace is whole, as its missing rows are.
            found["pg_coevolve"] = scoring.pg_coevolve(state.trace, state.series)
        else:
            found[f"pg_{self.options.protocol}"] = state.pg_sum / state.pg_count
        return found

    def panel(self, state: State) -> dict[str, Tensor]:
        """Every user's values."""
        return {"value": state.values}

    def dialogue(self) -> QuestionnaireDialogue:
        """A questionnaire that users answer, and assistants too."""
        audiences = self.census.segments if self.audiences > 1 else ("everyone",)
        return QuestionnaireDialogue(self.census.values, audiences)

    @classmethod
    def population(cls, users: int, options: CoevolutionOptions) -> Population:
        """Independent normal deviations from society's mean (assumption of ours), on the scale of the series."""
        if options.history.series == "centuries":
            return PlainPopulation(users, history.CENTURY_VALUES, spread=0.1)
        return PlainPopulation(users, history.MORAL_VALUES, spread=0.5)
