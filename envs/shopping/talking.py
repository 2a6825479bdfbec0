"""The shopping world in words: what is wished for, told to each audience, and answered, beside the numbers that decide.

Numbers lead and words follow: products are called after their numbers, and what scripts do is put into words
afterwards. Whatever is drawn here has a scope of its own, so that all other random numbers stay as they are.
"""

from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.shopping.attributes import Attributes
from populace.envs.shopping.audience import AUDIENCES
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.matter import OWN, SHIPPED, Matter, matter_of
from populace.envs.shopping.phrases import FOLLOWS, OTHERWISE, PITCH_EDGE, Said, said_of
from populace.envs.shopping.settle import Terms, at, best_of, utilities
from populace.envs.shopping.state import State, Talk
from populace.files import changed
from populace.words import UNWORDED, Utterance

SECOND = 0.25
"""An attribute that matters less than so much of the first is not mentioned in a script's wish."""
STATED = (1.0, 0.5, 0.25)
"""Importance of the attributes that a wish names, in its order, beside the most that any has for the customer."""
CUSTOMER, COMPANY, PUBLIC, RECORD = range(len(AUDIENCES))


class Talking:
    """What a world with `matter` says.

    Args:
        named: The option `matter`.
        catalogue: What is for sale.
        providers: Names of the kinds of assistants.
        nothing: Utility of buying nothing; None for that of the worst product.
    """

    def __init__(self, named: str, catalogue: Catalogue, providers: tuple[str, ...], nothing: float | None) -> None:
        self.catalogue, self.providers, self.nothing = catalogue, providers, nothing
        when = 0 if named in (SHIPPED, OWN) else changed(named)
        self.matter, self.attributes, self.said = _made(named, catalogue, when)
        self.labels = (*(row.name for row in self.matter.rows), "nothing")

    def begin(self, state: State, draw: Draw) -> State:
        """Nothing is said yet; every world shops in one category."""
        own = draw.scope("words")
        category = own.integers("category", 0, len(self.matter.categories), 1)[:, 0]
        ids = torch.zeros_like(state.bought)
        return replace(
            state,
            talk=Talk(
                category=category,
                request=state.customers.stated,
                wish=ids,
                told=ids.unsqueeze(-1).expand(*ids.shape, len(AUDIENCES)).clone(),
                pitch=torch.zeros(state.factor.shape, dtype=torch.int64, device=ids.device),
            ),
        )

    # ------------------------------------------------------------------ what is said

    def wish(self, state: State, given: Mapping[str, Tensor], draw: Draw) -> tuple[State, Utterance]:
        """Customers say what they want: scripts in the order of their stated weights, others in words of their own.

        Args:
            state: With the provider and whether to compare, as they were chosen.
            given: `wish` ids [worlds, customers], and `named` [worlds, customers, attributes], in which place the
                wish names each attribute.
            draw: The phase's.
        """
        talk = _there(state)
        who, own = state.customers, given["wish"] != UNWORDED
        stated = torch.where(own.unsqueeze(-1), self._meant(given["named"], who.weights), who.stated)
        compare = state.compare.to(torch.int64)
        uniform = draw.scope("words").uniform("wish", own.shape[-1])
        if self.said.requests:
            drawn = self.said.wishes.say((self._order(talk.wish), compare), uniform)
        else:
            one, two = self._foremost(who.stated)
            category = talk.category.unsqueeze(-1).expand(own.shape)
            drawn = self.said.wishes.say((one, two, category, compare), uniform)
        words = torch.where(own, given["wish"], drawn)
        state = replace(state, talk=replace(talk, wish=words, request=stated))
        codes = {"asks": self._foremost(stated)[0] // 2, "wants": self._foremost(who.weights)[0] // 2}
        names = tuple(said.name for said in self.attributes.said)
        codes |= {"compare": state.compare, "provider": state.provider}
        labels = {"asks": names, "wants": names, "provider": self.providers}
        return state, Utterance(words, codes, labels, to="assistant")

    def _foremost(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        """Codes of the two attributes that matter most, [worlds, customers] each; 2 K for no second."""
        importance = self.attributes.importance(weights)
        size = importance.abs()
        count = size.shape[-1]
        most, one = size.max(-1)
        rest = torch.where(torch.arange(count, device=size.device) == one.unsqueeze(-1), -1.0, size)
        next_, two = rest.max(-1)

        def code(place: Tensor) -> Tensor:
            sign = importance.gather(-1, place.unsqueeze(-1)).squeeze(-1) < 0
            return 2 * place + sign.to(torch.int64)

        return code(one), torch.where(next_ >= SECOND * most.clamp(min=1e-6), code(two), 2 * count)

    def _meant(self, named: Tensor, weights: Tensor) -> Tensor:
        """Weights that a wish states by what it names: as important, in turn, as `STATED` of the most that matters.

        The direction is the customer's own, and what is natural where it has no wish at all.
        """
        importance = self.attributes.importance(weights)
        most = importance.abs().amax(-1, keepdim=True)
        shares = torch.tensor((0.0, *STATED), device=named.device)[named.clamp(0, len(STATED))]
        natural = torch.tensor([float(said.natural) for said in self.attributes.said], device=named.device)
        sign = torch.where(importance == 0, natural, importance.sign())
        return shares * most * sign / self.attributes.spread.to(named.device)

    def pitch(self, state: State, given: Tensor, draw: Draw) -> tuple[State, Utterance]:
        """Sellers say something of their product; `given` [worlds, items] are their own words."""
        talk, factor = _there(state), state.factor
        place = 1 + (factor > 1.0 + PITCH_EDGE).to(torch.int64) - (factor < 1.0 - PITCH_EDGE).to(torch.int64)
        drawn = self.said.pitches.say((place,), draw.scope("words").uniform("pitch", factor.shape[-1]))
        words = torch.where(given == UNWORDED, drawn, given)
        codes = {"factor": factor, "product": self._rows(talk.category)}
        return replace(state, talk=replace(talk, pitch=words)), Utterance(words, codes, {"product": self.labels})

    def explain(self, state: State, seen: Tensor, given: Tensor, terms: Terms, draw: Draw) -> tuple[State, Utterance]:
        """Assistants explain.

        Args:
            state: With what they recommend and tell as bits.
            seen: [worlds, customers, products] bool, what they looked at.
            given: [worlds, customers, audiences] ids of their own words.
            terms: Their contracts.
            draw: The phase's.
        """
        talk, shelf = _there(state), state.shelf
        row = self.row_of(state, state.recommended)
        price = at(shelf.price, state.recommended, torch.inf)
        cheapest = price <= torch.where(seen, shelf.price, torch.inf).amin(-1)
        bits = [x.to(torch.int64) for x in (state.claimed, state.persuaded, state.disclosed)]
        wide = given.shape
        uniform = draw.scope("words").uniform("explanation", wide[1]).unsqueeze(-1).expand(wide)
        drawn = self.said.explanations.say(
            (row.unsqueeze(-1).expand(wide), cheapest.to(torch.int64).unsqueeze(-1).expand(wide), *bits), uniform
        )
        # Whoever has words of its own says nothing else, to anybody.
        own = (given != UNWORDED).any(-1, keepdim=True)
        says = state.readers & (state.explained & state.answered).unsqueeze(-1)
        words = torch.where(own, given, torch.where(says, drawn, UNWORDED))
        state = replace(state, talk=replace(talk, told=words))
        # The record is only shown where it is not what somebody reads.
        read = ((words == words[..., RECORD:]) & state.readers)[..., :RECORD].any(-1)
        record = torch.where(read, UNWORDED, words[..., RECORD])
        best, fits = self.row_of(state, state.prospect.best), state.prospect.feasible
        floor = torch.full_like(state.prospect.nothing, -torch.inf if self.nothing is None else self.nothing)
        believed, _ = best_of(utilities(shelf.offers, talk.request), fits & seen, floor)
        earns = at(shelf.interest, state.recommended, 0.0)
        paid = terms.flat + terms.commission * earns + terms.bonus * at(fits, state.recommended, False)
        codes = {
            "product": row,
            "disclose": state.disclosed,
            "persuade": state.persuaded,
            "claim": state.claimed,
            "best": best,
            "believes": self.row_of(state, believed),
            "earns": earns,
            "pay": paid,
            "override": self.overrides(state),
        }
        shown = torch.cat((words[..., :RECORD], record.unsqueeze(-1)), -1)
        labels = dict.fromkeys(("product", "best", "believes"), self.labels)
        return state, Utterance(shown, codes, labels, to=AUDIENCES)

    @staticmethod
    def overrides(state: State) -> Tensor:
        """Whether the company's favourite is recommended instead of the customer's feasible best, as when settled."""
        p, last = state.prospect, state.shelf.price.shape[-1]
        there = at(state.shelf.interest, state.recommended, 0.0)
        return (state.recommended != p.best) & (state.recommended < last) & (there >= p.most) & (there > p.own)

    def reason(self, state: State, given: Tensor, draw: Draw) -> Utterance:
        """Customers say why they buy what they buy; `given` [worlds, customers] are their own words."""
        row = self.row_of(state, state.bought)
        kind = torch.where(state.bought == state.recommended, FOLLOWS, OTHERWISE)
        drawn = self.said.reasons.say((kind, row), draw.scope("words").uniform("reason", row.shape[-1]))
        codes = {"buys": row, "best": self.row_of(state, state.prospect.best)}
        words = torch.where(given == UNWORDED, drawn, given)
        return Utterance(words, codes, {"buys": self.labels, "best": self.labels}, to="assistant")

    # ------------------------------------------------------------------ what is seen

    def _rows(self, category: Tensor) -> Tensor:
        """The row of every product of the catalogue, [worlds, items]."""
        return self.matter.place.to(category.device)[category]

    def row_of(self, state: State, place: Tensor) -> Tensor:
        """The row of what lies at a place of each shelf, [worlds, customers]; the last one for nothing."""
        last = state.shelf.price.shape[-1]
        item = state.shelf.item.gather(-1, place.clamp(max=last - 1).unsqueeze(-1)).squeeze(-1)
        row = self._rows(_there(state).category).gather(-1, item)
        return torch.where(place < last, row, len(self.matter.rows))

    def texts(self, state: State, role: str, seen: Tensor, quality: bool) -> dict[str, Tensor]:
        """What a role sees in words, in any of its phases.

        Args:
            state: The state.
            role: Who sees it.
            seen: [worlds, customers, products] bool, the products that it sees.
            quality: Whether it may know their quality.
        """
        talk = _there(state)
        if role == "seller":
            return self.own_product(state)
        if role == "auditor":
            return {"letters": self.letters(state).unsqueeze(1)}
        found = self.shelf(state, seen, quality) | {"wish": talk.wish}
        if role == "assistant":
            return found
        order = torch.zeros_like(talk.wish)
        if self.said.requests:
            order = self.said.wishes.say((self._order(order), order), torch.zeros(order.shape, device=order.device))
        customer = {"need": self.need(state, order.shape[-1]), "heard": self.heard(state), "current": state.provider}
        return found | customer | {"order": order}

    def _order(self, like: Tensor) -> Tensor:
        """Whose request each customer has, by turns, [worlds, customers]."""
        market = self.catalogue.market
        rows = 1 if market is None else len(market.value)
        return (torch.arange(like.shape[-1], device=like.device) % rows).expand(like.shape)

    def shelf(self, state: State, seen: Tensor, quality: bool) -> dict[str, Tensor]:
        """Names and descriptions of what a reader sees, and verdicts where it may know the quality."""
        talk, item = _there(state), state.shelf.item
        flat = item.flatten(1)
        row = self._rows(talk.category).gather(-1, flat).view(item.shape)
        zero = torch.zeros(item.shape, device=item.device)
        found = {
            "names": self.said.names.say((row,), zero),
            "about": self.said.descriptions.say((row,), zero),
            "verdict": torch.zeros_like(item),
        }
        if quality:
            fits = self.matter.verdicts.to(item.device)[talk.category].gather(-1, flat).view(item.shape)
            found["verdict"] = torch.where(fits, self.said.verdicts.say((row,), zero), UNWORDED)
        if talk.pitch.shape[-1]:
            found["pitches"] = talk.pitch.gather(-1, flat).view(item.shape)
        return {name: torch.where(seen, ids, UNWORDED) for name, ids in found.items()}

    def need(self, state: State, seats: int) -> Tensor:
        """Id of the category, [worlds, seats]."""
        category = _there(state).category.unsqueeze(-1).expand(-1, seats)
        return self.said.needs.say((category,), torch.zeros(category.shape, device=category.device))

    def own_product(self, state: State) -> dict[str, Tensor]:
        """What each seller knows of its product: name, description and list price, [worlds, items]."""
        row = self._rows(_there(state).category)
        zero = torch.zeros(row.shape, device=row.device)
        c = self.catalogue
        prices = c.features[:, 0].exp() if c.prices is None else c.prices
        return {
            "name": self.said.names.say((row,), zero),
            "about": self.said.descriptions.say((row,), zero),
            "list_price": prices.to(row.device).expand(row.shape),
            "need": self.need(state, row.shape[-1]),
        }

    @staticmethod
    def heard(state: State) -> Tensor:
        """What each customer reads of the explanation, [worlds, customers]: its own copy, or the public's."""
        told, readers = _there(state).told, state.readers
        public = torch.where(readers[..., PUBLIC], told[..., PUBLIC], UNWORDED)
        return torch.where(readers[..., CUSTOMER], told[..., CUSTOMER], public)

    @staticmethod
    def letters(state: State) -> Tensor:
        """What the company reads, [worlds, customers]; nothing where it does not."""
        return torch.where(state.readers[..., COMPANY], _there(state).told[..., COMPANY], UNWORDED)


@lru_cache(maxsize=8)
def _made(named: str, catalogue: Catalogue, when: int) -> tuple[Matter, Attributes, Said]:
    """The words of a catalogue; made again when the file was changed."""
    matter, attributes = matter_of(named, catalogue), Attributes.of(catalogue)
    return matter, attributes, said_of(named, matter, catalogue, attributes)


def _there(state: State) -> Talk:
    assert state.talk is not None
    return state.talk
