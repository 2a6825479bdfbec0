"""Lock-in by Bayesian agents who count each other's beliefs twice (Qiu et al. 2025, "The Lock-in Hypothesis")."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.arithmetic import by_kernels
from populace.draw import Draw
from populace.envs.lockin.begin import begin, signal
from populace.envs.lockin.beliefs import NOTHING, combine, pool
from populace.envs.lockin.dialogue import EstimateDialogue
from populace.envs.lockin.matter import matter_of
from populace.envs.lockin.measures import DECLARED, measures
from populace.envs.lockin.options import PACKAGE, LockInOptions
from populace.envs.lockin.roles import roles, worded
from populace.envs.lockin.state import Beliefs, State, Trust
from populace.envs.lockin.talking import Talking
from populace.errors import OptionError
from populace.fields import Role
from populace.measures import Measure
from populace.population import People, PlainPopulation, Population
from populace.wordings import Wordings
from populace.world import Step, World


class LockIn(World[State, LockInOptions]):
    """Humans learn from signals and from assistants who learn from humans; see docs/worlds/coevolution.md."""

    id = "populace/lockin-v0"
    Options = LockInOptions
    phases = ("advise",)
    defaults: ClassVar = {"assistant": "aggregate"}

    def roles(self) -> tuple[Role, ...]:
        """The assistant; humans update by Bayes' rule, which is the mechanism."""
        cast = roles(self.options, self.census)
        return cast if self.talking is None else worded(cast)

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    @cached_property
    def talking(self) -> Talking | None:
        """What is said in words; None without `matter`."""
        if self.options.matter is None:
            return None
        return Talking(matter_of(self.options.matter, self.wordings.language), self.wordings)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return {} if self.talking is None else self.talking.said.lexicon

    def begin(self, people: People, draw: Draw) -> State:
        """Everyone has had one signal; assistants know nothing.

        Raises:
            OptionError: Trust is given for another number of agents.
        """
        self._trust(people.values.device)
        state = begin(self.options, people, draw)
        return state if self.talking is None else replace(state, quantity=self.talking.deal(draw))

    @cached_property
    def _given(self) -> dict[torch.device, Trust]:
        """Trust by device."""
        return {}

    def _trust(self, device: torch.device) -> Trust:
        """Who trusts whom, on this device."""
        if device not in self._given:
            self._given[device] = self._made(device)
        return self._given[device]

    def _made(self, device: torch.device) -> Trust:
        o, n, a = self.options, self.census.size, self.options.assistants
        if o.trust is not None:
            if len(o.trust) != n + a:
                said = f"it has {len(o.trust)} rows; {n} humans and {a} assistants need {n + a}"
                raise OptionError(said, ("world", "trust"))
            full = torch.tensor(o.trust, dtype=torch.float64, device=device)
            return Trust(full[n:, :n].contiguous(), full[:n, n:].contiguous(), full[:n, :n].contiguous())
        one = torch.ones((n, a), dtype=torch.float64, device=device)
        return Trust(o.lambda_assistant * one.T.contiguous(), o.lambda_human * one, None)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """Public beliefs; the truth only for oracles."""
        worlds, users = state.public.mean.shape
        shape = (worlds, self.options.assistants)
        trust = self._trust(state.public.mean.device).assistants
        words = {}
        if self.talking is not None and state.quantity is not None:
            words["quantity"] = self.talking.questions(state.quantity).unsqueeze(1).expand(shape)
        return {
            **words,
            "public_mean": state.public.mean.float().unsqueeze(1).expand(*shape, users),
            "public_log_precision": state.public.log_precision.float().unsqueeze(1).expand(*shape, users),
            "trust": trust.float().unsqueeze(0).expand(*shape, users),
            "round": state.rounds.unsqueeze(1).expand(shape),
            "truth": torch.full(shape, self.options.truth, device=state.rounds.device, dtype=torch.float32),
        }

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Humans take in the assistants, each other and a new signal."""
        done = actions["assistant"]
        said = Beliefs(done["mean"].double(), done["log_precision"].double().clamp(min=NOTHING))
        heard = state.assistant if self.options.order == "simultaneous" else said
        trust = self._trust(said.mean.device)
        if by_kernels(said.mean) and state.public.mean.numel() > 0:
            from populace.envs.lockin.updating import updated as by_kernel  # imports numba

            private, public = by_kernel(self.options, state, heard, trust, draw)
        else:
            private, public = self._updated(state, heard, trust, draw)
        error = (said.mean - self.options.truth).float()
        after = replace(state, private=private, public=public, assistant=said, rounds=state.rounds + 1)
        told = {}
        if self.talking is not None and state.quantity is not None:
            people = state.public.mean.float().mean(-1)
            told["assistant"] = self.talking.estimate(state.quantity, done, people, self.options.truth, draw)
        return Step(after, {"assistant": -error.abs()}, said=told)

    def _updated(self, state: State, heard: Beliefs, trust: Trust, draw: Draw) -> tuple[Beliefs, Beliefs]:
        """Private and public beliefs after a round."""
        o = self.options
        private = combine(state.private, signal(o.truth, state.log_signal, draw))
        own = state.private if o.order == "peer" else private
        public = combine(own, pool(heard, trust.humans))
        if trust.peers is not None:
            public = combine(public, pool(state.public, trust.peers))
        elif o.lambda_peer > 0:
            n = self.census.size
            public = combine(
                public,
                pool(
                    state.public, o.lambda_peer * (1.0 - torch.eye(n, dtype=torch.float64, device=trust.humans.device))
                ),
            )
        return private, public

    def measure(self, state: State) -> dict[str, Tensor]:
        """What the first assistant believes and how sure it is, and how far humans differ; NaN before it spoke."""
        return measures(state, self.options.truth)

    def measures(self) -> tuple[Measure, ...]:
        """What is measured."""
        return DECLARED

    def panel(self, state: State) -> dict[str, Tensor]:
        """Every human's public and private mean."""
        return {"public_mean": state.public.mean.float(), "private_mean": state.private.mean.float()}

    def dialogue(self) -> EstimateDialogue:
        """Estimates and their errors."""
        return EstimateDialogue(self.wordings, self.talking)

    @classmethod
    def population(cls, users: int, options: LockInOptions) -> Population:
        """Humans alike: only their number matters."""
        return PlainPopulation(users, ("belief",))
