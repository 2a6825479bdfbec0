"""What each role of the shopping world sees, as numbers."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.people import UNLIMITED
from populace.envs.shopping.settle import Terms
from populace.envs.shopping.shelves import Shelf
from populace.envs.shopping.state import State


@dataclass(frozen=True, eq=False)
class Observing:
    """What roles see of a state: the assistant only what it looked at, the customer only what the masks allow.

    Attributes:
        options: The world's options.
        catalogue: What is for sale.
        phases: The world's phases.
        limited: Places of the attributes of which some customer needs a smallest value.
        budgeted: Whether some customer has a budget.
        nothing: Utility of buying nothing; None for that of the worst product on the shelf.
    """

    options: ShoppingOptions
    catalogue: Catalogue
    phases: tuple[str, ...]
    limited: tuple[int, ...]
    budgeted: bool
    nothing: float | None

    def looked(self, state: State) -> Tensor:
        """What assistants have looked at, [worlds, customers, products] bool."""
        there = state.shelf.available
        if "search" not in self.phases:
            return there
        return there & (torch.arange(there.shape[-1], device=there.device) < state.depth.unsqueeze(-1))

    def numbers(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """What each role sees as numbers."""
        if role == "assistant":
            return self._assistant(state, phase)
        if role == "customer":
            return self._customer(state, phase)
        o = state.outcome
        if role == "seller":
            share = torch.zeros(
                (len(state.ticks), self.catalogue.items + 1), device=state.factor.device, dtype=torch.float32
            )
            share = share.scatter_add_(1, o.item, torch.ones_like(o.value)) / o.item.shape[1]
            return {"factor": state.factor, "share": share[:, :-1]}
        read = o.disclosed[..., 1] & state.readers[..., 1]
        return {
            name: x.float().mean(-1, keepdim=True)
            for name, x in (("earned", o.earned), ("found", o.found), ("disclosed", read))
        }

    def _assistant(self, state: State, phase: str) -> dict[str, Tensor]:
        who, terms = state.customers, Terms.of(self.options, state.provider)
        chance = state.chance.unsqueeze(-1)
        seen = {
            "request": who.stated if state.talk is None else state.talk.request,
            "must": who.must,
            "required": self._required(who.must),
            **self._budget(who.budget),
            "wealth": who.wealth,
            "ses": who.ses,
            "compare": state.compare,
            "readers": state.readers,
            "batched": _same(state.compare, self.options.arrival == "batched"),
            "loyalty": terms.loyalty,
            "norm": terms.norm,
            "rate": terms.commission,
            "bonus": terms.bonus,
            "stake": chance * terms.penalty,
            "provider": state.provider,
            "nothing": _same(who.wealth, 0.0 if self.nothing is None else self.nothing),
            "nothing_is_worst": _same(state.compare, self.nothing is None),
            "utility": state.prospect.utility,
            "feasible": state.prospect.feasible,
        }
        if phase == "search":
            return seen
        shelf, allowed, offers = state.shelf, state.shelf.available, state.shelf.offers
        price, interest, harmful, choices = shelf.price, shelf.interest, shelf.harmful, state.prospect.choices
        if "search" in self.phases:
            looked = torch.arange(allowed.shape[-1], device=allowed.device) < state.depth.unsqueeze(-1)
            allowed, harmful = allowed & looked, harmful & looked
            choices = torch.cat((allowed, choices[..., -1:]), -1)
            offers, price, interest = offers * looked.unsqueeze(-1), price * looked, interest * looked
        return seen | {
            "offers": offers,
            "price": price,
            "available": allowed,
            "interest": interest,
            "harmful": harmful,
            "product_mask": choices,
        }

    def _customer(self, state: State, phase: str) -> dict[str, Tensor]:
        who, masks, shelf = state.customers, self.options.masks, state.shelf
        seen = {"weights": who.weights, **self._budget(who.budget), "literacy": who.literacy, "trust": who.trust}
        if phase == "wish":
            return seen
        if phase == "delegate":
            return seen | {"reputation": state.reputation, "current": state.provider}
        reads = state.readers[..., 0] | state.readers[..., 2]
        copies = {"disclosed": state.disclosed, "persuaded": state.persuaded, "claimed": state.claimed}
        own = {name: reads & (bits[..., 0] | bits[..., 2]) for name, bits in copies.items()}
        return (
            seen
            | own
            | {
                "offers": shelf.offers if masks.truth.buyer else self._veiled(shelf),
                "price": shelf.price,
                "available": shelf.available,
                "interest": shelf.interest if masks.commission.buyer else torch.zeros_like(shelf.interest),
                "recommended": state.recommended,
                "buy_mask": state.prospect.choices,
            }
        )

    def _budget(self, budget: Tensor) -> dict[str, Tensor]:
        """Budgets, and which of them are no limit: nothing costs as much as is then shown."""
        if not self.budgeted:
            return {"budget": budget, "unlimited": torch.ones_like(budget, dtype=torch.bool)}
        unlimited = budget >= UNLIMITED
        return {"budget": torch.where(unlimited, self.catalogue.ceiling, budget), "unlimited": unlimited}

    def _required(self, must: Tensor) -> Tensor:
        """Attributes of which somebody needs a smallest value, as flags like `must`."""
        required = [k in self.limited for k in range(must.shape[-1])]
        return torch.tensor(required, device=must.device).expand(must.shape)

    def _veiled(self, shelf: Shelf) -> Tensor:
        """Offers with the catalogue's mean in place of hidden attributes."""
        hidden = [name in self.catalogue.hidden for name in self.catalogue.attributes]
        if not any(hidden):
            return shelf.offers
        means = self.catalogue.features.mean(0).to(shelf.offers.device)
        return torch.where(torch.tensor(hidden, device=shelf.offers.device), means, shelf.offers)


def _same(like: Tensor, value: float) -> Tensor:
    """One value for everyone, without memory of its own."""
    return like.new_full((), value).expand(like.shape)
