"""The culture world in words: questions that people ask, what agents and the synthesiser answer, beside the numbers.

Numbers lead and words follow: which question is asked, and which option is chosen, is decided first, and a script's act
is put into words afterwards. Whatever is drawn here has a scope of its own, so that all other random numbers stay as
they are.
"""

import re
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from itertools import product

import torch
from torch import Tensor

from populace.acts import given
from populace.draw import Draw
from populace.envs.culture.prompts import place_of
from populace.envs.culture.state import State
from populace.envs.culture.survey import Survey
from populace.wordings import Wordings
from populace.words import SILENCE, UNWORDED, Phrases, Utterance, text_id

WARMLY = 0.6
"""A response speaks warmly of the cultures it names where more of its references than that are positive (assumed)."""
PARTS = 2
"""Texts of a response to one question: the answer, and whose perspectives it cites."""


class Said:
    """All that scripts can say about a survey; C cultures, Q questions, O options at most.

    Args:
        wordings: The table of what scripts say.
        survey: The survey.
    """

    def __init__(self, wordings: Wordings, survey: Survey) -> None:
        places, most = [place_of(wordings, name) for name in survey.cultures], int(survey.sizes.max())
        options = [(*labels, *[""] * (most - len(labels))) for labels in survey.labels]
        chosen = {(q, o): label for q, labels in enumerate(options) for o, label in enumerate(labels)}
        cited = list(product(enumerate(places), enumerate((*places, ""))))
        warm = wordings.phrase("cites.warm", [{}])[0]
        cites: dict[tuple[int, int, int], list[str]] = {}
        for name, alone in (("cites.one", True), ("cites.two", False)):
            own = [((i, a), (j, b)) for (i, a), (j, b) in cited if (not b or i == j) == alone]
            found = wordings.phrase(name, [{"a": a, "b": b} for (_, a), (_, b) in own])
            for ((i, _), (j, _)), plain in zip(own, found, strict=True):
                cites[i, j, 0] = plain
                cites[i, j, 1] = [f"{text} {more}" for text in plain for more in warm]
        asks = wordings.phrase("asks", [{"question": text} for text in survey.texts])
        self.asks = Phrases({(q,): texts for q, texts in enumerate(asks)}, (len(survey.texts),))
        self.says, self.merges = (
            Phrases(
                dict(zip(chosen, wordings.phrase(name, [{"option": o} for o in chosen.values()]), strict=True)),
                (len(options), most),
            )
            for name in ("says", "merges")
        )
        self.cites = Phrases(cites, (len(places), len(places) + 1, 2))
        """By the culture cited most, the one cited second (or the number of cultures for none), and whether warmly."""
        ids = [[*map(text_id, labels), *[UNWORDED] * (most - len(labels))] for labels in survey.labels]
        self.labels = torch.tensor(ids)
        """[Q, O] ids of options, `UNWORDED` beyond a question's own."""
        self.topics, self.options = survey.questions, tuple(label for labels in options for label in labels)
        self.lexicon: Mapping[int, str] = {
            **{text_id(label): label for label in self.options},
            **{
                found: text
                for phrases in (self.asks, self.says, self.merges, self.cites)
                for found, text in phrases.lexicon.items()
            },
        }


@lru_cache(maxsize=8)
def said_of(wordings: Wordings, survey: Survey) -> Said:
    """What scripts say about a survey."""
    return Said(wordings, survey)


