"""How well a model in the format of `pocket` plays, on societies it was not trained on.

    python examples/pocket/evaluate.py --model agents/llm/pocket_model --write

At every tick of a society that scripts play, the model is asked as well, at every seat. Told are the share of replies
that can be read at the first try, and how far the acts are from the script's: the share of other choices, or the mean
distance of numbers; beside a random player's, and the script's own with other random numbers, which is as near
as one can come.
"""

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from random import Random
from typing import Any

import torch
from corpus import Kind
from settings import WORLDS, Setting, library
from torch import Tensor

from populace.agents.llm.backends.pocket import PocketOptions, of
from populace.agents.llm.policies import Transformers, TransformersOptions
from populace.dialogue import Dialogue
from populace.observation import Observation
from populace.registry import policies
from populace.run import advance, see, start

Row = dict[str, Any]
PLAYERS = ("model", "random", "script")
BEGIN, END = "<!-- evaluation -->", "<!-- end -->"
"""Around the table in the card."""
SEED = 77_000_001
"""Of the settings; training draws others."""
JUDGED: dict[Kind, str] = {
    ("coevolution", "user", "answer"): "answers",
    ("coevolution", "assistant", "advise"): "position",
    ("lockin", "assistant", "advise"): "mean",
    ("shopping", "customer", "delegate"): "provider",
    ("shopping", "customer", "decide"): "buy",
    ("shopping", "assistant", "search"): "depth",
    ("shopping", "assistant", "message"): "product",
    ("shopping", "seller", "offer"): "factor",
    ("shopping", "auditor", "audit"): "rate",
    ("payoff", "user", "ask"): "act",
    ("payoff", "assistant", "respond"): "act",
    ("drift", "assistant", "speak"): "act",
    ("drift", "user", "rate"): "rating",
    ("drift", "auditor", "rate"): "rank",
    ("culture", "person", "exchange"): "question",
    ("culture", "agent", "answer"): "answers",
    ("culture", "synthesiser", "merge"): "answers",
}
"""Kind of dialogue -> the field by which acts are compared."""


@dataclass
class Tally:
    """What one society gave for a kind of dialogue.

    Attributes:
        asked: Seats asked.
        read: Replies that could be read.
        away: Player (`model`, `random`, `script`) -> mean distance from the script's acts.
    """

    asked: int
    read: int
    away: dict[str, float]


def distance(field: str, observation: Observation, mine: Tensor, script: Tensor, taken: Tensor) -> float:
    """Share of other choices, or mean distance of numbers, over the seats `taken` [worlds, seats]."""
    kind = next(f.kind for f in observation.role.does if f.name == field)
    gap = (mine != script).float() if kind != "real" else (mine - script).abs().float()
    return float(gap.flatten(2).mean(-1)[taken].mean()) if gap.dim() > 2 else float(gap[taken].mean())


def guess(observation: Observation, dialogue: Dialogue, rng: Random) -> Mapping[str, Tensor] | None:
    """Random percentages for an adviser of values, whose random positions would be further off than any reply."""
    if observation.role.name != "assistant" or "shares" not in observation:
        return None
    _, _, audiences, asked = observation["shares"].shape
    numbers = [f"{a + 1}.{k + 1}" if audiences > 1 else str(k + 1) for a in range(audiences) for k in range(asked)]
    chats = dialogue.say(observation)
    said = ["\n".join(f"{number}: {rng.randint(0, 100)}%" for number in numbers) for _ in chats]
    return dialogue.hear(observation, chats, said)[0]


def examine(setting: Setting, model: Transformers, number: int, worlds: int) -> dict[tuple[str, str], list[Tally]]:
    """Every phase of one society, by role and phase."""
    built, found = setting.built, defaultdict(list)
    anyone, rng = policies.get("random")(), Random(number)
    run = start(built.world, built.policies, built.population, seed=setting.seed, worlds=worlds)
    for _ in range(setting.ticks * len(built.world.phases)):
        phase = built.world.phases[run.phase]
        for role in built.world.acting[phase]:
            if setting.told is not None and role.name not in setting.told:
                continue
            policy, draw = built.policies[role.name], run.draw().scope(f"act/{role.name}")
            observation = see(built.world, run, role).only(~run.done.unsqueeze(-1).expand(-1, role.seats))
            dialogue = observation.dialogue()
            assert dialogue is not None
            taken = torch.zeros((worlds, role.seats), dtype=torch.bool)
            for chat in dialogue.say(observation):
                taken[chat.world, chat.seat] = observation.present is None or observation.present[chat.world, chat.seat]
            if not bool(taken.any()):
                continue
            memory = run.memory[role.name]
            script = policy.act(observation, memory, draw)[0]
            played = {
                "model": model.act(observation, model.begin(role, run.people, draw), draw)[0],
                "random": guess(observation, dialogue, rng) or anyone.act(observation, None, draw.scope("random"))[0],
                "script": policy.act(observation, memory, draw.scope("again"))[0],
            }
            read = taken & (played["model"]["kind"] == 0)
            field = JUDGED[_kind(setting, role.name, phase)]
            away = {}
            if bool(read.any()):
                away = {
                    who: distance(field, observation, acts[field], script[field], read) for who, acts in played.items()
                }
            found[role.name, phase].append(Tally(int(taken.sum()), int(read.sum()), away))
        run, _ = advance(built.world, built.policies, run)
    return found


