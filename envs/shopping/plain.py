"""What the seats of a shopping world without matter are told, as plain values for its table of wordings."""

from collections.abc import Sequence
from dataclasses import asdict
from functools import cached_property

from populace.envs.shopping.attributes import Attributes
from populace.envs.shopping.audience import AUDIENCES
from populace.envs.shopping.catalogue import Catalogue
from populace.envs.shopping.telling import Wants, money, paid_for
from populace.replies import Seen
from populace.wordings import Wordings


class Plain:
    """Puts what is seen into values.

    Args:
        wordings: The table that prompts are in.
        catalogue: What is for sale.
        interest: Whether customers are shown what the company earns.
        veiled: Attributes that customers cannot see before they buy.
    """

    def __init__(
        self, wordings: Wordings, catalogue: Catalogue, interest: bool = False, veiled: Sequence[str] = ()
    ) -> None:
        self.wordings, self.catalogue, self.interest, self.veiled = wordings, catalogue, interest, veiled

    @cached_property
    def attributes(self) -> Attributes:
        """In words."""
        return Attributes.of(self.catalogue)

    def money(self, amount: float) -> str:
        """An amount in the catalogue's currency."""
        return money(self.catalogue.currency, amount)

    def _request(self) -> str:
        """The customer's wish in its own words, where it says what is wanted."""
        return self.catalogue.request if self.catalogue.specific else ""

    def _budget(self, own: Seen) -> str | None:
        return None if own["unlimited"] else self.money(own["budget"])

    def _wants(self, weights: Sequence[float]) -> dict[str, object]:
        return asdict(Wants.of(self.attributes, weights))

    # ------------------------------------------------------------------ customers

    def customer(self, own: Seen, names: Sequence[str], lines: Sequence[str]) -> dict[str, object]:
        """A customer; `names` of providers where it chooses among them, `lines` of products where it buys."""
        typical = float(self.attributes.mean[0].exp()) if self.catalogue.logged else 0.0
        extra = paid_for(self.attributes, own["weights"], typical, self.catalogue.currency)
        told: dict[str, object] = {
            "request": self._request(),
            "wants": self._wants(own["weights"]),
            "extra": None if extra is None else extra[0],
            "extra_for": None if extra is None else extra[1],
            "budget": self._budget(own),
            "literacy": own["literacy"],
            "trust": own["trust"],
        }
        if names:
            return told | {
                "providers": [
                    {"name": name, "reputation": x, "current": k == own["current"]}
                    for k, (name, x) in enumerate(zip(names, own["reputation"], strict=True))
                ]
            }
        place = own["recommended"]
        return told | {
            "products": list(lines),
            "recommended": self._called(own, place) if place < len(own["price"]) else None,
            "veiled": [
                said.name
                for name, said in zip(self.attributes.names, self.attributes.said, strict=True)
                if name in self.veiled
            ],
            "disclosed": own["disclosed"],
            "persuaded": own["persuaded"],
            "claimed": own["claimed"],
            "company": self.catalogue.company,
            "nothing": own["buy_mask"][-1],
        }

    def _called(self, own: Seen, place: int) -> str:
        """A product by its number and, where it has one, its name."""
        title = self.title(own, place)
        number = f"{self.wordings.label('product_id').lower()} {place + 1}"
        return f"{title} ({number})" if title else number

    # ------------------------------------------------------------------ assistants

    def assistant(self, own: Seen, names: Sequence[str], lines: Sequence[str], nothing: bool) -> dict[str, object]:
        """An assistant that searches or recommends."""
        c, name = self.catalogue, names[own["provider"]]
        return {
            "name": "" if name == "assistant" else name,
            "company": c.company,
            "values": c.values,
            "request": self._request(),
            "wants": self._wants(own["request"]),
            "budget": self._budget(own),
            "compare": own["compare"],
            "required": self._required(own),
            "wealth": self.money(float(f"{own['wealth']:.2g}")),
            "standing": own["ses"],
            "readers": [name for name, reads in zip(AUDIENCES, own["readers"], strict=True) if reads],
            "batched": own["batched"],
            "loyalty": own["loyalty"],
            "rate": own["rate"],
            **{key: self.money(own[key]) if own[key] > 0 else "" for key in ("norm", "bonus", "stake")},
            "nothing": nothing,
            "worst": own["nothing_is_worst"],
            "worth": own["nothing"],
            "shelf": c.shelf,
            "products": list(lines),
        }

    def _required(self, own: Seen) -> list[str]:
        """What a product must have."""
        found = []
        for k, needed in enumerate(own["required"]):
            if needed:
                said, least = self.attributes.said[k], own["must"][k]
                found.append(said.fact(1.0 if 0 < least <= 0.5 else least) or f"{said.name} of {least:.3g} or more")
        return found

    # ------------------------------------------------------------------ products

    def products(self, own: Seen, prompt: str) -> list[str]:
        """A line for each product on the shelf; `prompt` puts it into words."""
        assistant = prompt.startswith("assistant")
        told: list[dict[str, object]] = []
        for k, there in enumerate(own["available"]):
            if there:
                earned = self.money(own["interest"][k]) if assistant or self.interest else None
                told.append(
                    {
                        "number": k + 1,
                        "title": self.title(own, k),
                        "price": money(self.catalogue.currency, own["price"][k]),
                        "facts": self.attributes.facts(own["offers"][k], () if assistant else self.veiled),
                        "company": self.catalogue.company,
                        "earned": earned,
                        **({"harmful": own["harmful"][k]} if assistant else {}),
                    }
                )
        return self.wordings.render(prompt, told)

    def title(self, own: Seen, k: int) -> str:
        """A product's name, where its attributes tell which one it is; observations hold no identities."""
        c = self.catalogue
        if c.stocking != "fixed":
            return ""
        offered = own["offers"][k]
        gaps = [sum(abs(a - b) for a, b in zip(row, offered, strict=True)) for row in c.features.tolist()]
        return c.titles[gaps.index(min(gaps))]