class Talking:
    """What a world with `matter` says.

    Args:
        wordings: The table of what scripts say.
        survey: The survey.
        asked: Questions of a tick.
    """

    def __init__(self, wordings: Wordings, survey: Survey, asked: int) -> None:
        self.survey, self.asked, self.said = survey, asked, said_of(wordings, survey)
        self._labels = {torch.device("cpu"): self.said.labels}

    def nothing(self, state: State) -> State:
        """The state before anything was said: questions stand in their own words."""
        plain = self.said.asks.say((state.asked,), torch.zeros_like(state.asked, dtype=torch.float32))
        unsaid = torch.full_like(state.said, UNWORDED)
        response = torch.full_like(state.asked, UNWORDED).unsqueeze(-1).repeat(1, 1, PARTS)
        return replace(state, asking=plain, replies=unsaid, replied=unsaid, response=response)

    def labels(self, device: torch.device) -> Tensor:
        """Ids of options, [Q, O]."""
        if device not in self._labels:
            self._labels[device] = self.said.labels.to(device)
        return self._labels[device]

    # ------------------------------------------------------------------ what is said

    def ask(self, state: State, actions: Mapping[str, Tensor], draw: Draw) -> tuple[State, Utterance]:
        """People ask; a question of this tick stands in the words of the first who asked it."""
        wanted, own = actions["question"].clamp(0, len(self.survey.questions) - 1), actions["words"]
        drawn = self.said.asks.say((wanted,), draw.scope("words").uniform("ask", wanted.shape[1]))
        drawn = torch.where(given(actions, drawn), drawn, UNWORDED)
        words = torch.where(own == UNWORDED, drawn, own)
        match = (wanted.unsqueeze(-1) == state.asked.unsqueeze(1)) & (words != UNWORDED).unsqueeze(-1)
        first = match.to(torch.uint8).argmax(1)
        plain = self.said.asks.say((state.asked,), torch.zeros_like(state.asked, dtype=torch.float32))
        assert state.asking is not None
        found = torch.where(match.any(1), words.gather(1, first), plain)
        asking = torch.where((state.round == 0).unsqueeze(-1), found, state.asking)
        codes = {"question": wanted, "culture": state.culture}
        labels = {"question": self.said.topics, "culture": self.survey.cultures}
        assert state.replies is not None
        replied = torch.where((state.round == 0).view(-1, 1, 1), UNWORDED, state.replies)
        return replace(state, asking=asking, replied=replied), Utterance(words, codes, labels, to="agent")

    def answer(self, state: State, actions: Mapping[str, Tensor], draw: Draw) -> tuple[State, Utterance]:
        """Agents answer; their options are in `state.said`, in the questionnaire's order."""
        index = state.asked.unsqueeze(1).expand_as(state.said)
        drawn = self.said.says.say((index, state.said), draw.scope("words").uniform("answer", *state.said.shape[1:]))
        drawn = torch.where(state.given.unsqueeze(-1), drawn, UNWORDED)
        words = torch.where(actions["words"] == UNWORDED, drawn, actions["words"])
        most = self.said.labels.shape[-1]
        held = state.tables.majority[:, state.asked].transpose(0, 1).long().clamp(min=0)
        codes = {"question": index, "answer": index * most + state.said, "held": index * most + held}
        labels = {"question": self.said.topics, "answer": self.said.options, "held": self.said.options}
        there = torch.where(words == SILENCE, UNWORDED, words)  # all is said in what stands beside the first question
        return replace(state, replies=words), Utterance(there, codes, labels, to=("synthesiser",) * self.asked)

    def merge(self, state: State, actions: Mapping[str, Tensor], there: Tensor, draw: Draw) -> tuple[State, Utterance]:
        """The synthesiser writes; `there` [worlds] tells whether its answers were given."""
        uniform = draw.scope("words").uniform("merge", self.asked, PARTS)
        merged, references = actions["answers"][:, 0], actions["references"][:, 0].float()
        merged = torch.minimum(merged, state.tables.sizes[state.asked] - 1)
        drawn = self.responses(state.asked, merged, references, actions["positive"][:, 0], uniform)
        drawn = torch.where(there.view(-1, 1, 1), drawn, UNWORDED)
        own = actions["words"][:, 0]
        # Where the synthesiser wrote anything itself, the world adds nothing to it.
        words = torch.where((own != UNWORDED).flatten(1).any(-1).view(-1, 1, 1), own, drawn)
        most = self.said.labels.shape[-1]
        flat = words.flatten(1).unsqueeze(1)
        question = state.asked.repeat_interleave(PARTS, -1).unsqueeze(1)
        codes = {"question": question, "answer": question * most + merged.repeat_interleave(PARTS, -1).unsqueeze(1)}
        cited = [re.sub(r"\W", "_", name) for name in self.survey.cultures]
        codes |= {
            f"cites_{name}": actions["references"][:, :, :, c].repeat_interleave(PARTS, -1)
            for c, name in enumerate(cited)
        }
        labels = {"question": self.said.topics, "answer": self.said.options}
        said = torch.where(flat == SILENCE, UNWORDED, flat)
        return replace(state, response=words), Utterance(said, codes, labels, to=("person",) * (self.asked * PARTS))

    def responses(self, asked: Tensor, merged: Tensor, references: Tensor, positive: Tensor, uniform: Tensor) -> Tensor:
        """Ids of a script's response [worlds, A, 2].

        Args:
            asked: [worlds, A] questions.
            merged: [worlds, A] options.
            references: [worlds, A, C] float counts.
            positive: [worlds, A] share of positive references.
            uniform: [worlds, A, 2] luck.
        """
        answer = self.said.merges.say((asked, merged), uniform[..., 0])
        order = references.argsort(dim=-1, descending=True, stable=True)[..., :2]
        top = references.gather(-1, order)
        second = torch.where(top[..., 1] > 0, order[..., 1], references.shape[-1])
        warm = (positive > WARMLY).to(torch.int64)
        cites = self.said.cites.say((order[..., 0], second, warm), uniform[..., 1])
        return torch.stack((answer, torch.where(top[..., 0] > 0, cites, SILENCE)), -1)

    # ------------------------------------------------------------------ what is seen

    def shown(self, state: State, role: str, seats: int) -> dict[str, Tensor]:
        """Text fields of a role."""
        assert state.asking is not None
        assert state.response is not None
        if role == "person":
            return {"read": state.response.unsqueeze(1).expand(-1, seats, -1, -1)}
        labels = self.labels(state.asked.device)[state.asked]
        if role == "agent":
            sizes = state.tables.sizes[state.asked].unsqueeze(-1)
            places = torch.arange(labels.shape[-1], device=labels.device)
            turned = labels.gather(-1, (sizes - 1 - places).clamp(min=0))
            turned = torch.where(places < sizes, turned, UNWORDED)
            labels = torch.where(state.descending.view(-1, 1, 1), turned, labels)
        heard = state.replied if role == "agent" else state.replies
        assert heard is not None
        return {
            "asking": state.asking.unsqueeze(1).expand(-1, seats, -1),
            "options": labels.unsqueeze(1).expand(-1, seats, -1, -1),
            "heard": heard.unsqueeze(1).expand(-1, seats, -1, -1),
        }