def _kind(setting: Setting, role: str, phase: str) -> Kind:
    return setting.built.world.id.split("/")[-1].rsplit("-v", 1)[0], role, phase


def summary(kind: Kind, societies: Sequence[Sequence[Tally]]) -> Row:
    """One row of the table; societies are independent, what happens within one is not."""
    asked, read = (sum(getattr(t, name) for one in societies for t in one) for name in ("asked", "read"))
    means = []
    for one in societies:
        heard = [tally.away for tally in one if tally.away]
        if heard:
            means.append({who: sum(away[who] for away in heard) / len(heard) for who in PLAYERS})
    row: Row = {"world": kind[0], "role": kind[1], "phase": kind[2], "asked": asked, "readable": read / asked}
    row |= {who: sum(m[who] for m in means) / max(len(means), 1) for who in PLAYERS}
    gains = torch.tensor([m["random"] - m["model"] for m in means], dtype=torch.float64)
    error = float(gains.std()) / len(means) ** 0.5 if len(means) > 1 else 0.0
    return {**row, "societies": len(means), "gain": float(gains.mean()) if means else 0.0, "error": error}


def evaluate(folder: Path, settings: int, options: PocketOptions, only: Sequence[str] = ()) -> list[Row]:
    """All rows for so many societies a world, a quarter of them from the library; replies have one try."""
    model = Transformers(TransformersOptions(**of(options, folder).model_dump(), order="stated", reask=False))
    rows = []
    for world in only or WORLDS:
        found: dict[Kind, list[list[Tally]]] = defaultdict(list)
        for k in range(settings):
            rng = Random(f"{SEED} {world} {k}")
            setting = library(rng, world) if k % 4 == 0 else WORLDS[world](rng)
            for (role, phase), tallies in examine(replace(setting, ticks=min(setting.ticks, 3)), model, k, 1).items():
                found[world, role, phase].append(tallies)
        rows += [summary(kind, societies) for kind, societies in sorted(found.items())]
    return rows


def table(rows: Sequence[Row]) -> str:
    """In Markdown; two standard errors beside the gain over random."""
    lines = ["| world | role | phase | asked | readable | model | random | script again | gain |", "|" + "---|" * 9]
    for row in rows:
        who = f"{row['world']} | {row['role']} | {row['phase']} | {row['asked']} | {row['readable']:.1%}"
        away = " | ".join(f"{row[name]:.3f}" for name in PLAYERS)
        lines.append(f"| {who} | {away} | {row['gain']:.3f} +- {2 * row['error']:.3f} |")
    return "\n".join(lines)


def put(card: Path, text: str) -> None:
    """The table, in place of the one in the card."""
    before, _, rest = card.read_text(encoding="utf-8").partition(BEGIN)
    card.write_text(f"{before}{BEGIN}\n{text}\n{END}{rest.partition(END)[2]}", encoding="utf-8")


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True, help="folder of the model")
    parser.add_argument("--settings", type=int, default=24, help="societies a world")
    parser.add_argument("--worlds", nargs="+", default=[], choices=list(WORLDS))
    parser.add_argument("--temperature", type=float, default=PocketOptions().temperature)
    parser.add_argument("--write", action="store_true", help="put the table into the model's card, and write its json")
    given = parser.parse_args()
    rows = evaluate(given.model, given.settings, PocketOptions(temperature=given.temperature), given.worlds)
    print(table(rows))
    if given.write:
        put(given.model / "README.md", table(rows))
        (given.model / "evaluation.json").write_text(json.dumps(rows, indent=1) + "\n")


if __name__ == "__main__":
    main()
