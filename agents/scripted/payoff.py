"""Players of games: they see payoffs `mine` and `theirs` (own acts x the other's) and what they `faced`.

They play users and assistants of the payoff world and players of the matrix world alike.
"""

import torch
from pydantic import Field
from torch import Tensor

from populace.agents.scripted.payoff_parts import against, complete, expected, largest
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName
from populace.fields import Role
from populace.numerics import kernels_take
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy
from populace.population import People


class AlwaysOptions(Options):
    """Which act."""

    act: str | int = 0
    """The act's label or number."""
    copy_example: bool = False
    """Whether an assistant that states a game copies the prompt's example, as collapsed models do."""


class Always(Policy[AlwaysOptions]):
    """Always the same act."""

    speaks = False
    Options = AlwaysOptions

    def check_role(self, role: Role, dialogue: Dialogue | None) -> None:
        """The role must have this act."""
        self._index(role)

    def _index(self, role: Role) -> int:
        labels = next((f.labels for f in role.does if f.name == "act"), ())
        wanted = self.options.act
        if isinstance(wanted, str) and wanted not in labels:
            raise UnknownName(f"act of {role.name}", wanted, labels)
        if not isinstance(wanted, str) and not 0 <= wanted < len(labels):
            raise UnknownName(f"act of {role.name}", str(wanted), (str(i) for i in range(len(labels))))
        return labels.index(wanted) if isinstance(wanted, str) else wanted

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """One act for all.

        Raises:
            UnknownName: The role has no such act.
        """
        index = self._index(observation.role)
        shape = (draw.worlds, observation.role.seats)
        act = torch.full(shape, index, dtype=torch.int64, device=draw.device)
        return complete(observation, act, copy=self.options.copy_example), memory


class BestResponseOptions(Options):
    """When to leave."""

    leaves: bool = True
    """Whether a user ends the conversation when the best it can expect is negative."""


