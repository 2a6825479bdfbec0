"""Assistants of the shopping world that follow a plain rule; those fitted to published data stand beside this file."""

import torch
from pydantic import Field
from torch import Tensor

from populace.draw import Draw
from populace.numerics import apply_linear, either
from populace.observation import Observation
from populace.options import Options, OptionsT
from populace.policy import Actions, Memory, Policy

COPIES = 4
"""Copies of a message: customer, company, public, record."""


class Shopper(Policy[OptionsT]):
    """Looks at everything, then recommends; override `choose`."""

    plays = ("assistant",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """All products in the search phase; a product and message bits in the message phase."""
        if observation.phase == "search":
            return {"depth": self.depth(observation)}, memory
        return self.choose(observation, draw), memory

    def depth(self, observation: Observation) -> Tensor:
        """How many products to look at, [worlds, seats] int64: all."""
        f = next(f for f in observation.role.does if f.name == "depth")
        return torch.full_like(observation["provider"], int(f.high))

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """The actions of the message phase."""
        raise TypeError(f"{type(self).__name__} has no choose(observation, draw): every shopper needs one")


def say(
    product: Tensor, disclose: Tensor | None = None, persuade: Tensor | None = None, claim: Tensor | None = None
) -> Actions:
    """Actions with message bits [worlds, seats] in all copies alike; those not given are not set."""
    never = torch.zeros((*product.shape, COPIES), dtype=torch.bool, device=product.device)
    bits = {"disclose": disclose, "persuade": persuade, "claim": claim}
    copies = {k: never if bit is None else bit.unsqueeze(-1).expand(*bit.shape, COPIES) for k, bit in bits.items()}
    return {"product": product, **copies}


def stated(observation: Observation) -> Tensor:
    """Utilities of the products by the weights the customer stated, [worlds, seats, products]."""
    return apply_linear(observation["request"], observation["offers"])


def affordable(observation: Observation) -> Tensor:
    """What is there and within the budget, [worlds, seats, products] bool."""
    within = observation["price"] <= 1.00001 * observation["budget"].unsqueeze(-1)
    return observation["available"] & (within | observation["unlimited"].unsqueeze(-1))


def worth_of_nothing(observation: Observation) -> Tensor:
    """Below which utility nothing is bought, [worlds, seats]; -inf where nothing is as bad as the worst product."""
    return torch.where(observation["nothing_is_worst"], -torch.inf, observation["nothing"])


def fitting(observation: Observation) -> Tensor:
    """What is there, affordable and has all must-haves, [worlds, seats, products] bool."""
    fits = affordable(observation)
    offers, must = observation["offers"], torch.where(observation["required"], observation["must"], -torch.inf)
    # A product not looked at shows zeros, and is not available either.
    for a in range(offers.shape[-1]):
        fits = fits & (offers[..., a] >= must[..., a, None])
    return fits


def pick(score: Tensor, among: Tensor, floor: Tensor | None = None) -> Tensor:
    """The place of the highest score [..., products] among `among`.

    Nothing (the shelf's size) where there is none, or where the highest is below `floor` [...].
    """
    best, place = torch.where(among, score, -torch.inf).max(-1)
    none = best == -torch.inf
    return torch.where(none if floor is None else none | (best < floor), score.shape[-1], place)


class Oracle(Shopper):
    """Recommends the customer's true best (ground truth), and says so."""

    privileged = True

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """The feasible best."""
        fits = observation["feasible"] & observation["available"]
        place = pick(observation["utility"], fits, worth_of_nothing(observation))
        return say(place, claim=torch.ones_like(place, dtype=torch.bool))


class Loyal(Shopper):
    """Recommends the best by the wishes it was told, and says so."""

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """The stated best of what it saw."""
        place = pick(stated(observation), fitting(observation), worth_of_nothing(observation))
        return say(place, claim=torch.ones_like(place, dtype=torch.bool))


class Cheapest(Shopper):
    """Recommends what costs least, needs or not."""

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """The lowest price of what is there."""
        return say(pick(-observation["price"], observation["available"]))


class Random(Shopper):
    """Recommends any product that is there, each with the same chance, and says nothing."""

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """One of the available."""
        return say(_any(observation["available"], draw))


def _any(available: Tensor, draw: Draw) -> Tensor:
    place = draw.categorical("product", available.float())
    return torch.where(available.any(-1), place, available.shape[-1])


class AnyFitting(Shopper):
    """Recommends any product that is within budget and has all must-haves, each with the same chance."""

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """One of the feasible by what it sees."""
        return say(_any(fitting(observation), draw))


class FirstArrivalOptions(Options):
    """How often the first proposal wins."""

    sequential: float = Field(default=33 / 45, ge=0, le=1)
    """Chance of taking the first when proposals come one by one: 33 of 45, gemini-2.5-flash behind a gate of three
    proposals, in a third party's replication on Magentic's data (secondary source)."""
    batched: float = Field(default=11 / 45, ge=0, le=1)
    """Chance of taking it when all are revealed together, shuffled: 11 of 45, same source."""


class FirstArrival(Shopper[FirstArrivalOptions]):
    """Takes the first proposal with a published chance, else any of the others alike (assumed)."""

    Options = FirstArrivalOptions

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """First or not, by how proposals arrive."""
        there, o = observation["available"], self.options
        first = either(observation["batched"], o.batched, o.sequential)
        others = there.float()
        others = torch.cat((torch.zeros_like(others[..., :1]), others[..., 1:]), -1)
        rest = others.sum(-1)
        alone = torch.where(rest > 0, first, 1.0)
        weights = others * ((1.0 - alone) / rest.clamp(min=1.0)).unsqueeze(-1)
        weights = torch.cat((torch.where(there[..., :1], alone.unsqueeze(-1), 0.0), weights[..., 1:]), -1)
        place = draw.categorical("product", weights)
        return say(torch.where(there.any(-1), place, there.shape[-1]))


class StrategicOptions(Options):
    """What it lets slip."""

    disclose: float = Field(default=0.0, ge=0, le=1)
    """Chance of naming the company's interest when it overrides."""


class Strategic(Shopper[StrategicOptions]):
    """Maximises its own utility: loyalty, company interest, commission and bonus, less what deviating puts at stake."""

    Options = StrategicOptions

    def choose(self, observation: Observation, draw: Draw) -> Actions:
        """Its own best of what it saw; what lies about it is called the customer's best."""
        o, fits = observation, fitting(observation)
        u, interest = stated(o), o["interest"]
        best = pick(u, fits)
        k = u.shape[-1]
        at_best = torch.arange(k, device=u.device) == best.unsqueeze(-1)
        own_interest = torch.where(at_best, interest, 0.0).sum(-1, keepdim=True)
        loyal = o["loyalty"].unsqueeze(-1)
        score = loyal * u + (1.0 - loyal) * interest + o["rate"].unsqueeze(-1) * interest
        score = score + o["bonus"].unsqueeze(-1) * fits - o["norm"].unsqueeze(-1) * o["harmful"]
        deviates = ~at_best & (interest > own_interest)
        score = score - o["stake"].unsqueeze(-1) * deviates
        place = pick(score, o["available"] & fits)
        overrides = (place != best) & (place < k)
        told = overrides & (draw.uniform("disclose", place.shape[1]) < self.options.disclose)
        return say(place, disclose=told, claim=torch.ones_like(overrides))
