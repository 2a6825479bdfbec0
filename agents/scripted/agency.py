"""Who plays the games of principal-agent theory."""

from torch import Tensor

from populace.draw import Draw
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy


class EquilibriumOptions(Options):
    """How far from equilibrium it plays."""

    terms: tuple[float, float, float, float] = (0.0, 0.0, 0.0, 0.0)
    """Added to the terms that theory prescribes, to see that this does not pay."""
    move: float = 0.0
    """Added to the move that theory prescribes."""
    answer: float = 0.0
    """Added to the answer that theory prescribes."""


class Equilibrium(Policy[EquilibriumOptions]):
    """Plays what theory prescribes, or a set distance from it."""

    Options = EquilibriumOptions
    privileged = True

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """Terms, move or answer."""
        o = self.options
        if observation.phase == "offer":
            due = observation["due_terms"]
            return {"terms": due + due.new_tensor(o.terms)}, memory
        if observation.phase == "act":
            return {"move": observation["due_move"] + o.move}, memory
        return {"answer": observation["due_answer"] + o.answer}, memory


class InsistOptions(Options):
    """Which move."""

    move: float = 1.0
    """The move."""


class Insist(Policy[InsistOptions]):
    """An agent that makes the same move whatever happens: 0 is honest and idle, 1 cheats, takes the badge, offers."""

    Options = InsistOptions
    needs = ("type",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """The move."""
        return {"move": _same(observation["type"], self.options.move)}, memory


def _same(like: Tensor, value: float) -> Tensor:
    return like.new_full(like.shape, value)
