"""The games of principal-agent theory, one class each: chance events, equilibrium play, and what play comes to.

A game has up to three moves: the principal's terms [worlds, pairs, 4], the agent's move [worlds, pairs], and the
principal's answer [worlds, pairs]. Unused numbers are 0.
"""

import math
from collections.abc import Mapping
from typing import ClassVar

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.agency import theory
from populace.envs.agency.options import AgencyOptions
from populace.numerics import either, mean_of, total

Payoffs = tuple[Tensor, Tensor, dict[str, Tensor]]
"""Principal's and agent's payoffs [worlds, pairs], and measures [worlds]."""


class Game:
    """Base: quality uniform on [0, 1], no terms, nothing said.

    Attributes:
        hears: Whether the principal sees the agent's move before it answers.
    """

    hears: ClassVar[bool] = False

    def __init__(self, options: AgencyOptions) -> None:
        self.o = options

    def kind(self, pairs: int, draw: Draw) -> Tensor:
        """What only the agent knows, [worlds, pairs]."""
        return draw.uniform("type", pairs)

    def terms(self, signal: Tensor) -> tuple[float | Tensor, ...]:
        """Equilibrium terms; `signal` [worlds, 1] is what the market showed last."""
        return ()

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The agent's best reply."""
        return torch.zeros_like(kind)

    def answer(self, said: Tensor, terms: Tensor) -> Tensor:
        """The principal's answer in equilibrium."""
        return torch.zeros_like(said)

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """What the play comes to; measures are of the pairs `among` [worlds, pairs] bool, in which nobody forfeited."""
        raise NotImplementedError

    def signal(self, kind: Tensor, move: Tensor, signal: Tensor) -> Tensor:
        """What the market shows next, [worlds, 1]."""
        return signal

    def expected(self) -> Mapping[str, float]:
        """Measure -> what theory says it is on average."""
        return {}


class Contract(Game):
    """Hidden action: terms (share, fixed wage), move effort; see `theory.linear_contract`."""

    def terms(self, signal: Tensor) -> tuple[float | Tensor, ...]:
        """The best terms."""
        best = theory.linear_contract(self.o.cost, self.o.risk_aversion, self.o.noise)
        return best.share, best.fixed

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        return terms[..., 0] / self.o.cost

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        o = self.o
        output = move + math.sqrt(o.noise) * draw.normal("output", kind.shape[1])
        share, wage = terms[..., 0], terms[..., 1] + terms[..., 0] * output
        # The agent's certainty equivalent: the risk it bears counts, what chance gave it does not.
        sure = (
            terms[..., 1] + share * move - o.cost * move * move / 2.0 - o.risk_aversion * share * share * o.noise / 2.0
        )
        return (
            output - wage,
            sure,
            {"effort": mean_of(move, among), "profit": mean_of(output - wage, among), "share": mean_of(share, among)},
        )

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        best = theory.linear_contract(self.o.cost, self.o.risk_aversion, self.o.noise)
        return {"effort": best.effort, "profit": best.profit, "share": best.share}


class CheapTalk(Game):
    """Hidden information: the agent says which interval quality is in; see `theory.partitions`."""

    hears: ClassVar[bool] = True

    def _ends(self, like: Tensor) -> Tensor:
        return torch.tensor(theory.cutoffs(self.o.bias), device=like.device, dtype=like.dtype)

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        ends = self._ends(kind)
        middles = (ends[1:] + ends[:-1]) / 2.0
        return middles[(kind.unsqueeze(-1) > ends[1:-1]).sum(-1)]

    def answer(self, said: Tensor, terms: Tensor) -> Tensor:
        """What the message is worth."""
        ends = self._ends(said)
        middles = (ends[1:] + ends[:-1]) / 2.0
        return middles[(said.unsqueeze(-1) > ends[1:-1]).sum(-1)]

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        loss, own = (answer - kind) ** 2, (answer - kind - self.o.bias) ** 2
        return -loss, -own, {"loss": mean_of(loss, among)}

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        return {"loss": theory.cheap_talk_loss(self.o.bias)}


