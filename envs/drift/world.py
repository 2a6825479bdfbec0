"""Users ask, the assistant answers as it believes or not, users rate: what learners make of that is the drift."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.acts import given
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.envs.drift import measures, users
from populace.envs.drift.begin import begin
from populace.envs.drift.claims import ACTS, OMIT
from populace.envs.drift.dialogue import DriftDialogue
from populace.envs.drift.matter import Matter, matter_of
from populace.envs.drift.measures import DECLARED
from populace.envs.drift.options import PACKAGE, DriftOptions
from populace.envs.drift.roles import roles
from populace.envs.drift.state import State
from populace.envs.drift.talking import Talking
from populace.fields import Role
from populace.measures import Measure
from populace.numerics import either, kernels_take
from populace.population import Census, People, PlainPopulation, Population
from populace.wordings import Wordings
from populace.world import Step, World

Actions = Mapping[str, Mapping[str, Tensor]]


class Drift(World[State, DriftOptions]):
    """Conversations that users rate: the inner clock. The outer clock is learning (`learn_every`).

    A tick is one turn of every user's conversation: in `ask` nature deals topics, claims and cues, in `speak` the
    assistant answers, in `rate` users rate and an auditor looks into what its budget allows. With `matter` users ask in
    words in a phase `put` of its own, answers are given in words, and measures stay the same.
    """

    id = "populace/drift-v0"
    Options = DriftOptions
    phases: tuple[str, ...] = ("ask", "speak", "rate")
    worded = ("put",)
    defaults: ClassVar[Mapping[str, str]] = {"assistant": "honest", "user": "candid", "auditor": "suspicious"}
    optional = ("auditor",)

    def __init__(self, options: DriftOptions, census: Census) -> None:
        super().__init__(options, census)
        if options.matter is not None:
            self.phases = ("ask", "put", "speak", "rate")
            topics = [users.TOPICS.index(name) for name in options.topics]
            self.matter.demand((*topics, *([0] if options.probes else [])))

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    @property
    def matter(self) -> Matter:
        """The claims; asked only where the option `matter` names some."""
        assert self.options.matter is not None
        return matter_of(self.options.matter, self.wordings.language)

    @cached_property
    def talking(self) -> Talking | None:
        """What is said in words; None without `matter`."""
        o = self.options
        return None if o.matter is None else Talking(self.wordings, self.matter, self.census.size, o.turns)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return {} if self.talking is None else self.talking.said.lexicon

    def roles(self) -> tuple[Role, ...]:
        """Assistant, user, and an auditor if it has a budget."""
        return roles(self.options, self.census)

    def begin(self, people: People, draw: Draw) -> State:
        """Everybody is here, nothing is said; types come from the segment `biased`, or from `biased_share`."""
        return begin(self.options, self.census, people, draw, self.talking)

    def measures(self) -> tuple[Measure, ...]:
        """What the world may measure."""
        return DECLARED

    def present(self, state: State, role: str) -> Tensor | None:
        """Users who left are gone, and so is their conversation; probes are always there."""
        if role == "user":
            return state.here
        if role == "assistant":
            probes = state.here.new_ones((len(state.here), self.options.probes))
            return torch.cat((state.here, probes), -1)
        return None

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """What the assistant makes of the question, or what the user hears of the answer."""
        if self.talking is None:
            return self._seen(state, role)
        shown = self._seen(state, role) | self.talking.shown(state, role)
        fields = {f.name for f in self.cast[role].seen_in(phase, private=True)}
        return {name: value for name, value in shown.items() if name in fields}

    def _seen(self, state: State, role: str) -> dict[str, Tensor]:
        """What is seen as numbers."""
        size = self.census.size
        if role == "assistant":
            in_domain = state.topic > 0
            return {
                "topic": state.topic,
                "cue": state.cue,
                "known": state.known,
                "belief": state.belief,
                "likeness": either(in_domain, 1.0, self.options.transfer),
                "rated": self._padded(state.here, 0),
                "truth": state.truth,
                "biased": self._padded(state.biased, 0),
            }
        if role == "auditor":
            assert state.suspicion is not None
            return {"suspicion": state.suspicion.unsqueeze(1), "topics": state.topic[:, None, :size]}
        claims = measures.claims_of(state)
        stated = torch.where(claims.states, 1 + claims.statement.to(torch.int64), 0)
        return {
            "topic": state.topic[:, :size],
            "act": state.act[:, :size],
            "statement": stated[:, :size],
            "own_type": state.biased.to(torch.int64),
            "felt": state.felt,
            "trust": users.satisfaction(state.exposure, self.options.sensitivity),
            "truth": state.truth[:, :size],
        }

    def _padded(self, value: Tensor, fill: float) -> Tensor:
        """[worlds, users] -> [worlds, seats], `fill` at the probes."""
        probes = value.new_full((len(value), self.options.probes), fill)
        return torch.cat((value, probes), -1)

    def advance(self, state: State, phase: str, actions: Actions, draw: Draw) -> Step[State]:
        """Deal the claims; hear the answers; take the ratings."""
        if phase == "ask":
            asked = self._ask(self._turnover(self._discover(state, draw), draw), draw)
            return Step(asked if self.talking is None else self.talking.deal(asked, state, draw))
        if phase == "put":
            assert self.talking is not None
            state, question = self.talking.put(state, actions["user"]["question"], draw)
            return Step(state, said={"user": question})
        if phase == "speak":
            heard = self._hear(state, actions["assistant"], draw)
            if self.talking is None:
                return Step(heard)
            heard, answer = self.talking.answer(heard, actions["assistant"]["answer"], draw)
            return Step(heard, said={"assistant": answer})
        return self._rate(state, actions, draw)

    # ------------------------------------------------------------------ ask

    def _discover(self, state: State, draw: Draw) -> State:
        """Earlier deceptions come out, and cost trust."""
        if self.options.discovery == 0:
            return state
        found = state.deceived & (draw.uniform("discovery", self.census.size) < self.options.discovery)
        exposure = state.exposure - self.options.betrayal * found
        return replace(state, exposure=exposure, deceived=state.deceived & ~found)

    def _turnover(self, state: State, draw: Draw) -> State:
        """Who wanted to leave is gone; newcomers take empty seats."""
        o, size = self.options, self.census.size
        here = state.here & ~state.leaving
        if o.join == 0:
            return replace(state, here=here)
        new = ~here & (draw.uniform("join", size) < o.join)
        share = o.biased_share if o.newcomers is None else o.newcomers
        biased = torch.where(new, draw.uniform("newcomer", size) < share, state.biased)
        exposure = torch.where(new, 0.0, state.exposure)
        return replace(state, here=here | new, biased=biased, exposure=exposure, deceived=state.deceived & ~new)

    def _ask(self, state: State, draw: Draw) -> State:
        o, size = self.options, self.census.size
        seats = size + o.probes
        sure, plain = draw.uniform("sure", seats), draw.uniform("plain", seats)
        # One number decides two independent things: what is left of it after the first decision is uniform again.
        known = sure < o.known
        right = torch.where(known, sure < o.known * o.accuracy, sure < o.known + 0.5 * (1.0 - o.known))
        truth = plain < 0.5
        checkable = torch.where(truth, plain < 0.5 * o.verifiability, plain < 0.5 + 0.5 * o.verifiability)
        dealt = replace(
            state,
            topic=self._topics(state, draw),
            cue=self._padded(self._cues(state, draw), 0),
            truth=truth,
            belief=truth == right,
            known=known,
            checkable=checkable,
        )
        if o.turns == 1:
            return dealt
        new = (state.turn % o.turns == 0).unsqueeze(-1)
        kept = {
            name: torch.where(new, getattr(dealt, name), getattr(state, name))
            for name in ("topic", "cue", "truth", "belief", "known", "checkable")
        }
        return replace(state, **kept)

    def _topics(self, state: State, draw: Draw) -> Tensor:
        names = self.options.topics
        indices = [users.TOPICS.index(name) for name in names]
        if len(names) == 1:
            return self._padded(torch.full_like(state.cue[:, : self.census.size], indices[0]), 0)
        index = torch.tensor(indices, device=draw.device)
        return self._padded(index[draw.integers("topic", 0, len(names), self.census.size)], 0)

    def _cues(self, state: State, draw: Draw) -> Tensor:
        o, size = self.options, self.census.size
        if o.blind:
            return torch.zeros_like(state.cue[:, :size])
        if o.leaked or o.cue_accuracy == 1.0:
            return 1 + state.biased.to(torch.int64)
        right = draw.uniform("cue", size) < o.cue_accuracy
        return 1 + (state.biased == right).to(torch.int64)

    # ------------------------------------------------------------------ speak

    def _hear(self, state: State, said: Mapping[str, Tensor], draw: Draw) -> State:
        o, size = self.options, self.census.size
        act = said["act"]
        heard = act[:, :size]
        deceptive = heard >= OMIT
        if kernels_take(state.exposure):
            felt, exposure, deceived = self._felt(state, act, draw)
            return self._taken(state, said, felt, exposure, deceived, deceptive, draw)
        seen = state.checkable[:, :size]
        if o.hindsight > 0:
            seen = seen | (draw.uniform("hindsight", size) < o.hindsight)
        # Honest answers are rated alike by benign users whether they can check them or not.
        kind = torch.where(state.biased, users.BIASED_KIND, torch.where(seen & deceptive, users.SEEN, users.UNSEEN))
        mean, spread = users.rating_table(o.pleased, draw.device, o.ratings)
        index = (state.topic[:, :size] * 3 + kind) * len(ACTS) + heard
        sd = spread.reshape(-1)[index] if o.spread is None else o.spread / 9.0
        felt = mean.reshape(-1)[index] + sd * draw.normal("felt", size)
        exposure, deceived = state.exposure, state.deceived
        if o.trust:
            pleasing = torch.tensor(users.PLEASING, device=draw.device, dtype=torch.float32)[heard]
            exposure = users.next_exposure(exposure, pleasing, draw.normal("jitter", size), o.memory, o.jitter)
            trust = users.satisfaction(exposure, o.sensitivity)
            felt = felt * (1.0 + o.trust_weight * (2.0 * trust - 1.0))
            deceived = deceived | (deceptive & ~seen)
        return self._taken(state, said, felt, exposure, deceived, deceptive, draw)

    def _felt(self, state: State, act: Tensor, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """The same by a kernel: what is felt, exposure, and who is deceived."""
        from populace.envs.drift.hearing_kernel import hear  # imports numba

        o, size = self.options, self.census.size
        mean, sd = users.rating_table(o.pleased, draw.device, o.ratings)
        return hear(
            act,
            state.topic,
            state.biased,
            state.checkable,
            draw.uniform("hindsight", size) if o.hindsight > 0 else None,
            draw.normal("felt", size),
            draw.normal("jitter", size) if o.trust else None,
            state.exposure,
            state.deceived,
            (mean, sd if o.spread is None else None),
            torch.tensor(users.PLEASING, dtype=torch.float32),
            OMIT,
            ((o.spread or 0.0) / 9.0, o.memory, o.jitter, o.sensitivity, o.trust_weight, o.hindsight),
        )

    def _taken(
        self,
        state: State,
        said: Mapping[str, Tensor],
        felt: Tensor,
        exposure: Tensor,
        deceived: Tensor,
        deceptive: Tensor,
        draw: Draw,
    ) -> State:
        """The state after the answers."""
        o, size = self.options, self.census.size
        suspicion = None
        if o.audit_budget > 0:
            suspicion = deceptive + o.suspicion_noise * draw.normal("suspicion", size)
        return replace(
            state,
            act=said["act"],
            stance=said["stance"],
            answered=given(said, state.answered),
            felt=felt,
            exposure=exposure,
            deceived=deceived,
            suspicion=suspicion,
            spoken=state.spoken | True,
        )

    # ------------------------------------------------------------------ rate

    def _rate(self, state: State, actions: Actions, draw: Draw) -> Step[State]:
        o = self.options
        rating = actions["user"]["rating"].clamp(-1.0, 2.0)
        paid, flows = rating, {}
        if o.shuffled:
            paid = self._shuffled(state, rating, draw)
        rewards = {"user": torch.where(state.here, state.felt, 0.0)}
        if o.audit_budget > 0:
            fined = self._audit(state, actions["auditor"]["rank"][:, 0], draw)
            paid = paid - o.audit_fine * fined
            # An auditor that gave no act fined nobody: who is looked into then is chance.
            flows["fined"] = torch.where(given(actions["auditor"], rating[:, :1])[:, 0], fined.mean(-1), torch.nan)
            rewards["auditor"] = fined.mean(-1, keepdim=True)
        rewards["assistant"] = self._padded(torch.where(state.here, paid, 0.0), 0)
        leaving = actions["user"]["leave"] & state.here
        rated = given(actions["user"], rating)
        state = replace(state, rating=rating, rated=rated, leaving=leaving, turn=state.turn + 1)
        said = {} if self.talking is None else {"user": self.talking.reason(state, actions["user"]["reason"], draw)}
        return Step(state, rewards, measures=flows, said=said)

    def _shuffled(self, state: State, rating: Tensor, draw: Draw) -> Tensor:
        """The ratings of those who are here, dealt out anew among them."""
        order = torch.where(state.here, draw.uniform("shuffle", self.census.size), 2.0).argsort(-1)
        place = (state.here.to(torch.int64).cumsum(-1) - 1).clamp(min=0)
        return rating.gather(-1, order.gather(-1, place))

    def _audit(self, state: State, rank: Tensor, draw: Draw) -> Tensor:
        """Who is fined, [worlds, users] 0 or 1: deceptions among the first in rank, ties broken at random."""
        size = self.census.size
        budget = round(self.options.audit_budget * size)
        rank = torch.where(state.here, rank + 1e-3 * draw.uniform("tie", size), -torch.inf)
        place = rank.argsort(dim=-1, descending=True, stable=True).argsort(-1)
        looked = (place < budget) & state.here & (state.act[:, :size] >= OMIT)
        return (looked & (draw.uniform("audit", size) < self.options.audit_accuracy)).float()

    # ------------------------------------------------------------------ what is measured

    def measure(self, state: State) -> dict[str, Tensor]:
        """Every measure of the last round; NaN before the first."""
        return measures.measure(state, self.options.sensitivity)

    def panel(self, state: State) -> dict[str, Tensor]:
        """Of every user: type, whether here, the rating given, trust, whether deceived this round.

        What was not given is NaN: a rating that could not be read, and honesty where the assistant forfeited.
        """
        size = self.census.size
        silent = ~state.spoken.unsqueeze(-1)
        told, rated = state.answered[:, :size] | silent, state.rated | silent
        return {
            "biased": state.biased.float(),
            "here": state.here.float(),
            "rating": torch.where(rated, state.rating, torch.nan),
            "trust": users.satisfaction(state.exposure, self.options.sensitivity),
            "dishonest": torch.where(told, (state.act[:, :size] >= OMIT).float(), torch.nan),
        }

    def dialogue(self) -> Dialogue:
        """Claims and answers in words."""
        return DriftDialogue(self.wordings)

    @classmethod
    def population(cls, users: int, options: DriftOptions) -> Population:
        """Users alike; the world makes some of them biased."""
        return PlainPopulation(users, ("interest",))
