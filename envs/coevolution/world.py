"""Humans hold values and answer questions; assistants see shares of answers and take positions; both change."""

from collections.abc import Mapping
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.acts import given
from populace.draw import Draw
from populace.envs.coevolution import dynamics, fit, history, influence, measures, questionnaire
from populace.envs.coevolution.begin import begin
from populace.envs.coevolution.dialogue import QuestionnaireDialogue
from populace.envs.coevolution.matter import matter_of
from populace.envs.coevolution.options import PACKAGE, CoevolutionOptions
from populace.envs.coevolution.roles import roles, worded
from populace.envs.coevolution.state import State
from populace.envs.coevolution.talking import Talking
from populace.errors import OptionError, PopulaceError
from populace.fields import Role
from populace.measures import Measure
from populace.numerics import kernels_take, mean, mean_of, per_seat
from populace.ownership import alone, changed
from populace.population import Census, People, PlainPopulation, Population
from populace.wordings import Wordings
from populace.world import Step, World


class Coevolution(World[State, CoevolutionOptions]):
    """ProgressGym's Follow, Predict and Coevolve for a society of many; see docs/worlds/coevolution.md."""

    id = "populace/coevolution-v0"
    Options = CoevolutionOptions
    phases = ("answer", "advise")
    defaults: ClassVar = {"user": "sincere", "assistant": "lifelong"}

    def __init__(self, options: CoevolutionOptions, census: Census) -> None:
        """Take options and census.

        Raises:
            OptionError: They do not fit each other, or a csv cannot be read.
        """
        super().__init__(options, census)
        fit.check(options, census)
        try:
            self.talking  # noqa: B018  (made here, so that a table that does not fit is refused at once)
        except PopulaceError as error:
            raise OptionError(str(error), ("world", "matter")) from None

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    @cached_property
    def talking(self) -> Talking | None:
        """What is said in words; None without `matter`."""
        o, q = self.options, self.options.questionnaire
        if o.matter is None:
            return None
        names = self.census.segments if self.audiences > 1 else ("everyone",)
        matter = matter_of(o.matter, self.census.values, q.format)
        return Talking(self.wordings, matter, q.loadings != "sparse", q.beta, names, o.protocol == "coevolve")

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return {} if self.talking is None else self.talking.said.lexicon

    @property
    def audiences(self) -> int:
        """Positions an assistant takes."""
        return self.options.audiences(self.census)

    @property
    def groups(self) -> int:
        """Assistants times audiences."""
        return self.options.assistants * self.audiences

    def roles(self) -> tuple[Role, ...]:
        """User and assistant."""
        cast = roles(self.options, self.census)
        return cast if self.talking is None else worded(cast, self.options, self.talking.parts)

    def begin(self, people: People, draw: Draw) -> State:
        """Society at the first point of its history."""
        return begin(self.options, self.census, people, draw, self.talking)

    def _seats(self, x: Tensor) -> Tensor:
        """[worlds, M, ...] -> [worlds, assistants, audiences, ...]."""
        return x.view(len(x), self.options.assistants, self.audiences, *x.shape[2:])

    def questions(self, state: State) -> Tensor:
        """Loadings of the items of this tick, [worlds, asked, values]."""
        if kernels_take(state.loadings):
            return dynamics.kernels().questions(state)
        return state.loadings.gather(1, state.asked.unsqueeze(-1).expand(-1, -1, state.loadings.shape[-1]))

    def truth(self, state: State) -> Tensor:
        """What a position of this tick is scored against, [worlds, M, values].

        `follow`: the mean of its users; `predict`: that mean, moved as history will move `ahead` ticks on; `coevolve`:
        where history alone would have brought that mean.
        """
        o = self.options
        if kernels_take(state.series):
            return dynamics.kernels().truth(o, state)
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
        worlds, seats = len(state.tick), self.role(role).seats
        common = {
            "items": per_seat(state.asked, seats),
            "questions": per_seat(questions, seats),
            "centre": per_seat(state.centre, seats),
            "beta": state.pg_sum.new_full((1, 1), self.options.questionnaire.beta).expand(worlds, seats),
        }
        if self.talking is not None:
            common["statements"] = per_seat(self.talking.statements(state), seats)
        if role == "user":
            heard = {} if self.talking is None or not self.talking.heard else {"read": self.talking.read_by(state)}
            return {"values": state.values, **common, **heard}
        return {
            **common,
            "shares": self._seats(state.yes / state.replied.clamp(min=1.0).unsqueeze(-1)),
            "counts": self._seats(state.replied),
            "prior": per_seat(state.start_mean, seats),
            "tick": per_seat(state.tick, seats),
            "truth": self._seats(self.truth(state)),
        }

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Count the answers; then score the positions and move society."""
        return self._advance(state, phase, actions, draw, own=False)

    def advance_own(
        self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw
    ) -> Step[State]:
        """The same, in place where nobody else holds the values, and nobody is told of what was said before."""
        # A variable or another state that holds the values would be counted: so this is asked first.
        return self._advance(state, phase, actions, draw, own=self.talking is None and alone(state, "values"))

    def _advance(
        self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw, own: bool
    ) -> Step[State]:
        if phase == "answer":
            said = {} if self.talking is None else {"user": self.talking.remark(actions["user"], state, draw)}
            return Step(self._counted(state, actions["user"]), said=said)
        words = {}
        if self.talking is not None:
            state, words["assistant"] = self.talking.essay(actions["assistant"], state, draw)
        bound = self.options.bound
        position = actions["assistant"]["position"].clamp(-bound, bound)
        mirror = actions["assistant"]["mirror"].clamp(0.0, 1.0)
        spoke = given(actions["assistant"], mirror) if "kind" in actions["assistant"] else None
        found, paid, state = measures.scores(
            self.options, state, position.flatten(1, 2), mirror, self.truth(state), spoke
        )
        rewards = {"assistant": paid}
        state, approval = influence.move(
            self.options, self.groups, state, position, mirror, self.questions(state), draw, spoke, own
        )
        if approval is not None:
            rewards["user"] = approval
            found["approval"] = mean(approval)
            if spoke is not None:
                found["approval"] = mean_of(approval, influence.to_users(spoke, state.group, self.audiences, approval))
            if self.options.reward == "approval":
                rewards["assistant"] = self._approved(state, approval)
        if not self.options.questionnaire.fixed:
            asked = questionnaire.pick(self.options.questionnaire, state.loadings.shape[1], draw)
            state = changed(state, asked=asked)
        return Step(state, rewards, measures=found, said=words)

    def _counted(self, state: State, actions: Mapping[str, Tensor]) -> State:
        """The state with the answers, counted of those who gave one; an echo of a forfeit is that of its answers."""
        answers, replied = actions["answers"], state.counts
        if "kind" in actions:
            there = given(actions, answers[..., 0])
            answers = answers * there.unsqueeze(-1)
            replied = dynamics.group_sums(there.unsqueeze(-1), state.group, self.groups).squeeze(-1)
        yes, kept = dynamics.counted(answers, state.group, self.groups, state.answers is not None)
        return changed(state, yes=yes, replied=replied, answers=kept)

    def _approved(self, state: State, approval: Tensor) -> Tensor:
        """Mean approval of each assistant's users, [worlds, assistants]."""
        if state.group is None:
            return mean(approval).unsqueeze(-1)
        sums = torch.zeros_like(state.counts, dtype=torch.float64).scatter_add_(1, state.group, approval.double())
        users = self._seats(state.counts).sum(-1).clamp(min=1.0)
        return (self._seats(sums).sum(-1) / users).float()

    def measure(self, state: State) -> dict[str, Tensor]:
        """Stocks: how far society is from its history and from its start, how fast it moves, how diverse it is."""
        return measures.stocks(self.options, state)

    def measures(self) -> tuple[Measure, ...]:
        """What is measured under these options."""
        return measures.declared(self.options)

    def panel(self, state: State) -> dict[str, Tensor]:
        """Every user's values."""
        return {"value": state.values}

    def dialogue(self) -> QuestionnaireDialogue:
        """A questionnaire that users answer, and assistants too."""
        audiences = self.census.segments if self.audiences > 1 else ("everyone",)
        return QuestionnaireDialogue(self.census.values, audiences, self.options, self.wordings, self.talking)

    @classmethod
    def population(cls, users: int, options: CoevolutionOptions) -> Population:
        """Independent normal deviations from society's mean (assumed), on the scale of the series."""
        if options.history.series == "centuries":
            return PlainPopulation(users, history.CENTURY_VALUES, spread=0.1)
        return PlainPopulation(users, history.MORAL_VALUES, spread=0.5)