class DelegationCap(Game):
    """Delegation: the agent, biased upwards, chooses below a cap; see `theory.delegation_cap`."""

    def terms(self, signal: Tensor) -> tuple[float | Tensor, ...]:
        """The best terms."""
        return (theory.delegation_cap(self.o.bias),)

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        return torch.minimum(kind + self.o.bias, terms[..., 0])

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        done = torch.minimum(move, terms[..., 0])
        loss = (done - kind) ** 2
        return (
            -loss,
            -((done - kind - self.o.bias) ** 2),
            {"loss": mean_of(loss, among), "cap": mean_of(terms[..., 0], among)},
        )

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        return {"loss": theory.delegation_loss(self.o.bias), "cap": theory.delegation_cap(self.o.bias)}


class Lemons(Game):
    """Adverse selection: buyers bid what quality was worth last, sellers offer below it; see `theory.lemons_price`."""

    def terms(self, signal: Tensor) -> tuple[float | Tensor, ...]:
        """The best terms."""
        return (signal,)

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        return (kind <= terms[..., 0]).to(kind.dtype)

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        sold, price = (move > 0.5).to(kind.dtype), terms[..., 0]
        found = {
            "price": mean_of(price, among),
            "traded": mean_of(sold, among),
            "quality": _ratio(kind * sold, sold, among),
        }
        return sold * (self.o.multiplier * kind - price), sold * (price - kind), found

    def signal(self, kind: Tensor, move: Tensor, signal: Tensor) -> Tensor:
        """What quality sold was worth to buyers."""
        sold = (move > 0.5).to(kind.dtype)
        count = total(sold).unsqueeze(-1)
        worth = self.o.multiplier * total(kind * sold).unsqueeze(-1) / count.clamp(min=1.0)
        return torch.where(count > 0, worth, 0.0)


class Signalling(Game):
    """Signalling: a badge whose cost depends on the type (1 good, 0 bad); see `theory.separates`."""

    hears: ClassVar[bool] = True

    def kind(self, pairs: int, draw: Draw) -> Tensor:
        """The type, 1 for good or high."""
        return (draw.uniform("type", pairs) < self.o.share_high).float()

    def _cost(self, kind: Tensor) -> Tensor:
        return either(kind > 0.5, self.o.cost_high, self.o.cost_low)

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        # At a tie the good take the badge and the bad do not.
        cost = self._cost(kind)
        return ((self.o.gain > cost) | ((self.o.gain == cost) & (kind > 0.5))).to(kind.dtype)

    def answer(self, said: Tensor, terms: Tensor) -> Tensor:
        """What the message is worth."""
        return self.o.gain * said

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        badge = (move > 0.5).to(kind.dtype)
        low = 1.0 - kind
        found = {
            "badge/high": _ratio(badge * kind, kind, among),
            "badge/low": _ratio(badge * low, low, among),
            "separated": torch.where(among.any(-1), (total(((badge != kind) & among).float()) == 0).float(), torch.nan),
        }
        return self.o.gain * kind - answer, answer - self._cost(kind) * badge, found

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        o = self.o
        return {"separated": float(theory.separates(o.gain, o.cost_low, o.cost_high))}


class Screening(Game):
    """Screening: terms (x_L, price_L, x_H, price_H), move 0 (none), 1 or 2; see `theory.screening_menu`."""

    def kind(self, pairs: int, draw: Draw) -> Tensor:
        """The type, 1 for good or high."""
        return (draw.uniform("type", pairs) < self.o.share_high).float()

    def terms(self, signal: Tensor) -> tuple[float | Tensor, ...]:
        """The best terms."""
        menu = theory.screening_menu(self.o.low, self.o.high, self.o.share_high)
        return menu.low, menu.low_pays, menu.high, menu.high_pays

    def _value(self, kind: Tensor) -> Tensor:
        return either(kind > 0.5, self.o.high, self.o.low)

    def _surplus(self, kind: Tensor, terms: Tensor) -> Tensor:
        value = self._value(kind)
        first, second = value * terms[..., 0] - terms[..., 1], value * terms[..., 2] - terms[..., 3]
        return torch.stack((torch.zeros_like(first), first, second), -1)

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        # Both constraints bind: a type that is indifferent takes the larger quantity it is meant to take.
        surplus = self._surplus(kind, terms)
        lean = torch.stack((torch.zeros_like(kind), 1.0 - kind, kind), -1)
        return (surplus + 1e-5 * lean).argmax(-1).to(kind.dtype)

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        taken = move.round().clamp(0, 2).long().unsqueeze(-1)
        zero = torch.zeros_like(kind)
        quantity = torch.stack((zero, terms[..., 0], terms[..., 2]), -1).gather(-1, taken).squeeze(-1)
        pays = torch.stack((zero, terms[..., 1], terms[..., 3]), -1).gather(-1, taken).squeeze(-1)
        profit, rent = pays - quantity * quantity / 2.0, self._value(kind) * quantity - pays
        found = {
            "profit": mean_of(profit, among),
            "information_rent": _ratio(rent * kind, kind, among),
            "quantity/low": _ratio(quantity * (1.0 - kind), 1.0 - kind, among),
            "quantity/high": _ratio(quantity * kind, kind, among),
        }
        return profit, rent, found

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        menu = theory.screening_menu(self.o.low, self.o.high, self.o.share_high)
        names = ("profit", "information_rent", "quantity/low", "quantity/high")
        return dict(zip(names, (menu.profit, menu.rent, menu.low, menu.high), strict=True))


