"""Scripts beside a model that learns: the teacher whose replies it learns from, and who does the rest of a move."""

import torch

from populace.agents.llm.learning.moves import MOVE
from populace.agents.llm.learning.options import TrainingOptions
from populace.dialogue import Dialogue
from populace.draw import Draw
from populace.errors import PopulaceError
from populace.fields import Role
from populace.observation import Observation
from populace.policy import WORDS, Actions, Memory
from populace.population import People

Remembered = tuple[Memory, Memory]
"""Of the teacher, and of the script for the rest."""


class Scripts:
    """The scripts that options name, if any.

    Args:
        options: The learner's.
    """

    def __init__(self, options: TrainingOptions) -> None:
        teacher, rest = options.teacher, options.rest
        self.moves, self.shares = options.moves, {} if teacher is None else teacher.shares
        self.teacher = None if teacher is None or teacher.script is None else teacher.script.made()
        self.rest = None if rest is None else rest.made()

    def check(self, role: Role, dialogue: Dialogue | None) -> None:
        """They can play the role.

        Raises:
            PopulaceError: One cannot, or sees ground truth.
        """
        for script in (self.teacher, self.rest):
            if script is None:
                continue
            if script.privileged:
                raise PopulaceError(f"{type(script).__name__} sees ground truth, which a learner is not shown")
            if script.plays and role.name not in script.plays:
                raise PopulaceError(f"{type(script).__name__} plays {', '.join(script.plays)}, not {role.name}")
            script.check_role(role, dialogue)

    def begin(self, role: Role, people: People, draw: Draw) -> Remembered:
        """Their memories at the start of an episode."""
        first = None if self.teacher is None else self.teacher.begin(role, people, draw.scope("teacher"))
        return first, None if self.rest is None else self.rest.begin(role, people, draw.scope("rest"))

    def others(self, observation: Observation, memory: Remembered, draw: Draw) -> tuple[Actions, Remembered]:
        """What is done where a move says nothing; no fields without a script for it."""
        if self.rest is None:
            return {}, memory
        acts, after = self.rest.act(observation, memory[1], draw.scope("rest"))
        return acts, (memory[0], after)

    def shown(
        self, observation: Observation, memory: Remembered, draw: Draw, name: str, labels: tuple[str, ...]
    ) -> tuple[Actions, Remembered]:
        """What the teacher would do: fields, or of a mixture of moves `words/move`.

        Args:
            observation: What is seen.
            memory: What the scripts remember.
            draw: Random numbers of this act.
            name: The field by which a decision is told.
            labels: What there is to choose from; shares are of these.
        """
        draw = draw.scope("teacher")
        if self.teacher is not None:
            acts, after = self.teacher.act(observation, memory[0], draw)
            return acts, (after, memory[1])
        role = observation.role
        shares = torch.tensor([self.shares.get(label, 0.0) for label in labels], device=draw.device)
        drawn = draw.categorical("label", shares.expand(draw.worlds, role.seats, -1))
        if self.moves:
            return {f"{WORDS}{MOVE}": drawn}, memory
        rest = {
            f.name: f.omitted(draw.worlds, role.seats, draw.device, observation)
            for f in role.done_in(observation.phase)
            if f.kind != "text" and not f.optional
        }
        return {**rest, name: drawn}, memory
