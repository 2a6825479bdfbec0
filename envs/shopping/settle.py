"""What a tick comes to: purchases, losses by cause, overrides, audits, pay and reputations."""

from dataclasses import dataclass, replace

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.people import Customers
from populace.envs.shopping.shelves import Shelf
from populace.envs.shopping.state import Outcome, State
from populace.numerics import apply_linear


@dataclass(frozen=True)
class Terms:
    """The providers' contracts as tensors [providers], on the worlds' device."""

    loyalty: Tensor
    norm: Tensor
    flat: Tensor
    commission: Tensor
    bonus: Tensor
    clawback: Tensor
    penalty: Tensor
    effort: Tensor
    outside: Tensor

    @staticmethod
    def of(options: ShoppingOptions, device: torch.device) -> "Terms":
        """Of all providers."""
        own = ("loyalty", "norm")
        names = ("flat", "commission", "bonus", "clawback", "penalty", "effort", "outside")
        columns = {name: [getattr(p, name) for p in options.providers] for name in own}
        columns |= {name: [getattr(p.contract, name) for p in options.providers] for name in names}
        return Terms(**{name: torch.tensor(column, device=device) for name, column in columns.items()})


SLACK = 1.0 + 1e-5
"""Prices stand as float32 logarithms: a price within a hundred-thousandth of the budget is within it."""


def utilities(offers: Tensor, weights: Tensor) -> Tensor:
    """Weights times attributes: offers [..., products, attributes], weights [..., attributes] -> [..., products]."""
    return apply_linear(weights, offers)


def feasible(shelf: Shelf, customers: Customers, limited: tuple[int, ...]) -> Tensor:
    """[worlds, customers, products] bool: there, within budget, and with all must-haves (attributes `limited`)."""
    fits = shelf.available & (shelf.price <= SLACK * customers.budget.unsqueeze(-1))
    for k in limited:
        fits = fits & (shelf.offers[..., k] >= customers.must[..., k].unsqueeze(-1))
    return fits


def at(table: Tensor, place: Tensor, otherwise: Tensor | float) -> Tensor:
    """`table` [..., products] at `place` [...]; `otherwise` where the place is the shelf's size (nothing)."""
    k = table.shape[-1]
    found = table.gather(-1, place.clamp(max=k - 1).unsqueeze(-1)).squeeze(-1)
    return torch.where(place < k, found, otherwise)


def best_of(utility: Tensor, among: Tensor, nothing: Tensor) -> tuple[Tensor, Tensor]:
    """The best place among `among` [..., products] and its utility; nothing (the shelf's size) where that is better."""
    found, place = torch.where(among, utility, -torch.inf).max(-1)
    none = found < nothing
    return torch.where(none, utility.shape[-1], place), torch.where(none, nothing, found)


def settle(
    options: ShoppingOptions, terms: Terms, state: State, bought: Tensor, items: int, draw: Draw
) -> tuple[Outcome, Tensor]:
    """The outcome of the tick and the new reputations.

    The loss first best - value is split exactly. Search: the first best less the best of what was looked at. Conflict:
    the best by the stated wishes, less the recommendation. Communication: what misstated wishes cost, and what the
    customer lost (or, negative, saved) by not buying what was recommended. The conflict loss includes honest mistakes.

    A deviation is an override that lowers the customer's utility: not one that enforces a norm.
    """
    shelf, who, k = state.shelf, state.customers, state.utility.shape[-1]
    u, nothing = state.utility, state.nothing
    seen = torch.arange(k, device=u.device) < state.depth.unsqueeze(-1)
    best, first_best = best_of(u, state.feasible, nothing)
    _, seen_best = best_of(u, state.feasible & seen, nothing)
    stated_value = seen_best
    if options.stated > 0:
        told, _ = best_of(utilities(shelf.offers, who.stated), state.feasible & seen, nothing)
        stated_value = at(u, told, nothing)
    recommended_value = at(u, state.recommended, nothing)
    value = recommended_value if bought is state.recommended else at(u, bought, nothing)
    worst = torch.minimum(torch.where(shelf.available, u, torch.inf).amin(-1), nothing)
    override = overrides(shelf, state.feasible, best, state.recommended)
    norm = at(shelf.harmful, best, torch.zeros_like(override))
    fits = at(state.feasible, bought, torch.ones_like(override))
    spent = at(shelf.price, bought, 0.0)
    over = spent > SLACK * who.budget
    sold = bought < k
    earned = at(shelf.interest, bought, 0.0)
    audited, found = _audit(state, override & ~norm, draw)
    mine = Terms(*(getattr(terms, name)[state.provider] for name in Terms.__dataclass_fields__))
    # Where nobody searches the shelf is seen for nothing.
    effort = state.depth.to(u.dtype) / k if "search" in options.phases else torch.zeros_like(value)
    paid = mine.flat + mine.commission * earned + mine.bonus * (sold & fits)
    paid = paid - found * (mine.clawback * mine.commission * earned + mine.penalty)
    outcome = Outcome(
        bought=bought,
        recommended=state.recommended,
        best=best,
        item=at(shelf.item, bought, torch.full_like(bought, items)),
        value=value,
        first_best=first_best,
        worst=worst,
        search=first_best - seen_best,
        conflict=stated_value - recommended_value,
        communication=(seen_best - stated_value) + (recommended_value - value),
        override=override,
        norm=norm,
        over_budget=over,
        lacking=sold & ~fits & ~over,
        first=state.recommended == 0,
        disclosed=state.disclosed,
        persuaded=state.persuaded,
        claimed=state.claimed,
        paid=paid,
        spent=spent,
        earned=earned,
        audited=audited,
        found=found,
        rent=paid - mine.effort * effort * effort / 2.0 - mine.outside,
        switched=state.provider != state.previous,
    )
    return outcome, _reputation(options, state, outcome, draw)


