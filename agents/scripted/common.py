"""Policies that can play any role of any world."""

from torch import Tensor

from populace.draw import Draw
from populace.fields import Field
from populace.observation import Observation
from populace.policy import Actions, Memory, Policy


class Random(Policy):
    """Legal actions at random: uniform over options and bounds, standard normal where a real has no bounds."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Every field of every seat, independently; texts are left to the world's phrases."""
        done = observation.role.done_in(observation.phase)
        return {f.name: _sample(f, observation, draw) for f in done if f.kind != "text"}, memory


class Forfeit(Policy):
    """Does nothing: every field's stated forfeit."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The forfeit of every field."""
        role = observation.role
        return {f.name: f.empty(draw.worlds, role.seats, draw.device) for f in role.done_in(observation.phase)}, memory


def _sample(f: Field, observation: Observation, draw: Draw) -> Tensor:
    shape = (observation.role.seats, *f.shape)
    if f.kind == "choice":
        mask = observation.get(f"{f.name}_mask")
        if mask is not None:
            return draw.categorical(f.name, mask.float())
        return draw.integers(f.name, 0, len(f.labels), *shape)
    if f.kind == "flag":
        return draw.uniform(f.name, *shape) < 0.5
    bounded = f.low > -float("inf") and f.high < float("inf")
    if f.kind == "count":
        high = int(f.high) if bounded else int(max(f.low, 0)) + 10
        return draw.integers(f.name, int(max(f.low, 0)), high + 1, *shape)
    if bounded:
        return f.low + (f.high - f.low) * draw.uniform(f.name, *shape)
    return draw.normal(f.name, *shape).clamp(f.low, f.high)
