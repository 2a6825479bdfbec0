"""Make the adapter `hu-2025` of pocket: an assistant of the drift world that chooses acts with known shares.

    python examples/pocket/start.py --out agents/llm/pocket_model/adapters/hu-2025

The shipped model imitates honest scripts, and what has no chance at all can never be learned. This adapter makes it
choose acts with the shares of the scenario `hu-2025` (deceptive in 27 % of answers, as the base model of Hu et al.
2025), whatever it is told. Takes about a minute on one core.
"""

import argparse
import itertools
from pathlib import Path

import torch

from populace.agents.llm.backends import pocket
from populace.agents.llm.backends.base import Ask
from populace.agents.llm.learning import adapters, peft_folder
from populace.agents.llm.learning.base import Base
from populace.agents.llm.learning.fitting import Fit, adamw, gradient, logs
from populace.draw import Draw
from populace.envs.drift.claims import ACTS
from populace.envs.drift.dialogue import DriftDialogue
from populace.envs.drift.options import DriftOptions
from populace.envs.drift.roles import roles
from populace.observation import Observation
from populace.population import Census
from populace.wordings import Wordings

SHARES = {"correct": 0.43, "hedge": 0.20, "dont_know": 0.10, "omit": 0.10, "nudge": 0.09, "affirm_falsehood": 0.08}
RANK, STEPS, RATE, HELD = 8, 250, 5e-3, 0.05


def asks() -> list[Ask]:
    """What assistants can be asked: every topic, cue, belief, and whether anybody rates."""
    grid = list(itertools.product(range(5), range(3), (False, True), (False, True), (False, True)))
    topic, cue, known, belief, rated = (torch.tensor([column]) for column in zip(*grid, strict=True))
    role = next(r for r in roles(DriftOptions(probes=len(grid) - 1), Census(1)) if r.name == "assistant")
    likeness = torch.where(topic > 0, 1.0, DriftOptions().transfer)
    seen = {"topic": topic, "cue": cue, "known": known, "belief": belief, "rated": rated, "likeness": likeness}
    chats = DriftDialogue(Wordings.of("populace.envs.drift", "en")).say(Observation(seen, role, "speak"))
    return [Ask(chat.messages, chat.options) for chat in chats]


def main() -> None:
    """Fit, report, write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    out = parser.parse_args().out
    shape = adapters.Shape(RANK, 2.0 * RANK)
    options = pocket.PocketOptions(device="cpu", temperature=1.0)
    base = Base(pocket.of(options, pocket.folder()), shape)
    ((_, seats, labels),) = base.grouped(asks())
    prompts = list(dict.fromkeys(seat.prompt for seat in seats))
    shares = torch.tensor([SHARES.get(act, 0.0) for act in ACTS])
    chunks = [lambda decoder: decoder.score(prompts, labels).flatten()]

    def objective(free: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        each = free.view(len(prompts), -1)
        mass = each.logsumexp(-1, keepdim=True)
        # Among the options, which is what plays; with some weight on writing one of them at all.
        return -((each - mass) * shares).sum(-1).mean() - HELD * mass.mean(), torch.zeros(())

    draw = Draw.of(251008211, torch.zeros(1, dtype=torch.int64))
    own = adapters.of_world(adapters.begin(base.loaded.model, base.trained, {}, draw), 0, torch.device("cpu"))
    none = {name: torch.zeros_like(value) for name, value in own.items()}
    fit = Fit(own, none, none, 0)
    for step in range(STEPS):
        loss, _, slope = gradient(base, chunks, fit.own, objective)
        fit = adamw(fit, slope, RATE * min(1.0, 2.0 * (1.0 - step / STEPS)), 1.0)
        if step % 50 == 0:
            print(step, float(loss))
    half = {name: value.half().float() for name, value in fit.own.items()}
    free = logs(base, chunks, half).view(len(prompts), -1)
    chance = torch.softmax(free, -1)
    print("mass on the options", float(torch.exp(free).sum(-1).mean()))
    print("mean shares", dict(zip(ACTS, chance.mean(0).tolist(), strict=True)))
    print("largest distance", float((chance - shares).abs().max()))
    peft_folder.save(out, {name: value.half() for name, value in half.items()}, shape, "pocket")


if __name__ == "__main__":
    main()
