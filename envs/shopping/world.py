"""Principals delegate their shopping to assistants that may serve somebody else as well."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, replace
from functools import cached_property
from typing import ClassVar

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping import contracts
from populace.envs.shopping.begin import begin
from populace.envs.shopping.catalogues import open_catalogue
from populace.envs.shopping.dialogue import TinMenDialogue
from populace.envs.shopping.given import noted
from populace.envs.shopping.market import benchmarks
from populace.envs.shopping.measures import DECLARED, measures
from populace.envs.shopping.notes import notes
from populace.envs.shopping.observing import Observing
from populace.envs.shopping.options import PACKAGE, ShoppingOptions, check_attributes
from populace.envs.shopping.people import Shoppers, load_customers
from populace.envs.shopping.roles import roles
from populace.envs.shopping.settle import Terms, prospect, regret, rewards, settle
from populace.envs.shopping.shelves import Shelf, stock
from populace.envs.shopping.state import State
from populace.envs.shopping.talking import Talking
from populace.envs.shopping.worded import WordedDialogue
from populace.errors import OptionError, PopulaceError, UnknownName
from populace.fields import Role
from populace.measures import Measure
from populace.population import Census, People, Population
from populace.tables import read_table
from populace.wordings import Wordings
from populace.words import Utterance
from populace.world import Step, World


class Shopping(World[State, ShoppingOptions]):
    """Principal-agent shopping; see docs/worlds/shopping.md."""

    id = "populace/shopping-v0"
    Options = ShoppingOptions
    defaults: ClassVar = {
        "customer": "follower",
        "assistant": "strategic",
        "seller": "list-price",
        "auditor": "steady",
    }
    optional = ("customer", "seller", "auditor")
    worded = ("wish",)

    def __init__(self, options: ShoppingOptions, census: Census) -> None:
        """Read and check the catalogue, the customers and the contracts.

        Raises:
            PopulaceError: A file or an option is wrong; the text names row and column.
        """
        super().__init__(ShoppingOptions() if options is None else options, census)
        o = self.options
        self.phases: tuple[str, ...] = o.phases
        if o.matter is not None and "delegate" not in o.phases:
            first = next(k for k, phase in enumerate(o.phases) if phase != "offer")
            self.phases = (*o.phases[:first], "wish", *o.phases[first:])
        with _at("catalogue"):
            self.catalogue = open_catalogue(o.catalogue, o.commission, o.shelf, o.format)
        self.nothing = self.catalogue.nothing if o.nothing is None else o.nothing
        names = self.catalogue.attributes
        with _at("weights"):
            check_attributes(o.weights, "weights", names)
        with _at("must"):
            check_attributes(o.must, "must", names)
        with _at("customers"):
            self.table = {} if o.customers is None else load_customers(o.customers, names, o.format)
        with _at("matter"):
            self.talking  # noqa: B018  (a table that does not fit is told before anything runs)
        with _at("providers"):
            contracts.check(o.providers, self._most())
        market = self.catalogue.market
        # Totals compare only with those of the same orders: customers place the market's in turn.
        rules = {} if market is None else asdict(benchmarks(market, census.size))
        self.benchmarks = {f"benchmark/{name}": total for name, total in rules.items()}
        limits = {*dict(self.catalogue.must), *o.must}
        limits |= {name.removeprefix("must/") for name in (*self.table, *census.traits) if name.startswith("must/")}
        self.budgeted = self.catalogue.budget is not None or "budget" in self.table or "budget" in census.traits
        self.limited = tuple(k for k, name in enumerate(names) if name in limits)
        self.observing = Observing(o, self.catalogue, self.phases, self.limited, self.budgeted, self.nothing)

    @cached_property
    def talking(self) -> Talking | None:
        """What is said in words; None without `matter`."""
        o = self.options
        names = tuple(provider.name for provider in o.providers)
        return None if o.matter is None else Talking(o.matter, self.catalogue, names, self.nothing)

    def lexicon(self) -> Mapping[int, str]:
        """What scripts can say."""
        return {} if self.talking is None else self.talking.said.lexicon

    def _most(self) -> float:
        """The most that one sale can earn the company."""
        c = self.catalogue
        most = float(c.interest.max())
        # Earnings of these two are a rate until their prices are drawn; 5 sd above the mean is never drawn again.
        if c.stocking == "flights":
            return most * 1499.0
        return most * float(c.features[:, 0].max().exp()) * 5.0 if c.stocking == "aces" else most

    def roles(self) -> tuple[Role, ...]:
        """Customer, assistant, seller, auditor: those whose phases are played."""
        return roles(self.options, self.census)

    def begin(self, people: People, draw: Draw) -> State:
        """Customers and their first shelf; each delegates to the providers in turn."""
        state = begin(self.options, self.catalogue, self.table, self.limited, self.census, people, draw)
        return state if self.talking is None else self.talking.begin(state, draw)

    def observe(self, state: State, role: str, phase: str) -> dict[str, Tensor]:
        """What each role sees; the assistant only what it looked at, the customer only what the masks allow."""
        seen = self.observing.numbers(state, role, phase)
        if self.talking is None:
            return seen
        fields = {f.name for f in self.cast[role].seen_in(phase, private=True)}
        shown = self.options.masks.truth.buyer or "quality" not in self.catalogue.hidden
        looked = self.observing.looked(state) if role == "assistant" else state.shelf.available
        texts = self.talking.texts(state, role, looked, quality=shown or role == "assistant")
        return seen | {name: ids for name, ids in texts.items() if name in fields}

    def advance(self, state: State, phase: str, actions: Mapping[str, Mapping[str, Tensor]], draw: Draw) -> Step[State]:
        """Take note of what was done; at the end of the last phase, settle and restock."""
        state = noted(state, phase, phase == self.phases[0], actions)
        said: dict[str, Utterance] = {}
        talking = self.talking
        if phase == "offer":
            state = self._repriced(state, actions["seller"]["factor"].clamp(0.5, 2.0))
            if talking is not None and self.options.describe:
                state, said["seller"] = talking.pitch(state, actions["seller"]["pitch"], draw)
        elif phase == "wish":
            assert talking is not None
            state, said["customer"] = talking.wish(state, actions["customer"], draw)
        elif phase == "delegate":
            done = actions["customer"]
            state = replace(state, provider=done["provider"], compare=done["compare"])
            if talking is not None:
                state, said["customer"] = talking.wish(state, done, draw)
        elif phase == "search":
            state = replace(state, depth=actions["assistant"]["depth"].clamp(1, self.catalogue.shelf))
        elif phase == "message":
            done = actions["assistant"]
            told = done["explain"].unsqueeze(-1)
            state = replace(
                state,
                recommended=done["product"],
                bought=done["product"],
                disclosed=done["disclose"] & told,
                persuaded=done["persuade"] & told,
                claimed=done["claim"] & told,
                explained=done["explain"],
            )
            if talking is not None:
                own, terms = done["explanation"], Terms.of(self.options, state.provider)
                state, said["assistant"] = talking.explain(state, self.observing.looked(state), own, terms, draw)
        elif phase == "decide":
            state = replace(state, bought=actions["customer"]["buy"])
            if talking is not None:
                said["customer"] = talking.reason(state, actions["customer"]["reason"], draw)
        else:
            state = replace(state, chance=actions["auditor"]["rate"].clamp(0.0, 1.0)[:, 0])
        return replace(self._settled(state, draw) if phase == self.phases[-1] else Step(state), said=said)

    def _repriced(self, state: State, factor: Tensor) -> State:
        """Asking prices of this tick: list prices times each seller's factor."""
        shelf, worlds = state.shelf, torch.arange(len(factor), device=factor.device)[:, None, None]
        ratio = (factor / state.factor)[worlds, shelf.item]
        price = shelf.price * ratio
        first = price.log() if self.catalogue.logged else price
        offers = torch.cat((first.unsqueeze(-1), shelf.offers[..., 1:]), -1)
        shelf = replace(shelf, offers=offers, price=price, interest=shelf.interest * ratio)
        return self._stocked(replace(state, factor=factor), shelf)

    def _stocked(self, state: State, shelf: Shelf) -> State:
        return replace(state, shelf=shelf, prospect=prospect(shelf, state.customers, self.limited, self.nothing))

    def _settled(self, state: State, draw: Draw) -> Step[State]:
        o, terms = self.options, Terms.of(self.options, state.provider)
        bought = state.bought if "decide" in self.phases else state.recommended
        outcome, reputation = settle(o, terms, state, bought, self.catalogue.items, draw)
        earned = rewards(o, terms, state, outcome)
        if "offer" in self.phases:
            sales = torch.zeros(
                (len(state.ticks), self.catalogue.items + 1), device=state.factor.device, dtype=torch.float32
            )
            earned["seller"] = sales.scatter_add_(1, outcome.item, outcome.spent)[:, :-1]
        if "audit" in self.phases:
            cost = outcome.found.float() - o.audit_cost * outcome.audited
            earned["auditor"] = cost.mean(-1, keepdim=True)
        shown, success = (state.shelf if o.reveal else None), outcome.bought == outcome.best
        tried = outcome.answered & outcome.decided
        after = replace(
            state,
            outcome=outcome,
            reputation=reputation,
            shown=shown,
            previous=state.provider,
            successes=state.successes + (success & tried),
            trials=state.trials + tried,
            ticks=state.ticks + 1,
        )
        if o.restock:
            shelf = stock(self.catalogue, state.depth.shape[1], o.order == "shuffled", draw.scope("restock"))
            # A new shelf holds list prices.
            after = replace(after, factor=torch.ones_like(after.factor))
            after = self._stocked(after, shelf)
        return Step(after, {role: paid for role, paid in earned.items() if role in self.cast})

    def measures(self) -> tuple[Measure, ...]:
        """What the world may measure."""
        return DECLARED

    def measure(self, state: State) -> dict[str, Tensor]:
        """All measures of the last settled tick."""
        found = measures(self.options, state, self.catalogue.items)
        return found | {name: torch.full_like(state.chance, value) for name, value in self.benchmarks.items()}

    def panel(self, state: State) -> dict[str, Tensor]:
        """Each customer's loss, regret, override and utility; with `reveal`, its choice and the shelf it came from."""
        o = state.outcome
        found = {
            "loss": o.first_best - o.value,
            "own_regret": regret(o),
            "own_override": o.override.float(),
            "own_utility": o.value,
            "loss_search": o.search,
            "loss_conflict": o.conflict,
            "loss_communication": o.communication,
        }
        known = o.answered & o.decided & (state.ticks.unsqueeze(-1) > 0)
        found = {name: torch.where(known, x, torch.nan) for name, x in found.items()}
        if state.shown is not None:
            found["chosen"] = torch.where(
                o.answered & (state.ticks.unsqueeze(-1) > 0), o.recommended.float(), torch.nan
            )
            for k in range(self.catalogue.shelf):
                found[f"item_{k}"] = state.shown.item[..., k].float()
                for a, name in enumerate(self.catalogue.attributes):
                    found[f"{name}_{k}"] = state.shown.offers[..., k, a]
        return found

    @cached_property
    def wordings(self) -> Wordings:
        """Its table of wordings."""
        return Wordings.of(PACKAGE, self.options.language)

    def dialogue(self) -> TinMenDialogue | WordedDialogue:
        """The form of Tin Men, an explanation and a choice; with `matter`, conversations."""
        if self.talking is None:
            return TinMenDialogue(self.wordings, self.catalogue, self.options.masks)
        return WordedDialogue(self.catalogue, self.talking, self.options)

    def notes(self) -> list[str]:
        """Where there are more or fewer customers than orders or rows of their table."""
        market = self.catalogue.market
        orders = None if market is None else len(market.value)
        rows = len(next(iter(self.table.values()))) if self.table else None
        return notes(self.census.size, orders, rows)

    @classmethod
    def users_of(cls, options: ShoppingOptions) -> int | None:
        """One customer for each order of a market, or for each row of a table of customers."""
        if options.customers is not None:
            with _at("customers"):
                return read_table(options.customers, options.format).rows
        with _at("catalogue"):
            market = open_catalogue(options.catalogue, options.commission, options.shelf, options.format).market
        return None if market is None else len(market.value)

    @classmethod
    def population(cls, users: int, options: ShoppingOptions) -> Population:
        """Customers that differ in wealth, decisiveness, literacy and trust."""
        return Shoppers(users)


@contextmanager
def _at(option: str) -> Iterator[None]:
    """Say of a mistake in what an option names that it stands at that option; a misspelt name is found without."""
    try:
        yield
    except UnknownName:
        raise
    except (PopulaceError, ValueError) as error:
        raise OptionError(str(error), ("world", option)) from error
