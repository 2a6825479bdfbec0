"""Options drawn from every options model, with populations, sweeps, episodes, mixes and texts too: what validates runs."""

import json
import math
import random
from pathlib import Path

import pandas as pd
from attack_tools import Found
from option_sets import LEAVE, draw, of

from populace import registry
from populace.agents.users.spec import PopulationSpec
from populace.builder import policy_class, world_class
from populace.errors import PopulaceError
from populace.registry import manifests
from populace.scenarios import load, runner
from populace.scenarios.schema import RecordOptions

WORLDS = sorted(manifests.shipped())
VALUES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
ELSEWHERE = ("llm/openai", "llm/transformers", "llm/vllm", "llm/replay", "pocket", "mix")
"""Policies that need a server, a model or a tape; `mix` is made by hand."""
FIRST = 1_000_000
"""Seeds begin here: those of the suite's own sets are far below."""


def _population(rng: random.Random) -> dict:
    found = draw(PopulationSpec, rng, 0.12)
    found["size"] = rng.choice([1, 2, 3, 5, 12, 13])
    for key in ("survey", "data", "values", "segments", "traits"):
        found.pop(key, None)
    dist = rng.choice(
        [
            {"normal": {"mean": rng.choice([0, 0.5, -3]), "sd": rng.choice([0, 1e-9, 0.1, 1.0, 50])}},
            {"uniform": {"low": 0, "high": rng.choice([1e-6, 1, 5])}},
            {"beta": {"a": rng.choice([0.01, 1, 300]), "b": rng.choice([0.01, 1, 300])}},
            {"constant": rng.choice([0, 0.5, -1])},
        ]
    )
    names = rng.choice([VALUES, VALUES, VALUES[:1], ["a", "b", "c"]])
    if rng.random() < 0.8:
        found["values"] = rng.choice([{"names": names, "distribution": dist}, names, {"system": "schwartz"}])
    if rng.random() < 0.3:
        found["survey"] = "human-values-de"
        found.pop("values", None)
    if rng.random() < 0.4:
        share = rng.choice([0.5, 0.7, 1.0, 0.0])
        found["segments"] = {"a": {"share": share}, "b": {"share": 1 - share}}
        if rng.random() < 0.3:
            found["segments"]["a"]["values"] = {"distribution": dist}
    if rng.random() < 0.4:
        trait = rng.choice(["assistant_rate", "peer_rate", "price_sensitivity", "budget", "own", "delegation", "trust"])
        found["traits"] = {trait: dist}
    return found


def option_set(number: int) -> dict:
    """A small scenario with drawn options of world, policies, population and record; sweeps, arms and mixes beside."""
    rng = random.Random(FIRST + number)
    world_id = WORLDS[number % len(WORLDS)]
    world, short = world_class(world_id), world_id.split("/")[1].rsplit("-v", 1)[0]
    known = [name for name in registry.policies.names() if name not in ELSEWHERE]
    mine = [name for name in known if "/" not in name or name.split("/")[0] in (short, "llm", "learning")]

    def seat(role: str) -> dict | None:
        kind = policy_class(name := rng.choice(mine))
        return (
            {"policy": name, **draw(kind.Options, rng, rng.choice([0.1, 0.3]))}
            if not kind.plays or role in kind.plays
            else None
        )

    scenario: dict = {
        "name": "drawn",
        "world": {"id": world_id, **draw(world.Options, rng, rng.choice([0.05, 0.15, 0.3]))},
        "worlds": rng.choice([1, 2, 3]),
        "horizon": rng.choice([1, 2, 3]),
        "seed": rng.choice([0, number, 2**63 - 1]),
        "record": {**draw(RecordOptions, rng), "users": 2, "worlds": rng.choice([0, 1])},
    }
    scenario["record"].pop("measures", None)
    if rng.random() < (0.2 if short == "culture" else 0.75):
        scenario["population"] = _population(rng)
    agents = {}
    for role in rng.sample(sorted(world.defaults), rng.randint(0, len(world.defaults))):
        found = seat(role)
        if found is not None and rng.random() < 0.15 and (other := seat(role)) is not None:
            found = {"policy": "mix", "policies": [{"use": one, "share": 0.5} for one in (found, other)]}
        if found is not None:
            agents[role] = found
    if agents:
        scenario["agents"] = agents
    if rng.random() < 0.25:
        scenario["episodes"] = 2
    if rng.random() < 0.25:
        scenario["at_end"] = "autoreset"
    if rng.random() < 0.2:
        scenario["learn_every"] = rng.choice([1, 2, 5])
    if rng.random() < 0.25:
        name, field = rng.choice(list(world.Options.model_fields.items()))
        values = [of(field.annotation, list(field.metadata), rng, 0) for _ in range(2)]
        if LEAVE not in values:
            scenario["sweep"] = {"grid": {f"world.{name}": values}}
    if rng.random() < 0.25:
        scenario["arms"] = {"one": {}, "two": {"world": draw(world.Options, rng, 0.2)}}
    return scenario


def attack(number: int, folder: Path) -> str:
    """One set: refused with a remedy, or played to the end."""
    scenario = option_set(number)
    try:
        loaded = load(scenario)
        runner.preflight(loaded)
    except PopulaceError as error:
        if len(str(error)) < 20 or "Error:" in str(error):
            raise Found(f"a poor refusal: {error}\n    {json.dumps(scenario)}") from None
        return "refused"
    try:
        runner.run(loaded, folder / "run")
        steps = pd.read_parquet(folder / "run" / "steps.parquet")
    except BaseException as error:
        error.args = (f"{error}\n    {json.dumps(scenario)}",)
        raise
    if steps["value"].map(math.isinf).any():
        raise Found(f"infinite numbers\n    {json.dumps(scenario)}")
    return "played"
