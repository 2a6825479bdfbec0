"""People, culture agents and synthesisers of the culture world."""

from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import TypeVar

from populace.draw import Draw
from populace.numerics import either
from populace.observation import Observation
from populace.options import Options
from populace.policy import Actions, Memory, Policy


class Mixer(Policy):
    """Meets anyone it listens to, on any layer, and asks anything, all with the same chance."""

    plays = ("person",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """A layer, a partner and a question for everyone."""
        fields = {f.name: f for f in observation.role.does}
        people, layers = observation.role.seats, len(fields["layer"].labels)
        questions = int(fields["question"].high) + 1
        nothing = torch.zeros((draw.worlds, people), dtype=torch.int64, device=draw.device)
        return {
            "layer": nothing if layers == 1 else draw.integers("layer", 0, layers, people),
            "partner": draw.uniform("partner", people),
            "question": nothing if questions == 1 else draw.integers("question", 0, questions, people),
        }, memory


class PersonaOptions(Options):
    """How a culture's agent answers."""

    readout: Literal["mode", "sample", "first"] = "mode"
    """`mode`: what most of its culture hold, the stereotype; `sample`: as a person drawn from it; `first`: the option
    shown first, whatever it says (a control for the audit)."""
    fidelity: float = Field(default=1.0, ge=0, le=1)
    """Weight of its own culture's marginals; the rest is that of all cultures alike."""
    exposure: float = Field(default=0.0, ge=0, le=1)
    """Chance by question that it takes over another agent's answer in a round of exposure."""
    exposed_rounds: int = Field(default=1, ge=0)
    """Rounds in which it may be moved at all; later ones leave it as it is, as in the released runs."""


class Persona(Policy[PersonaOptions]):
    """Answers for one culture; in a round of exposure it sees what the others said and may take it over."""

    Options = PersonaOptions
    plays = ("agent",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """An option for each question."""
        o = self.options
        marginals = o.fidelity * observation["marginals"] + (1.0 - o.fidelity) * observation["pool"]
        _, cultures, asked, options = marginals.shape
        if o.readout == "mode":
            place = torch.arange(options, device=marginals.device)
            highest = observation["descending"].view(*marginals.shape[:2], 1, 1)
            # The tie goes to the questionnaire's highest option, in whichever order it is shown.
            top = marginals >= marginals.amax(-1, keepdim=True)
            answer = torch.where(
                highest.squeeze(-1),
                torch.where(top, place, options).amin(-1),
                torch.where(top, place, -1).amax(-1),
            )
        elif o.readout == "sample":
            answer = draw.categorical("answer", marginals)
        else:
            answer = torch.zeros(marginals.shape[:-1], dtype=torch.int64, device=marginals.device)
        return {"answers": self._exposed(observation, answer, draw, cultures, asked)}, memory

    def _exposed(self, observation: Observation, answer: Tensor, draw: Draw, cultures: int, asked: int) -> Tensor:
        """In a round of exposure: what it said before, or what another agent said."""
        o, others = self.options, observation["others"]
        if others.shape[2] < 2:
            return answer
        own = torch.arange(cultures, device=answer.device).view(1, -1, 1)
        before = others[:, 0].clamp(min=0)
        who = draw.integers("whom", 0, cultures - 1, cultures, asked)
        theirs = others.clamp(min=0).gather(2, (who + (who >= own)).unsqueeze(2)).squeeze(2)
        number = observation["round"].unsqueeze(-1)
        moved = (draw.uniform("moved", cultures, asked) < o.exposure) & (number <= o.exposed_rounds)
        later = torch.where(moved, theirs, before)
        # The order of options may differ from the round before: `others` comes in the order shown now.
        return torch.where(number > 0, later, answer)


class SynthesiserOptions(Options):
    """Whom a response cites, and what it says."""

    dominant: float = Field(default=0.33503, ge=0, le=1)
    """Share of references to the home culture; the others have the rest alike. With seven cultures .33503 has entropy
    .94 and .95729 has .13 (closed form; the entropies are those reported in arXiv 2505.09595)."""
    home: int = Field(default=0, ge=0)
    """Number of the home culture in the survey."""
    references: int = Field(default=12, ge=1)
    """References in a response. Assumed."""
    silent: float = Field(default=0.0, ge=0, le=1)
    """Chance that a response cites nobody."""
    positive: float = Field(default=0.5, ge=0, le=1)
    """Share of references that are positive. Assumed where not reported."""
    merge: Literal["majority", "home"] = "majority"
    """What the merged answer is: the answer most agents gave (ties: the highest option), or the home culture's."""


class UniplexOptions(SynthesiserOptions):
    """One culture speaks."""

    dominant: float = Field(default=0.95729, ge=0, le=1)
    """Share of references to the home culture; .95729 has entropy .13 among seven."""
    merge: Literal["majority", "home"] = "home"
    """What the merged answer is."""


class ContextualOptions(SynthesiserOptions):
    """One agent told to be plural."""

    dominant: float = Field(default=0.7, ge=0, le=1)
    """Share of references to the home culture. Assumed: the papers report only that it lies between."""
    merge: Literal["majority", "home"] = "home"
    """What the merged answer is."""


class MultiplexOptions(SynthesiserOptions):
    """Many agents and one who merges."""

    positive: float = Field(default=0.677, ge=0, le=1)
    """Share of references that are positive; .677 is reported with many agents (arXiv 2505.09595)."""


SynthesiserOptionsT = TypeVar("SynthesiserOptionsT", bound=SynthesiserOptions, default=Any)


class Synthesiser(Policy[SynthesiserOptionsT]):
    """Cites cultures by fixed shares, a response at a time, and merges the agents' answers."""

    Options = SynthesiserOptions
    plays = ("synthesiser",)

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """References, their sentiment, and an answer to each question."""
        o, said = self.options, observation["said"]
        worlds, seats, cultures, asked = said.shape
        number = torch.arange(cultures, device=said.device)
        home = number == min(o.home, cultures - 1)
        weight = either(home, o.dominant, (1.0 - o.dominant) / max(cultures - 1, 1))
        drawn = draw.categorical("references", weight.expand(worlds, seats, asked, o.references, cultures))
        references = (drawn.unsqueeze(-1) == number).sum(-2)
        speaks = draw.uniform("silent", seats, asked) >= o.silent
        references = references * speaks.unsqueeze(-1)
        return {
            "references": references,
            "positive": torch.full((worlds, seats, asked), o.positive, device=said.device, dtype=torch.float32),
            "answers": self._merged(said, observation["answers_mask"].shape[-1], min(o.home, cultures - 1)),
        }, memory

    def _merged(self, said: Tensor, options: int, home: int) -> Tensor:
        if self.options.merge == "home":
            return said[:, :, home]
        place = torch.arange(options, device=said.device)
        votes = (said.unsqueeze(-1) == place).sum(2)
        top = votes >= votes.amax(-1, keepdim=True)
        return torch.where(top, place, -1).amax(-1)


class Uniplex(Synthesiser[UniplexOptions]):
    """The baseline: nearly all references go to one culture, and its answer is everyone's."""

    Options = UniplexOptions


class Contextual(Synthesiser[ContextualOptions]):
    """One agent told to be plural: others are cited more often, the answer is still its own culture's."""

    Options = ContextualOptions


class Multiplex(Synthesiser[MultiplexOptions]):
    """Merges one agent a culture (single pass, or after the world's rounds of exposure)."""

    Options = MultiplexOptions


class Lister(Synthesiser):
    """Lists every culture once, whatever was said: entropy 1 without listening to anyone."""

    def act(self, observation: Observation, memory: Memory, draw: Draw) -> tuple[Actions, Memory]:
        """One reference to each culture."""
        actions, memory = super().act(observation, memory, draw)
        return {**actions, "references": torch.ones_like(actions["references"])}, memory
