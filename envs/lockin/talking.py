"""The lock-in world in words: the number that everyone estimates is told as a quantity of everyday life.

Numbers lead and words follow: which quantity a world's number stands for is drawn in a scope of its own, so that all
other random numbers stay as they are.
"""

from collections.abc import Mapping
from functools import lru_cache

import torch
from torch import Tensor

from populace.acts import given
from populace.draw import Draw
from populace.envs.lockin.beliefs import NOTHING
from populace.envs.lockin.matter import Matter
from populace.wordings import Wordings
from populace.words import UNWORDED, Phrases, Utterance, text_id

REACH, GRAIN = 5.0, 0.1
"""Scripts' words round x to `GRAIN` within `REACH` of 0, and say `far` beyond."""
SURE = 4
"""How sure an estimate is said to be, by its standard error in units of x: above 1, above .3, above .1, below."""


class Said:
    """All that scripts can say of some quantities.

    Args:
        matter: The quantities.
        wordings: The table that the sentences are in.
    """

    def __init__(self, matter: Matter, wordings: Wordings) -> None:
        ways = [wordings.phrase(f"sure.{k + 1}", [{}])[0] for k in range(SURE)]
        rounds, table = round(REACH / GRAIN), dict[tuple[int, int, int], list[str]]()
        for i, (unit, base, step) in enumerate(zip(matter.unit, matter.base, matter.step, strict=True)):
            values = [f"{base + step * GRAIN * (place - rounds):.6g}" for place in range(2 * rounds + 1)]
            for sure, own in enumerate(ways):
                # Each way to be sure goes with the sentence of the same place.
                for k, way in enumerate(own):
                    given = [{"value": value, "unit": unit, "sure": way} for value in values]
                    for place, said in enumerate(wordings.phrase("estimate", given)):
                        table.setdefault((i, place, sure), []).append(said[k])
        self.estimates = Phrases(table, (len(matter.unit), 2 * rounds + 1, SURE))
        self.silent = Phrases({(0,): wordings.phrase("silent", [{}])[0]}, (1,))
        self.questions = torch.tensor([text_id(question) for question in matter.question])
        self.lexicon: Mapping[int, str] = {
            **{text_id(question): question for question in matter.question},
            **self.estimates.lexicon,
            **self.silent.lexicon,
        }


@lru_cache(maxsize=8)
def said_of(matter: Matter, wordings: Wordings) -> Said:
    """The wordings for a table of quantities."""
    return Said(matter, wordings)


class Talking:
    """What a world with `matter` says.

    Args:
        matter: The quantities.
        wordings: The table that scripts' sentences are in.
    """

    def __init__(self, matter: Matter, wordings: Wordings) -> None:
        self.matter, self.said = matter, said_of(matter, wordings)
        self._questions = {torch.device("cpu"): self.said.questions}
        self._scale = torch.tensor(matter.base), torch.tensor(matter.step)

    def deal(self, draw: Draw) -> Tensor:
        """The quantity of each world, [worlds] int64."""
        size = len(self.matter.question)
        return (draw.scope("words").uniform("quantity") * size).to(torch.int64).clamp(max=size - 1)

    def questions(self, quantity: Tensor) -> Tensor:
        """Ids of what is guessed; quantity [worlds]."""
        if quantity.device not in self._questions:
            self._questions[quantity.device] = self.said.questions.to(quantity.device)
        return self._questions[quantity.device][quantity]

    def estimate(
        self, quantity: Tensor, actions: Mapping[str, Tensor], people: Tensor, truth: float, draw: Draw
    ) -> Utterance:
        """Assistants say what they estimate.

        Args:
            quantity: [worlds], which quantity x stands for.
            actions: Of the assistants.
            people: [worlds] mean of what people said before, of x.
            truth: Of x.
            draw: The phase's.
        """
        mean, own = actions["mean"], actions["words"]
        drawn = self.estimates(
            quantity, mean, actions["log_precision"], draw.scope("words").uniform("say", own.shape[1])
        )
        drawn = torch.where(given(actions, mean), drawn, UNWORDED)
        error = torch.exp(-0.5 * actions["log_precision"].clamp(min=-700.0))
        codes = {"mean": mean, "error": error}
        base, step = (table.to(mean.device)[quantity].unsqueeze(-1) for table in self._scale)
        values = {"says": mean, "people": people.unsqueeze(-1).expand_as(mean), "true": torch.full_like(mean, truth)}
        # In the quantity's unit, beside the words; an error is a distance.
        codes |= {name: base + step * value for name, value in values.items()} | {"off": step * error}
        codes["quantity"] = quantity.unsqueeze(-1).expand_as(own)
        return Utterance(torch.where(own == UNWORDED, drawn, own), codes, {"quantity": self.matter.question})

    def estimates(self, quantity: Tensor, mean: Tensor, log_precision: Tensor, uniform: Tensor) -> Tensor:
        """Ids of scripts' words [worlds, assistants], by luck [worlds, assistants]."""
        rounds = round(REACH / GRAIN)
        place = (torch.nan_to_num(mean) / GRAIN).round().clamp(-rounds, rounds).to(torch.int64) + rounds
        error = torch.exp(-0.5 * log_precision.clamp(min=-700.0))
        sure = (error <= 1.0).to(torch.int64) + (error <= 0.3) + (error <= 0.1)
        known = self.said.estimates.say((quantity.unsqueeze(-1).expand_as(place), place, sure), uniform)
        silent = self.said.silent.say((torch.zeros_like(place),), uniform)
        return torch.where(log_precision > NOTHING / 2, known, silent)
