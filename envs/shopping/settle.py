"""What a tick comes to: purchases, losses by cause, overrides, audits, pay and reputations."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.people import Customers
from populace.envs.shopping.shelves import Shelf
from populace.envs.shopping.state import Outcome, Prospect, State
from populace.numerics import apply_linear


@dataclass(frozen=True)
class Terms:
    """The contracts of the customers' providers, [worlds, customers] each."""

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
    def of(options: ShoppingOptions, provider: Tensor) -> "Terms":
        """Of each customer's provider: `provider` [worlds, customers] int64."""
        own = ("loyalty", "norm")
        found = {}
        for name in Terms.__dataclass_fields__:
            column = [getattr(p if name in own else p.contract, name) for p in options.providers]
            if len(set(column)) == 1:
                # All alike: a view of one number instead of a look-up for everyone.
                found[name] = torch.tensor(float(column[0]), device=provider.device, dtype=torch.float32).expand(
                    provider.shape
                )
            else:
                found[name] = torch.tensor(column, device=provider.device, dtype=torch.float32)[provider]
        return Terms(**found)


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

    An override recommends what earns the company at least as much as anything feasible, and more than the customer's
    best, instead of that best; it may itself be beyond the customer's means. A deviation is an override that lowers the
    customer's utility: not one that enforces a norm.
    """
    shelf, who, p = state.shelf, state.customers, state.prospect
    u, nothing, k = p.utility, p.nothing, p.utility.shape[-1]
    seen_best = p.first_best
    searched = "search" in options.phases
    if searched:
        seen = p.feasible & (torch.arange(k, device=u.device) < state.depth.unsqueeze(-1))
        _, seen_best = best_of(u, seen, nothing)
    stated_value = seen_best
    if options.stated > 0 or state.talk is not None:
        stated = who.stated if state.talk is None else state.talk.request
        told, _ = best_of(utilities(shelf.offers, stated), seen if searched else p.feasible, nothing)
        stated_value = at(u, told, nothing)
    recommended_value = at(u, state.recommended, nothing)
    followed = bought is state.recommended
    value = recommended_value if followed else at(u, bought, nothing)
    earned = at(shelf.interest, bought, 0.0)
    # Overridden where the recommended product earns the company at least as much as all that is feasible, and more than
    # the customer's best does.
    there = earned if followed else at(shelf.interest, state.recommended, 0.0)
    override = (state.recommended != p.best) & (state.recommended < k) & (there >= p.most) & (there > p.own)
    fits = at(p.feasible, bought, True)
    spent = at(shelf.price, bought, 0.0)
    over = spent > SLACK * who.budget
    sold = bought < k
    audited, found = _audit(options, state, override & ~p.norm, draw)
    paid = terms.flat + terms.commission * earned + terms.bonus * (sold & fits)
    paid = paid - found * (terms.clawback * terms.commission * earned + terms.penalty)
    # Where nobody searches the shelf is seen for nothing.
    effort = state.depth.to(u.dtype) / k if searched else torch.zeros_like(value)
    outcome = Outcome(
        bought=bought,
        recommended=state.recommended,
        best=p.best,
        item=at(shelf.item, bought, items),
        value=value,
        first_best=p.first_best,
        worst=p.worst,
        search=p.first_best - seen_best,
        conflict=stated_value - recommended_value,
        communication=(seen_best - stated_value) + (recommended_value - value),
        override=override,
        norm=p.norm,
        over_budget=over,
        lacking=sold & ~fits & ~over,
        first=state.recommended == 0,
        disclosed=state.disclosed,
        persuaded=state.persuaded,
        claimed=state.claimed,
        explained=state.explained,
        answered=state.answered,
        decided=state.decided,
        inspected=state.inspected.unsqueeze(-1).expand_as(state.answered),
        paid=paid,
        spent=spent,
        earned=earned,
        audited=audited,
        found=found,
        rent=paid - terms.effort * effort * effort / 2.0 - terms.outside,
        switched=state.provider != state.previous,
    )
    return outcome, _reputation(options, state, outcome, draw)


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
    own = terms.loyalty * outcome.value + (1.0 - terms.loyalty) * outcome.earned
    own = own + outcome.rent + terms.outside
    if any(provider.norm for provider in options.providers):
        own = own - terms.norm * at(state.shelf.harmful, outcome.bought, False)
    return {"customer": outcome.value, "assistant": own}


def _audit(options: ShoppingOptions, state: State, deviation: Tensor, draw: Draw) -> tuple[Tensor, Tensor]:
    """Who is audited, and where a deviation is found, [worlds, customers] bool.

    A customer that reads the explanation sees through a deviation, besides, with a chance of its skill (assumed).
    """
    if not options.monitoring and "audit" not in options.phases and state.customers.skill is None:
        never = torch.zeros_like(deviation)
        return never, never
    u = draw.uniform("audit", *state.recommended.shape[1:], 2)
    audited = u[..., 0] < state.chance.unsqueeze(-1)
    if state.customers.skill is None:
        return audited, deviation & audited
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


def prospect(shelf: Shelf, customers: Customers, limited: tuple[int, ...], given: float | None) -> Prospect:
    """What a shelf holds for each customer; `given` is the utility of buying nothing, if fixed."""
    utility = utilities(shelf.offers, customers.weights)
    nothing = worth_of_nothing(given, utility, shelf.available)
    fits = feasible(shelf, customers, limited)
    best, first_best = best_of(utility, fits, nothing)
    # Where nothing fits, everything earns the company at least as much; where nothing is best, nothing earns it more.
    least = shelf.interest.amin(-1, keepdim=True)
    return Prospect(
        utility=utility,
        nothing=nothing,
        feasible=fits,
        choices=torch.cat((shelf.available, torch.ones_like(fits[..., :1])), -1),
        best=best,
        first_best=first_best,
        worst=torch.minimum(torch.where(shelf.available, utility, torch.inf).amin(-1), nothing),
        norm=at(shelf.harmful, best, False),
        most=torch.where(fits, shelf.interest, least).amax(-1),
        own=at(shelf.interest, best, shelf.interest.amax(-1)),
    )