class BestResponse(Policy[BestResponseOptions]):
    """The best reply to what it faced last; before that, to all acts alike."""

    speaks = False
    Options = BestResponseOptions
    needs = ("mine", "faced")

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Of equally good acts the first."""
        worth = expected(observation)
        return complete(observation, self._pick(observation, worth)), memory

    def _pick(self, observation: Observation, worth: Tensor) -> Tensor:
        act = worth.argmax(-1)
        labels = next(f.labels for f in observation.role.does if f.name == "act")
        if "end" in labels and self.options.leaves:
            act = torch.where(worth.amax(-1) < 0, labels.index("end"), act)
        return act


class FictitiousPlay(BestResponse):
    """The best reply to the mean of all it has faced (Brown 1951), beginning with one imagined meeting of each act."""

    def begin(self, role: Role, people: People, draw: Draw) -> Memory:
        """Counts [worlds, seats, other's acts]."""
        other = next(f.shape[0] for f in role.sees if f.name == "faced")
        return torch.ones((draw.worlds, role.seats, other), device=draw.device, dtype=torch.float32)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Count, then reply."""
        counts = memory + observation["faced"]
        worth = against(observation["mine"], counts / counts.sum(-1, keepdim=True))
        return complete(observation, self._pick(observation, worth)), counts


class LogitOptions(Options):
    """How noisy."""

    noise: float = Field(default=0.1, gt=0)
    """Temperature, in payoff units; to 0 a best response, to infinity a coin."""


class Logit(Policy[LogitOptions]):
    """Plays act a with a chance proportional to exp(payoff / noise): logit response (McKelvey and Palfrey 1995)."""

    speaks = False
    Options = LogitOptions
    needs = ("mine", "faced")

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A draw of each seat's own."""
        worth = expected(observation) / self.options.noise
        weights = torch.exp(worth - worth.amax(-1, keepdim=True))
        return complete(observation, draw.categorical("act", weights)), memory


class TitForTat(Policy):
    """Does its part of the best cell for both, but for a turn after the other did not do its own, it punishes.

    The part is that of the largest sum; the punishment is the act against which the other's best reply is worst. In a
    prisoner's dilemma that is Axelrod's tit-for-tat.
    """

    speaks = False
    needs = ("mine", "theirs", "faced")

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """It judges what it faced last by its most frequent act; in the beginning it trusts."""
        mine, theirs, faced = observation["mine"], observation["theirs"], observation["faced"]
        if kernels_take(mine, theirs, faced):
            from populace.agents.scripted.payoff_kernel import tit_for_tat  # imports numba

            return complete(observation, tit_for_tat(mine, theirs, faced)), memory
        best = (mine + theirs).flatten(-2).argmax(-1)
        part, expected = best // mine.shape[-1], best % mine.shape[-1]
        punishment = theirs.amax(-1).argmin(-1)
        met = faced.sum(-1) > 0
        broken = met & (faced.argmax(-1) != expected)
        return complete(observation, torch.where(broken, punishment, part)), memory


class RuleOptions(Options):
    """How a solution rule is applied."""

    corrected: bool = False
    """Published rules choose a cell of the whole game, the other's act included. Corrected ones take the other's act
    as it was observed, and products of gains over the disagreement point instead of products of payoffs."""
    outside: tuple[float, float] = (0.0, 0.0)
    """The disagreement point (own, other's) of corrected products."""


class Rule(Policy[RuleOptions]):
    """The base of those who follow a solution rule; of tied cells one at random."""

    speaks = False
    Options = RuleOptions
    needs = ("mine", "theirs", "faced")

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Its own part of the cell that the rule chooses."""
        mine, theirs = observation["mine"], observation["theirs"]
        if self.options.corrected:
            mine, theirs = expected(observation).unsqueeze(-1), expected(observation, "theirs").unsqueeze(-1)
        users = (mine, theirs) if observation.role.name != "assistant" else (theirs, mine)
        chosen = self.chosen(*(x.flatten(-2) for x in users), *(x.flatten(-2) for x in (mine, theirs)))
        # Tied acts are equally likely, however many of their cells are tied.
        acts = chosen.unflatten(-1, mine.shape[-2:]).any(-1).to(torch.float32)
        return complete(observation, draw.categorical("act", acts)), memory

    def chosen(self, user: Tensor, assistant: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """The cells that the rule may choose, [..., cells] bool; all arguments [..., cells]."""
        raise NotImplementedError


class SumRule(Rule):
    """(a) GTAlign's prompt: the largest sum; ties to the user's larger payoff, then to the assistant's."""

    def chosen(self, user: Tensor, assistant: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """Lexicographic."""
        return largest(assistant, largest(user, largest(user + assistant)))


class ProductRule(Rule):
    """(c) GTAlign's inference: the largest product; two negatives make a positive unless corrected."""

    def chosen(self, user: Tensor, assistant: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """All cells of the largest product."""
        if not self.options.corrected:
            return largest(mine * theirs)
        own, other = mine - self.options.outside[0], theirs - self.options.outside[1]
        allowed = (own >= 0) & (other >= 0)
        gain = torch.where(allowed, own * other, -torch.inf)
        # Where nothing is as good as the disagreement point for both, the least bad for the worse off.
        worst = torch.minimum(own, other)
        return torch.where(allowed.any(-1, keepdim=True), largest(gain), largest(worst))


class RewardRule(ProductRule):
    """(b) GTAlign's training reward: the largest sqrt(U L), undefined (here never chosen) if one is negative."""

    def chosen(self, user: Tensor, assistant: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """As the product where that is positive."""
        if self.options.corrected:
            return super().chosen(user, assistant, mine, theirs)
        return largest(torch.sqrt((mine * theirs).clamp(min=0.0)))


class ParetoRule(Rule):
    """(d) GTAlign's ablation judge: any cell on the Pareto frontier."""

    def chosen(self, user: Tensor, assistant: Tensor, mine: Tensor, theirs: Tensor) -> Tensor:
        """All undominated cells."""
        points = torch.stack((user, assistant), -1)
        one, other = points.unsqueeze(-2), points.unsqueeze(-3)
        return ~((other >= one).all(-1) & (other > one).any(-1)).any(-1)


BLIND = "imitation needs to see another player: set the matrix world's option models: true"


class ImitationOptions(Options):
    """How it experiments."""

    noise: float = Field(default=0.0, ge=0, le=1)
    """Chance of a random act."""
    start: float | None = Field(default=None, ge=0, le=1)
    """Share that begins with the first act; the others take the rest alike. Default: all alike."""


class Imitation(Policy[ImitationOptions]):
    """Takes over another player's last act with a chance in proportion to how much better that paid.

    Schlag's (1998) proportional imitation: in large populations the shares of acts follow the replicator dynamic.
    It begins at random, and a small share of acts is random throughout.
    """

    speaks = False
    Options = ImitationOptions
    plays = ("player",)

    def check_role(self, role: Role, dialogue: Dialogue | None) -> None:
        """The world must show other players."""
        if not any(field.name == "model_act" for field in role.sees):
            raise PopulaceError(BLIND)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Look at one other player, compare, perhaps follow.

        Raises:
            PopulaceError: The world does not show other players.
        """
        if "model_act" not in observation:
            raise PopulaceError(BLIND)
        acts = observation["mine"].shape[-2]
        own, model = observation["own"], observation["model_act"]
        uniform = draw.uniform("luck", observation.role.seats, 4)
        gain = (observation["model_payoff"] - observation["payoff"]) / observation["span"].clamp(min=1e-12)
        act = torch.where(uniform[..., 0] < gain, model, own)
        fresh = (uniform[..., 2] * acts).to(torch.int64).clamp(max=acts - 1)
        start = fresh
        if self.options.start is not None:
            rest = 1 + (uniform[..., 2] * (acts - 1)).to(torch.int64).clamp(max=acts - 2)
            start = torch.where(uniform[..., 3] < self.options.start, 0, rest)
        act = torch.where(uniform[..., 1] < self.options.noise, fresh, act)
        return {"act": torch.where(own >= acts, start, act)}, memory