class Audit(Game):
    """Monitoring: terms (chance of an audit), move 1 deviates; see `theory.deterred`."""

    def terms(self, signal: Tensor) -> tuple[float | Tensor, ...]:
        """The best terms."""
        return (self.o.audit,)

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        o = self.o
        stake = terms[..., 0] * (o.penalty + (o.gain if o.forfeit else 0.0))
        return (stake < o.gain).to(kind.dtype)

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        o, deviates = self.o, (move > 0.5).to(kind.dtype)
        audited = (draw.uniform("audit", kind.shape[1]) < terms[..., 0]).to(kind.dtype)
        found = deviates * audited
        kept = deviates * o.gain * (1.0 - found if o.forfeit else torch.ones_like(found))
        pays = kept - o.penalty * found
        principal = -o.gain * deviates - o.audit_cost * audited
        cost = {"deviates": mean_of(deviates, among), "deviating_pays": _ratio(pays, deviates, among)}
        return principal, pays, {**cost, "monitoring_cost": o.audit_cost * mean_of(audited, among)}

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        o = self.o
        deters = theory.deterred(o.gain, o.audit, o.penalty, forfeit=o.forfeit)
        return {"deviates": 0.0 if deters else 1.0, "monitoring_cost": o.audit_cost * o.audit}


class Reputation(Game):
    """Repeated play under a grim trigger: move 1 cheats; the world keeps who is still trusted."""

    def move(self, kind: Tensor, terms: Tensor) -> Tensor:
        """The best reply."""
        honest = theory.cooperates(self.o.gain, self.o.rent, self.o.discount)
        return torch.zeros_like(kind) if honest else torch.ones_like(kind)

    def settle(self, kind: Tensor, terms: Tensor, move: Tensor, answer: Tensor, draw: Draw, among: Tensor) -> Payoffs:
        """Payoffs and measures."""
        # `terms` holds 1 where the agent is still trusted; the one-off gain comes on top of the period's rent.
        trusted, cheats = terms[..., 3], (move > 0.5).to(kind.dtype)
        agent = trusted * (self.o.rent + cheats * self.o.gain)
        return (
            trusted * (1.0 - cheats),
            agent,
            {"trusted": mean_of(trusted, among), "cheats": mean_of(trusted * cheats, among)},
        )

    def expected(self) -> Mapping[str, float]:
        """Theory's figures."""
        honest = theory.cooperates(self.o.gain, self.o.rent, self.o.discount)
        return {"trusted": 1.0} if honest else {}


def _ratio(part: Tensor, whole: Tensor, among: Tensor) -> Tensor:
    """Total of `part` over that of `whole`, both [worlds, pairs], where `among`; NaN where `whole` is 0."""
    return total(torch.where(among, part, 0.0)) / total(torch.where(among, whole, 0.0))


GAMES: dict[str, type[Game]] = {
    "contract": Contract,
    "cheap-talk": CheapTalk,
    "delegation-cap": DelegationCap,
    "lemons": Lemons,
    "signalling": Signalling,
    "screening": Screening,
    "audit": Audit,
    "reputation": Reputation,
}
"""Name -> game."""
