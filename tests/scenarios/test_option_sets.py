"""What validates runs: options drawn from every options model are refused with a remedy, or played to the end."""

import json
import math
import random

import pandas as pd
import pytest
from option_sets import draw

from populace import registry
from populace.builder import policy_class, world_class
from populace.errors import PopulaceError
from populace.registry import manifests
from populace.scenarios import load, runner

WORLDS = sorted(manifests.shipped())
NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
NORMAL = {"names": NAMES, "distribution": {"normal": {"mean": 0, "sd": 0.1}}}
ELSEWHERE = ("llm/openai", "llm/transformers", "llm/vllm", "llm/replay", "pocket", "mix")
"""Policies that need a server, a model or a tape; `pocket` is played elsewhere, and `mix` names other policies."""
SETS, SLOW = 64, 600


def option_set(number: int) -> dict:
    """A small scenario with drawn options: world, population, and who plays some of the roles."""
    rng = random.Random(number)
    world_id = WORLDS[number % len(WORLDS)]
    world, short = world_class(world_id), world_id.split("/")[1].rsplit("-v", 1)[0]
    scenario = {
        "name": "drawn",
        "world": {"id": world_id, **draw(world.Options, rng)},
        "worlds": rng.choice([1, 2, 3]),
        "horizon": 2,
        "seed": number,
        "record": {"every": 1, "users": 2, "worlds": 1},
    }
    if short != "culture" and rng.random() < 0.7:
        normal = {"mean": rng.choice([0, 0.5]), "sd": rng.choice([0, 0.1, 1.0])}
        values = {"names": NAMES, "distribution": {"normal": normal}}
        scenario["population"] = {"size": rng.choice([1, 2, 5, 12]), "values": values}
        if rng.random() < 0.3:
            scenario["population"]["segments"] = {"a": {"share": 0.7}, "b": {"share": 0.3}}
    known = [name for name in registry.policies.names() if name not in ELSEWHERE]
    mine = [name for name in known if "/" not in name or name.split("/")[0] in (short, "llm", "learning")]
    agents = {}
    for role in rng.sample(sorted(world.defaults), rng.randint(0, len(world.defaults))):
        kind = policy_class(name := rng.choice(mine))
        if not kind.plays or role in kind.plays:
            agents[role] = {"policy": name, **draw(kind.Options, rng)}
    if agents:
        scenario["agents"] = agents
    if rng.random() < 0.2:
        scenario["episodes"] = 2
    if rng.random() < 0.2:
        scenario["at_end"] = "autoreset"
    return scenario


def tried(number: int, folder) -> str:
    """`refused` or `played`; raises where what was validated does not play, or anything but a plain refusal comes."""
    scenario = option_set(number)
    try:
        loaded = load(scenario)
        runner.preflight(loaded)
    except PopulaceError as error:
        refusal = str(error)
    else:
        refusal = ""
    if refusal:
        assert len(refusal) > 20
        return "refused"
    runner.run(loaded, folder)
    steps = pd.read_parquet(folder / "steps.parquet")
    assert len(steps) > 0
    assert not steps["value"].map(math.isinf).any()
    return "played"


def _shown(number: int) -> str:
    return json.dumps(option_set(number))


def _seats():
    for world_id in WORLDS:
        world, short = world_class(world_id), world_id.split("/")[1].rsplit("-v", 1)[0]
        for role in sorted(world.defaults):
            for name in registry.policies.names():
                if name not in ELSEWHERE and ("/" not in name or name.split("/")[0] == short):
                    kind = policy_class(name)
                    if not kind.plays or role in kind.plays:
                        yield world_id, role, name


@pytest.mark.parametrize(("world_id", "role", "name"), _seats())
def test_a_policy_that_may_sit_on_a_seat_can_act_there(world_id, role, name, tmp_path):
    population = {} if "culture" in world_id else {"population": {"size": 4, "values": NORMAL}}
    source = {"world": {"id": world_id}, "worlds": 1, "horizon": 2, "agents": {role: {"policy": name}}, **population}
    try:
        loaded = load(source)
        runner.preflight(loaded)
    except PopulaceError:
        return  # refused before it runs, which is all that is asked
    assert runner.run(loaded, tmp_path / "run")


@pytest.mark.parametrize("number", range(SETS))
def test_what_validates_runs(number, tmp_path):
    assert tried(number, tmp_path / "run") in ("refused", "played"), _shown(number)


@pytest.mark.slow
def test_six_hundred_sets(tmp_path):
    found, failed = [], []
    for number in range(SETS, SETS + SLOW):
        try:
            found.append(tried(number, tmp_path / str(number)))
        except Exception as error:
            failed.append(f"{number}: {type(error).__name__}: {str(error)[:300]}\n  {_shown(number)}")
    assert not failed, f"{len(failed)} of {SLOW} ({found.count('played')} played)\n" + "\n".join(failed)
    # A generator whose sets are nearly all refused would show nothing.
    assert found.count("played") > SLOW // 3
