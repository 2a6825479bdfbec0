"""The coevolution world in words: statements that are asked, essays that are read, beside the numbers that decide.

Numbers lead and words follow: items are put into words by statements that carry their loadings, and a script's position
is put into words after it was taken. Whatever is drawn here has a scope of its own, so that all other random numbers
stay as they are.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor

from populace.acts import given
from populace.draw import Draw
from populace.envs.coevolution.matter import Matter
from populace.envs.coevolution.phrases import remark_of, said_of, spoken
from populace.envs.coevolution.state import State
from populace.wordings import Wordings
from populace.words import UNWORDED, Utterance

MOST = 3
"""Statements that say one item at most: an item of random signs loads on so many values."""


class Talking:
    """What a world with `matter` says.

    Args:
        wordings: The table that scripts' sentences are in.
        matter: The statements.
        own: Whether the items of the questionnaire are the statements themselves, or else have random signs.
        beta: How sharply answers follow values.
        audiences: Names of the audiences of an assistant; one for all.
        heard: Whether users listen to the assistant.
    """

    def __init__(
        self, wordings: Wordings, matter: Matter, own: bool, beta: float, audiences: tuple[str, ...], heard: bool
    ) -> None:
        self.matter, self.own, self.beta, self.audiences, self.heard = matter, own, beta, audiences, heard
        if not own:
            matter.demand_pure()
        self.said = said_of(matter, wordings)
        self._pure = {torch.device("cpu"): matter.pure()}
        self._ids = {torch.device("cpu"): self.said.statements}

    @property
    def parts(self) -> int:
        """Statements that say one item at most."""
        return 1 if self.own else min(MOST, len(self.matter.values))

    def worded(self, loadings: Tensor, rows: Tensor | None, draw: Draw) -> Tensor:
        """Rows of the statements that say each item, [worlds, items, parts] int64; -1 where an item needs no more.

        Args:
            loadings: [worlds, items, values].
            rows: [worlds, items], the row of each item where the items are the table's own.
            draw: That of the world's beginning.
        """
        if rows is not None:
            return rows.unsqueeze(-1)
        device = loadings.device
        if device not in self._pure:
            pure, counts = self._pure[torch.device("cpu")]
            self._pure[device] = pure.to(device), counts.to(device)
        pure, counts = self._pure[device]
        value = loadings.abs().argsort(dim=-1, descending=True, stable=True)[..., : self.parts]
        loading = loadings.gather(-1, value)
        sign = (loading > 0).to(torch.int64)
        uniform = draw.scope("words").uniform("statements", loadings.shape[1], self.parts)
        count = counts[value, sign]
        found = pure[value, sign, torch.minimum((uniform * count).to(torch.int64), count - 1)]
        return torch.where(loading != 0, found, -1)

    def nothing(self, state: State) -> Tensor:
        """Essays before any was written, [worlds, M] int64."""
        return torch.full_like(state.counts, UNWORDED, dtype=torch.int64)

    # ------------------------------------------------------------------ what is said

    def remark(self, actions: Mapping[str, Tensor], state: State, draw: Draw) -> Utterance:
        """Users say what they think of the statements; a script that gave no answers says nothing."""
        answers = actions["answers"]
        uniform = draw.scope("words").uniform("remark", answers.shape[1])
        drawn = self.remarks(answers, uniform)
        drawn = torch.where(given(actions, drawn), drawn, UNWORDED)
        own = actions["remark"]
        codes = {f"answer{k + 1}": answers[..., k] for k in range(answers.shape[-1])}
        labels = dict.fromkeys(codes, ("no", "yes"))
        return Utterance(torch.where(own == UNWORDED, drawn, own), codes, labels, to="assistant")

    def remarks(self, answers: Tensor, uniform: Tensor) -> Tensor:
        """Ids of scripts' remarks on answers [worlds, users, asked], by luck [worlds, users]."""
        return self.said.remarks.say((remark_of(answers),), uniform)

    def essay(self, actions: Mapping[str, Tensor], state: State, draw: Draw) -> tuple[State, Utterance]:
        """Assistants write what they hold, to each audience; a script that took no position writes nothing."""
        position, mirror, own = actions["position"], actions["mirror"], actions["essay"]
        uniform = draw.scope("words").uniform("essay", *own.shape[1:])
        drawn = self.essays(position, mirror, state.centre.unsqueeze(1), uniform)
        drawn = torch.where(given(actions, mirror).unsqueeze(-1), drawn, UNWORDED)
        words = torch.where(own == UNWORDED, drawn, own)
        codes, labels = self._asked(state, mirror)
        yes = (state.yes / state.replied.clamp(min=1.0).unsqueeze(-1)).unflatten(1, own.shape[1:])
        # What each audience answered stands beside the words it is told.
        codes |= {f"yes{k + 1}": yes[..., k] for k in range(yes.shape[-1])}
        codes |= {re.sub(r"\W", "_", name): position[..., d] for d, name in enumerate(self.matter.values)}
        codes["mirror"] = mirror
        to = ("user",) if len(self.audiences) == 1 else self.audiences
        return replace(state, essay=words.flatten(1)), Utterance(words, codes, labels, to=to)

    def essays(self, position: Tensor, mirror: Tensor, centre: Tensor, uniform: Tensor) -> Tensor:
        """Ids of a script's essays [worlds, assistants, audiences].

        Args:
            position: [worlds, assistants, audiences, values].
            mirror: [worlds, assistants].
            centre: [worlds, 1 or assistants, values].
            uniform: [worlds, assistants, audiences] luck.
        """
        first, second = spoken(self.beta * (position - centre.unsqueeze(2)))
        own = self.said.essays.say((first, second), uniform)
        echo = self.said.echoes.say((torch.zeros_like(first),), uniform)
        return torch.where((mirror >= 0.5).unsqueeze(-1), echo, own)

    def _asked(self, state: State, like: Tensor) -> tuple[dict[str, Tensor], dict[str, tuple[str, ...]]]:
        """The statements of this tick as codes [worlds, assistants], `asked1a`, `asked1b`, ..., with their labels."""
        rows = self._rows(state)
        codes, labels = {}, {}
        for k in range(rows.shape[1]):
            for part in range(rows.shape[2]):
                name = f"asked{k + 1}{'abc'[part]}"
                codes[name] = (rows[:, k, part].unsqueeze(-1) + 1).expand_as(like)
                labels[name] = ("", *self.matter.statement)
        return codes, labels

    def _rows(self, state: State) -> Tensor:
        """Rows of the statements of this tick, [worlds, asked, parts]."""
        assert state.statements is not None
        return state.statements.gather(1, state.asked.unsqueeze(-1).expand(-1, -1, state.statements.shape[-1]))

    # ------------------------------------------------------------------ what is seen

    def statements(self, state: State) -> Tensor:
        """Ids of the statements of this tick, [worlds, asked, parts]."""
        rows = self._rows(state)
        if rows.device not in self._ids:
            self._ids[rows.device] = self.said.statements.to(rows.device)
        return self._ids[rows.device][rows]  # the row -1 is the last, which is no text

    def read_by(self, state: State) -> Tensor:
        """What each user's assistant wrote to it last, [worlds, users] int64."""
        assert state.essay is not None
        users = state.values.shape[1]
        return state.essay.expand(-1, users) if state.group is None else state.essay.gather(1, state.group)