def overrides(shelf: Shelf, fits: Tensor, best: Tensor, recommended: Tensor) -> Tensor:
    """Where the company's favourite is recommended and the customer's feasible best is not, [worlds, customers] bool.

    The favourite earns the company at least as much as anything feasible, and more than the customer's best; it may
    itself be beyond the customer's means.
    """
    k = fits.shape[-1]
    most = torch.where(fits, shelf.interest, -torch.inf).amax(-1)
    there = at(shelf.interest, recommended, -torch.inf)
    own = at(shelf.interest, best, torch.inf)
    return (recommended != best) & (recommended < k) & (there >= most) & (there > own)


def regret(outcome: Outcome) -> Tensor:
    """(V* - V) / (V* - V_worst), [worlds, customers] in [0, 1]; 0 where all outcomes are alike.

    Buying beyond one's means can bring more than the feasible best: that counts as no regret.
    """
    span = outcome.first_best - outcome.worst
    share = (outcome.first_best - outcome.value) / span.clamp(min=1e-12)
    return torch.where(span > 0, share.clamp(0.0, 1.0), 0.0)


def rewards(options: ShoppingOptions, terms: Terms, state: State, outcome: Outcome) -> dict[str, Tensor]:
    """Role -> [worlds, customers]: the customer's utility, and the assistant's own.

    The assistant's is loyalty times the customer's utility, plus the rest times the company's earnings, plus its pay
    (penalties charged once, when found), less effort, less what a harmful sale costs it by its principles.
    """
    loyalty, norm = terms.loyalty[state.provider], terms.norm[state.provider]
    harm = at(state.shelf.harmful, outcome.bought, torch.zeros_like(outcome.found))
    own = loyalty * outcome.value + (1.0 - loyalty) * outcome.earned
    own = own + outcome.rent + terms.outside[state.provider] - norm * harm
    return {"customer": outcome.value, "assistant": own}


def _audit(state: State, deviation: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Who is audited, and where a deviation is found, [worlds, customers] bool.

    A customer that reads the explanation sees through a deviation, besides, with a chance of its skill (assumption of
    ours).
    """
    u = draw.uniform("audit", *state.recommended.shape[1:], 2)
    audited = u[..., 0] < state.chance.unsqueeze(-1)
    reads = state.readers[..., 0] | state.readers[..., 2]
    caught = reads & (u[..., 1] < state.customers.skill)
    return audited, deviation & (audited | caught)


def _reputation(options: ShoppingOptions, state: State, outcome: Outcome, draw: Draw) -> Tensor:
    """Opinions after the tick: the provider's moves towards 1 - regret (0 when it was found out)."""
    if len(options.providers) == 1 or options.reputation == 0:
        return state.reputation
    felt = torch.where(outcome.found, 0.0, 1.0 - regret(outcome))
    if options.feedback > 0:
        felt = felt + options.feedback * draw.normal("feedback", felt.shape[1])
    kinds = torch.arange(len(options.providers), device=felt.device)
    mine = kinds == state.provider.unsqueeze(-1)
    moved = state.reputation + options.reputation * (felt.unsqueeze(-1) - state.reputation)
    opinion = torch.where(mine, moved, state.reputation)
    told = (outcome.found & state.readers[..., 2]).unsqueeze(-1) & mine
    # What was found out in public counts for everyone, in proportion to the share of customers it happened to.
    spread = told.float().mean(1, keepdim=True)
    return (opinion * (1.0 - options.reputation * spread)).clamp(0.0, 1.0)


def worth_of_nothing(given: float | None, utility: Tensor, available: Tensor) -> Tensor:
    """Utility of buying nothing, [worlds, customers]: as given, or that of the worst product there is."""
    if given is not None:
        return torch.full_like(utility[..., 0], given)
    return torch.where(available, utility, torch.inf).amin(-1)


def restocked(state: State, shelf: Shelf, limited: tuple[int, ...], given: float | None) -> State:
    """The state with another shelf; `given` is the utility of buying nothing, if fixed."""
    utility = utilities(shelf.offers, state.customers.weights)
    nothing = worth_of_nothing(given, utility, shelf.available)
    fits = feasible(shelf, state.customers, limited)
    return replace(state, shelf=shelf, utility=utility, nothing=nothing, feasible=fits)
