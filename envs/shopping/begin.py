"""How a shopping world begins: customers, their first shelf, and nothing bought yet."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.audience import AUDIENCES, READERS
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.options import ShoppingOptions
from populace.envs.shopping.people import meet
from populace.envs.shopping.settle import prospect
from populace.envs.shopping.shelves import stock
from populace.envs.shopping.state import Outcome, State
from populace.population import Census, People


def begin(
    options: ShoppingOptions,
    catalogue: Catalogue,
    table: Mapping[str, Tensor],
    limited: tuple[int, ...],
    census: Census,
    people: People,
    draw: Draw,
) -> State:
    """The first state; customers delegate to the providers in turn.

    Args:
        options: The world's options.
        catalogue: What is for sale.
        table: The customers' file, column -> [rows]; empty without one.
        limited: Places of the attributes that have a smallest value for somebody.
        census: Of the population.
        people: The population.
        draw: The randomness of this call.
    """
    o, c = options, catalogue
    attributes = tuple(name for name in census.values if name in c.attributes)
    values = people.values[..., [k for k, name in enumerate(census.values) if name in c.attributes]]
    customers = meet(o, c, table, attributes, replace(people, values=values), draw)
    shelf = stock(c, people.size, o.order == "shuffled", draw.scope("shelf"))
    shape, device = (draw.worlds, people.size), draw.device
    turn = torch.arange(people.size, device=device)
    readers = torch.tensor([READERS[name] for name in o.conditions], device=device)
    never = torch.zeros((*shape, len(AUDIENCES)), dtype=torch.bool, device=device)
    provider = (turn % len(o.providers)).expand(shape)
    nothing = torch.full(shape, c.shelf, dtype=torch.int64, device=device)
    chance = torch.full((draw.worlds,), o.monitoring, device=device, dtype=torch.float32)
    return State(
        customers=customers,
        shelf=shelf,
        prospect=prospect(shelf, customers, limited, c.nothing if o.nothing is None else o.nothing),
        factor=torch.ones((draw.worlds, c.items if "offer" in o.phases else 0), device=device, dtype=torch.float32),
        provider=provider,
        previous=provider,
        compare=never[..., 0],
        # Assumed: opinions start halfway.
        reputation=torch.full((*shape, len(o.providers)), 0.5, device=device, dtype=torch.float32),
        depth=nothing,
        recommended=nothing,
        disclosed=never,
        persuaded=never,
        claimed=never,
        explained=~never[..., 0],
        answered=~never[..., 0],
        decided=~never[..., 0],
        inspected=torch.ones(draw.worlds, dtype=torch.bool, device=device),
        bought=nothing,
        chance=chance,
        readers=readers[turn % len(o.conditions)].expand(draw.worlds, -1, -1),
        outcome=_nothing_yet(nothing, never, c.items),
        shown=shelf if o.reveal else None,
        successes=torch.zeros(shape, device=device, dtype=torch.float32),
        trials=torch.zeros(shape, device=device, dtype=torch.float32),
        ticks=torch.zeros(draw.worlds, dtype=torch.int64, device=device),
    )


def _nothing_yet(nothing: Tensor, never: Tensor, items: int) -> Outcome:
    zero, no = torch.zeros_like(nothing, dtype=torch.float32), never[..., 0]
    flags = (
        *("override", "norm", "over_budget", "lacking", "first", "audited", "found", "switched"),
        *("explained", "answered", "decided", "inspected"),
    )
    places = ("bought", "recommended", "best")
    copies = ("disclosed", "persuaded", "claimed")
    filled = dict.fromkeys(flags, no) | dict.fromkeys(places, nothing) | dict.fromkeys(copies, never)
    rest = {name: zero for name in Outcome.__dataclass_fields__ if name not in filled and name != "item"}
    return Outcome(item=torch.full_like(nothing, items), **filled, **rest)
