"""Users ask, assistants answer or ask back; what both get out of it is a game that follows from what they are."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.acts import given
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.envs.payoff import measures, primitives, turns, types
from populace.envs.payoff.begin import begin
from populace.envs.payoff.dialogue import FourTags
from populace.envs.payoff.matter import Matter, matter_of
from populace.envs.payoff.measures import DECLARED
from populace.envs.payoff.options import PACKAGE, PayoffOptions
from populace.envs.payoff.roles import roles
from populace.envs.payoff.state import State
from populace.envs.payoff.talk import TalkDialogue
from populace.envs.payoff.talking import Talking
from populace.fields import Role
from populace.measures import Measure
from populace.numerics import either
from populace.population import Census, People, Population
from populace.wordings import Wordings
from populace.world import Step, World

GIVES = "read/gives"
"""Whether an answer gives the meant meaning's answer, as a reader of its words found: 0 nothing read, 1 no, 2 yes."""


class Payoff(World[State, PayoffOptions]):
    """GTAlign's game of user and assistant, from primitives; see docs/worlds/payoff.md."""

    id = "populace/payoff-v0"
    Options = PayoffOptions
    phases = ("ask", "respond")
    defaults: ClassVar[Mapping[str, str]] = {"user": "best-response", "assistant": "best-response"}

    def __init__(self, options: PayoffOptions, census: Census) -> None:
        super().__init__(options, census)
        # A world of endless questions never ends, and the loop then need not look.
        self.ends = options.questions.number is not None
        if self.matter is not None:
            self.matter.demand(*turns.kinds(options))

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    @cached_property
    def matter(self) -> Matter | None:
        """The questions; None without `matter`."""
        return None if self.options.matter is None else matter_of(self.options.matter, self.wordings.language)

    @cached_property
    def talking(self) -> Talking | None:
        """What is said in words; None without `matter`."""
        o = self.options
        return None if self.matter is None else Talking(self.wordings, self.matter, o.questions, o.turns)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return {} if self.talking is None else self.talking.said.lexicon

    def roles(self) -> tuple[Role, ...]:
        """User and assistant."""
        return roles(self.options, self.census)

    def begin(self, people: People, draw: Draw) -> State:
        """Everyone has a first question."""
        return begin(self.options, people, draw, self.talking)

    def active(self, state: State) -> Tensor:
        """Users who still have questions, [worlds, users] bool."""
        number = self.options.questions.number
        return torch.ones_like(state.harmful) if number is None else state.finished < number

    def rates(self, state: State) -> Tensor:
        """Prices of this tick, [worlds, 1, 6]."""
        o = self.options
        now = torch.tensor(o.pricing.rates(), device=state.ambiguity.device, dtype=torch.float32)
        if o.later is None:
            return now.expand(len(state.tick), 1, -1)
        later = torch.tensor(o.later.rates(), device=now.device, dtype=torch.float32)
        assert o.switch is not None
        return torch.where((state.tick >= o.switch).view(-1, 1, 1), later, now)

    def truth(self, state: State) -> Tensor:
        """The true game of every user with its assistant, priced, [worlds, users, 2, acts, 2]."""
        harmful = state.harmful.to(torch.float32)
        return primitives.expected_game(
            self.options, state.kind, state.ambiguity, harmful, state.turn, self.rates(state)
        )

    def harm_seen(self, state: State) -> Tensor:
        """The chance that a question is harmful as the assistant sees it, [worlds, users]."""
        h = self.options.harm
        missed = h.share * (1.0 - h.spotted) / max(1.0 - h.share * h.spotted, 1e-9)
        return either(state.spotted, 1.0, missed)

    def believed(self, state: State) -> Tensor:
        """The game as assistants see it, [worlds, users, 2, acts, 2]: average types, the signal for the ambiguity."""
        mean = torch.tensor(types.MEANS, device=state.signal.device, dtype=torch.float32).expand(
            *state.signal.shape, -1
        )
        # A question that sounds clear shows only what clarity left of its ambiguity.
        before = (state.signal / max(1.0 - types.MEANS[5], 1e-3)).clamp(max=1.0)
        ambiguity = torch.where(state.heard == 0, before, state.signal)
        return primitives.expected_game(
            self.options, mean, ambiguity, self.harm_seen(state), state.turn, self.rates(state)
        )

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """A user's own type and game; or an assistant's signal and the game it infers; and what was said."""
        seen = self._seen(state, role)
        return seen if self.talking is None else seen | self.talking.shown(state, role)

    def _seen(self, state: State, role: str) -> dict[str, Tensor]:
        """What is seen as numbers."""
        o, users = self.options, state.signal.shape[1]
        k = len(primitives.acts(o))
        common = {"turn": state.turn, "rates": self.rates(state).expand(-1, users, -1)}
        if role == "user":
            seen = {
                "type": state.kind,
                "ambiguity": state.ambiguity,
                "outcome": state.outcome,
                "faced": (state.act.unsqueeze(-1) == torch.arange(k, device=state.act.device)).to(torch.float32),
                **common,
            }
            if o.games:
                game = self.truth(state)
                seen.update(mine=game[..., 0], theirs=game[..., 1])
            return seen
        menu = primitives.Menu.of(o, state.signal.device)
        vague = either(state.heard == 1, 1.0 - o.misread, o.misread)
        seen = {
            "signal": state.signal,
            "over": state.asked == 2,
            "faced": torch.stack((1.0 - vague, vague), -1),
            "usual_words": menu.words.expand(*state.signal.shape, -1),
            "usual_reasoning": menu.reasoning.expand(*state.signal.shape, -1),
            "word_cost": torch.full_like(state.signal, o.conflict * primitives.WRITING),
            "ambiguity": state.ambiguity,
            **common,
        }
        if o.harm.share > 0:
            complies = torch.arange(k, device=state.signal.device) < 3
            seen["third"] = self.harm_seen(state).unsqueeze(-1) * complies
            seen["harmful"] = state.harmful
        if o.games:
            game = self.believed(state)
            seen["truth"] = self.truth(state)
            seen.update(mine=game[..., 1].transpose(-1, -2), theirs=game[..., 0].transpose(-1, -2))
        return seen

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Carry the question over with noise; then judge the reply."""
        if phase == "ask":
            there = given(actions["user"], state.given)
            heard = replace(self._hear(state, actions["user"]["act"], draw), given=there)
            if self.talking is None:
                return Step(heard)
            heard, asked = self.talking.ask(heard, actions["user"]["question"], draw)
            return Step(heard, said={"user": asked})
        active = self.active(state)
        reply = turns.Reply.of(dict(actions["assistant"]))
        gives = actions["assistant"].get(GIVES)
        found = turns.play(self.options, state, reply, self.rates(state), active, draw, gives)
        both = state.given & given(actions["assistant"], state.given)
        after = turns.settle(self.options, state, reply, found, active, both, draw)
        paid = {"user": found.user, "assistant": turns.rewards(self.options, found)}
        ended = ~self.active(after).any(-1) if self.ends else None
        flows = measures.flows(self.options, state, reply, found, active, both)
        if reply.stated is not None:
            flows.update(measures.of_stated(reply.stated, self.truth(state), found.played, both))
        if self.talking is None:
            return Step(after, paid, ended, flows)
        own = actions["assistant"]["answer"]
        after, said = self.talking.answer(self.talking.settled(after, state, draw), state, reply.act, found, own, draw)
        return Step(after, paid, ended, flows, said={"assistant": said})

    def _hear(self, state: State, asked: Tensor, draw: Draw) -> State:
        users = asked.shape[1]
        clear = (asked == 0).to(torch.float32)
        left = primitives.unclear(state.ambiguity, clear, state.kind[..., 5])
        signal = left
        if self.options.noise > 0:
            signal = (left + self.options.noise * draw.normal("signal", users)).clamp(0.0, 1.0)
        heard = (asked != 0).to(torch.int64)
        if self.options.misread > 0:
            heard = heard ^ (draw.uniform("misread", users) < self.options.misread).to(torch.int64)
        return replace(state, asked=asked, heard=heard, signal=signal)

    def measures(self) -> tuple[Measure, ...]:
        """What the world may measure."""
        return DECLARED

    def present(self, state: State, role: str) -> Tensor | None:
        """Users with questions left, and their assistants."""
        return None if self.options.questions.number is None else self.active(state)

    def measure(self, state: State) -> dict[str, Tensor]:
        """Stocks: kinds of games, the exact optimum beside the published shift, hypervolumes of the last turn."""
        return measures.stocks(self.options, state, self.truth(state), self.rates(state), len(self.census.segments))

    def panel(self, state: State) -> dict[str, Tensor]:
        """Both welfares of the last turn, NaN where an act of this tick was forfeited, and the question at hand."""
        return {
            "own_welfare": torch.where(state.given, state.user_welfare, torch.nan),
            "own_assistant_welfare": torch.where(state.given, state.assistant_welfare, torch.nan),
            "ambiguity": state.ambiguity,
        }

    def dialogue(self) -> Dialogue:
        """The four-tag form; with words, what is really asked and answered."""
        if self.matter is None:
            return FourTags(self.options, self.wordings)
        return TalkDialogue(self.options, self.wordings, self.matter)

    @classmethod
    def population(cls, users: int, options: PayoffOptions) -> Population:
        """Users of different types."""
        return types.TypedUsers(users)
