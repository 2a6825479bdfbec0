"""What learners from feedback remember from one round to the next."""

from dataclasses import dataclass

from torch import Tensor

from populace.agents.learning.models import Params
from populace.fields import Role, lasting


@dataclass(frozen=True)
class Learned:
    """What a learner remembers; all of it outlives the episode.

    Attributes:
        role: Whose seats it plays (a constant: fields and labels).
        params: Parameters [worlds, ...] by name.
        reference: Parameters that KL penalties hold on to.
        sums: [worlds, seats], rewards so far by seat, or None unless ratings are centred.
        counts: [worlds, seats], how many.
        trust: [worlds, seats], weights of the raters, or None without evidence.
        rounds: [worlds] int64, rounds learned.
    """

    role: Role = lasting()
    params: Params = lasting()
    reference: Params = lasting()
    sums: Tensor | None = lasting()
    counts: Tensor | None = lasting()
    trust: Tensor | None = lasting()
    rounds: Tensor = lasting()
