"""Kinds of users: what they care about and what it costs them."""

from dataclasses import dataclass

import torch
from torch import Tensor

from populace.draw import Draw
from populace.errors import PopulaceError
from populace.population import Census, People

TYPES = ("quality", "brevity", "patience", "typing_cost", "price_sensitivity", "intent_clarity")
"""The traits of a user that the payoff world reads."""

MEANS = (1.0, 1.0, 0.7, 1.0, 1.0, 0.75)
"""What a trait is when the population has none of that name. Assumed: weights of 1 leave GTAlign's weights
as they are; patience is the chance to stay for another turn; intent clarity is the share of ambiguity that a clear
question takes away."""


def of(people: People) -> Tensor:
    """The types of all users, [worlds, users, 6] float32 in the order of `TYPES`.

    They are checked where they lie on the CPU only: a look at a GPU's numbers would stall every restart of an episode.

    Raises:
        PopulaceError: A weight or cost is negative, or patience or intent clarity is not in [0, 1].
    """
    found = torch.stack([people.trait(name, mean) for name, mean in zip(TYPES, MEANS, strict=True)], -1)
    top = torch.tensor([torch.inf, torch.inf, 1.0, torch.inf, torch.inf, 1.0], device=found.device, dtype=torch.float32)
    bad = ~((found >= 0) & (found <= top))
    if not found.is_cuda and bool(bad.any()):
        world, user, k = bad.nonzero()[0].tolist()
        bound = "in [0, 1]" if top[k] == 1 else "at least 0"
        raise PopulaceError(
            f"user {user} of world {world}: {TYPES[k]} is {found[world, user, k].item():g}; it must be {bound}"
        )
    return found


@dataclass(frozen=True)
class TypedUsers:
    """Users whose weights and costs are log-normal around 1 and whose shares are uniform around their means.

    What views use when given no population. Assumed.

    Attributes:
        size: Users in a world.
        spread: Standard deviation of the logarithms; shares reach half as far, in absolute terms.
    """

    size: int
    spread: float = 0.15

    def __post_init__(self) -> None:
        if self.size < 1:
            raise PopulaceError(f"a population of {self.size} users: at least one is needed")

    @property
    def census(self) -> Census:
        """One segment and the six traits."""
        return Census(self.size, traits=TYPES)

    def sample(self, draw: Draw) -> People:
        """Independent traits."""
        normal = draw.normal("types", self.size, len(TYPES))
        traits = {}
        for k, (name, mean) in enumerate(zip(TYPES, MEANS, strict=True)):
            z = normal[..., k].contiguous()
            share = name in ("patience", "intent_clarity")
            traits[name] = (mean + 0.5 * self.spread * z).clamp(0.0, 1.0) if share else torch.exp(self.spread * z)
        values = torch.zeros((draw.worlds, self.size, 0), device=draw.device, dtype=torch.float32)
        return People(values, torch.zeros((draw.worlds, self.size), dtype=torch.int64, device=draw.device), traits)
