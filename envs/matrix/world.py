"""Any normal-form game, one-shot or repeated, in a population matched in pairs, at random or by a network."""

from collections.abc import Mapping
from dataclasses import replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.acts import given
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.envs.matrix import talking
from populace.envs.matrix.begin import begin, models
from populace.envs.matrix.dialogue import GameDialogue
from populace.envs.matrix.measures import DECLARED, measures, of_promises
from populace.envs.matrix.options import PACKAGE, MatrixOptions
from populace.envs.matrix.roles import roles
from populace.envs.matrix.state import State
from populace.errors import OptionError
from populace.fields import Role
from populace.measures import Measure
from populace.numerics import kernels_take, total
from populace.population import Census, People, PlainPopulation, Population
from populace.wordings import Wordings
from populace.world import Step, World


class Matrix(World[State, MatrixOptions]):
    """A population that plays a normal-form game; see docs/worlds/payoff.md."""

    id = "populace/matrix-v0"
    Options = MatrixOptions
    phases: tuple[str, ...] = ("play",)
    worded = ("talk",)
    defaults: ClassVar[Mapping[str, str]] = {"player": "best-response"}

    def __init__(self, options: MatrixOptions, census: Census) -> None:
        super().__init__(options, census)
        self.ends = options.patience < 1.0
        if options.talk:
            self.phases = ("talk", "play")
        if options.matching in ("pairs", "random") and census.size % self.players:
            raise OptionError(
                f"{census.size} players cannot be put into groups of {self.players}: make population.size a multiple",
                ("population", "size"),
                ("world", "matching"),
            )
        if options.matching == "network" and not census.networked:
            raise OptionError("network needs a population with a social network", ("world", "matching"))

    @property
    def players(self) -> int:
        """Players of one game."""
        return len(self.acts)

    @cached_property
    def acts(self) -> tuple[int, ...]:
        """Numbers of acts of the game as given."""
        return self.options.acts

    @property
    def shape(self) -> tuple[int, ...]:
        """Numbers of acts of the game as played; see `MatrixOptions.shape`."""
        return (max(self.acts),) * len(self.acts)

    @property
    def joint(self) -> int:
        """Joint acts of the others."""
        return int(self.shape[0] ** (self.players - 1))

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    def roles(self) -> tuple[Role, ...]:
        """Players, all in one role."""
        return roles(self.options, self.census)

    def begin(self, people: People, draw: Draw) -> State:
        """Nobody has played."""
        return begin(self.options, people, draw)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """The game from the seat's own side, what it met, and one other player to learn from."""
        seen = self._seen(state)
        if state.message is None or phase == "talk":
            return seen
        return seen | {"said": state.message, "heard": talking.across(state.message)}

    def _seen(self, state: State) -> dict[str, Tensor]:
        """What is seen as numbers."""
        worlds, users = state.act.shape
        n, k = self.players, self.shape[0]
        game = state.game.unflatten(1, self.shape)
        mine, theirs = [], []
        for player in range(n if self.options.matching in ("pairs", "random") else 1):
            turned = game.movedim(1 + player, 1).flatten(2, -2)
            own = turned[..., player]
            mine.append(own)
            theirs.append((turned.sum(-1) - own) / (n - 1))
        copies = users // len(mine)
        shown = {
            name: torch.stack(sides, 1).unsqueeze(1).expand(-1, copies, -1, -1, -1).flatten(1, 2)
            if len(sides) > 1
            else sides[0].unsqueeze(1).expand(-1, users, -1, -1)
            for name, sides in (("mine", mine), ("theirs", theirs))
        }
        span = state.game.amax((1, 2)) - state.game.amin((1, 2))
        seen = {
            **shown,
            "faced": state.faced,
            "own": state.act.clamp(max=k),
            "payoff": state.payoff,
            "span": span.unsqueeze(-1).expand(worlds, users),
        }
        if state.model is not None:
            seen["model_act"] = state.act.gather(1, state.model)
            seen["model_payoff"] = state.payoff.gather(1, state.model)
        return seen

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Say a sentence; match, play, pay."""
        if phase == "talk":
            promise = actions["player"].get("read/promise")
            message, promise, said = talking.talk(
                self.wordings, state, actions["player"]["message"], promise, self.options.names, draw
            )
            return Step(replace(state, message=message, promise=promise), said={"player": said})
        act = actions["player"]["act"]
        there = given(actions["player"], act)
        if len(set(self.acts)) > 1:
            last = torch.tensor(self.acts, device=act.device) - 1
            act = torch.minimum(act, last.repeat(act.shape[1] // self.players))
        if self.options.matching == "pairs":
            payoff, faced, counts = self._grouped(state.game, act, there)
        elif self.options.matching == "random":
            payoff, faced, counts = self._shuffled(state.game, act, there, draw)
        else:
            payoff, faced, counts = self._among(state, act, there if "kind" in actions["player"] else None)
        after = State(
            game=state.game,
            act=act,
            given=there,
            faced=faced,
            payoff=payoff,
            model=models(self.options, act.shape[1], draw),
            tick=state.tick + 1,
            message=state.message,
            promise=state.promise,
            network=state.network,
        )
        ended = None
        if self.ends:
            ended = draw.uniform("goes on") >= self.options.patience
        found = measures(state.game, counts, self.shape)
        if state.promise is not None:
            found |= of_promises(state.promise, act, there)
        return Step(after, {"player": payoff}, ended, found)

    def _grouped(self, game: Tensor, act: Tensor, there: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Groups of neighbours: payoffs [worlds, seats], faced [worlds, seats, joint], shares [worlds, cells].

        Shares are of the groups in which nobody forfeited; NaN where there is none.
        """
        n, k = self.players, self.shape[0]
        if kernels_take(game) and act.numel() > 0:
            from populace.envs.matrix.playing_kernel import play  # imports numba

            payoff, faced, shares = play(game, act, there, n, k, None)
            return payoff, faced, shares
        group = act.unflatten(1, (-1, n))
        cell = group[..., 0]
        for player in range(1, n):
            cell = cell * k + group[..., player]
        payoff = torch.stack([game[..., player].gather(1, cell) for player in range(n)], -1).flatten(1)
        others = []
        for player in range(n):
            met = torch.zeros_like(cell)
            for other in range(n):
                if other != player:
                    met = met * k + group[..., other]
            others.append(met)
        met = torch.stack(others, -1).flatten(1)
        faced = (met.unsqueeze(-1) == torch.arange(self.joint, device=act.device)).to(torch.float32)
        whole = there.unflatten(1, (-1, n)).all(-1)
        counts = torch.stack([((cell == c) & whole).sum(-1) for c in range(game.shape[1])], -1)
        return payoff, faced, counts.to(torch.float32) / whole.sum(-1, keepdim=True)

    def _shuffled(self, game: Tensor, act: Tensor, there: Tensor, draw: Draw) -> tuple[Tensor, Tensor, Tensor]:
        """New partners: the seats of each role are put in a random order of their own."""
        worlds, users = act.shape
        n = self.players
        order = draw.uniform("order", n, users // n).argsort(dim=-1, stable=True)
        place = (order * n + torch.arange(n, device=act.device).view(1, -1, 1)).transpose(1, 2).flatten(1)
        if kernels_take(game) and act.numel() > 0:
            from populace.envs.matrix.playing_kernel import play  # imports numba

            payoff, faced, shares = play(game, act, there, n, self.shape[0], place)
            return payoff, faced, shares
        payoff, faced, counts = self._grouped(game, act.gather(1, place), there.gather(1, place))
        back = torch.empty_like(place).scatter_(1, place, torch.arange(users, device=act.device).expand(worlds, -1))
        return payoff.gather(1, back), faced.gather(1, back.unsqueeze(-1).expand_as(faced)), counts

    def _among(self, state: State, act: Tensor, there: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """All whom one listens to, or everyone but oneself: payoffs are means over those met.

        Shares are of encounters between those who are `there` [worlds, players]; None for everyone.
        """
        k = self.shape[0]
        one = (act.unsqueeze(-1) == torch.arange(k, device=act.device)).to(torch.float64)
        faced = self._met(state, one)
        own = state.game[..., 0].unflatten(1, (k, k)).gather(1, act.unsqueeze(-1).expand(-1, -1, k))
        payoff = (own * faced).sum(-1)
        told, met = one, faced
        if there is not None:
            told = one * there.unsqueeze(-1)
            met = self._met(state, told)
        pairs = total((told.unsqueeze(-1) * met.unsqueeze(-2)).flatten(-2).transpose(1, 2))
        count = act.shape[1] if there is None else pairs.sum(-1, keepdim=True)
        return payoff, faced, (pairs / count).to(torch.float32)

    def _met(self, state: State, one: Tensor) -> Tensor:
        """Shares of what each meets, [worlds, seats, acts] float32, of acts one-hot [worlds, seats, acts] float64."""
        k = one.shape[-1]
        network = state.network
        if self.options.matching == "everyone" or network is None or network.complete:
            # Counts of whole numbers are exact in float64, in any order.
            met = one.sum(1, keepdim=True) - one
        else:
            source, target = (
                x.expand(len(one), -1).unsqueeze(-1).expand(-1, -1, k) for x in (network.source, network.target)
            )
            weight = network.weight.double().expand(len(one), -1).unsqueeze(-1)
            met = torch.zeros_like(one).scatter_add_(1, target, one.gather(1, source) * weight)
        return (met / met.sum(-1, keepdim=True).clamp(min=1e-12)).to(torch.float32)

    def measures(self) -> tuple[Measure, ...]:
        """What the world may measure."""
        return DECLARED

    def dialogue(self) -> Dialogue:
        """The game in words."""
        return GameDialogue(self.options, self.wordings)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return talking.phrases(self.wordings, self.options.names).lexicon if self.options.talk else {}

    def panel(self, state: State) -> dict[str, Tensor]:
        """Last acts and payoffs; NaN of those who gave none."""
        own = {"act": state.act.to(torch.float32), "own_payoff": state.payoff}
        return {name: torch.where(state.given, value, torch.nan) for name, value in own.items()}

    @classmethod
    def population(cls, users: int, options: MatrixOptions) -> Population:
        """Players without traits."""
        return PlainPopulation(users, ())
