"""Which societies `pocket` is shown: small settings of every world, varied, and those of the library.

A setting is a scenario as a mapping. Names, numbers and switches are drawn at random, so that forms and numbers are
what can be learned, not names. All ranges are assumed.
"""

import hashlib
import tempfile
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

from populace.agents.users import PopulationSpec
from populace.agents.users.systems import SYSTEMS
from populace.envs.coevolution.history import CENTURY_VALUES
from populace.policy import Policy
from populace.registry import policies, policy_prefix
from populace.scenarios import Built, Cell, build, load

Source = dict[str, Any]


@dataclass(frozen=True)
class Setting:
    """A society to be played.

    Attributes:
        built: World, teachers and population.
        seed: Seed of its random numbers.
        ticks: How long.
        told: Roles to learn from; None for all.
    """

    built: Built
    seed: int
    ticks: int
    told: tuple[str, ...] | None = None


TEACHERS: dict[str, dict[str, Source]] = {
    "coevolution": {"user": {"policy": "sincere"}, "assistant": {"policy": "persistence"}},
    "lockin": {"assistant": {"policy": "aggregate"}},
    "shopping": {
        "customer": {"policy": "follower"},
        "assistant": {"policy": "loyal"},
        "seller": {"policy": "list-price"},
        "auditor": {"policy": "responsive"},
    },
    "payoff": {"user": {"policy": "best-response"}, "assistant": {"policy": "best-response"}},
    "drift": {
        "user": {"policy": "candid", "leave_rate": 0.05},
        "assistant": {"policy": "honest"},
        "auditor": {"policy": "suspicious"},
    },
    "culture": {
        "person": {"policy": "mixer"},
        "agent": {"policy": "persona"},
        "synthesiser": {"policy": "multiplex", "references": 3},
    },
}
"""World -> role -> the script that is imitated there: one whose acts follow from what the seat is told."""

FAMILIAR = (
    *(name for names in SYSTEMS.values() for name in names),
    *CENTURY_VALUES,
    *("care", "loyalty", "liberty", "order", "wealth", "health", "nature", "honesty", "progress", "family", "work"),
)
"""Names of values that a user of the library may meet."""
PEOPLES = (
    *("english-speaking", "protestant-europe", "catholic-europe", "orthodox", "confucian", "latin-america"),
    *("african-islamic", "north", "east", "south", "west", "centre", "traditional", "mainstream", "progressive"),
    *("young", "old", "urban", "rural", "thrifty", "easy", "coast", "inland"),
)
"""Names of cultures and segments."""
PLACES = ("neighbours", "everyday", "family", "media", "work", "school", "market", "online")
"""Names of layers."""
_SOUNDS = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]


def invented(rng: Random) -> str:
    """A word that nobody has seen."""
    return "".join(rng.choice(_SOUNDS) for _ in range(rng.randint(2, 3)))


def names(rng: Random, pool: tuple[str, ...], count: int) -> list[str]:
    """Different names: known ones, invented ones, or numbered ones."""
    chance = rng.random()
    if chance < 0.15:
        return [f"{rng.choice(('culture', 'group', 'value'))}_{k}" for k in range(count)]
    found: list[str] = []
    while len(found) < count:
        name = invented(rng) if chance < 0.4 or len(found) >= len(set(pool)) // 2 else rng.choice(pool)
        if name not in found:
            found.append(name)
    return found


def _setting(world: Source, population: Source, rng: Random, ticks: int) -> Setting:
    source = {"schema": 1, "name": "setting", "world": world, "worlds": 2, "horizon": ticks, "population": population}
    (cell,) = load(source).cells
    return _taught(cell, rng, ticks)


def _taught(cell: Cell, rng: Random, ticks: int) -> Setting:
    """The cell, with teachers on all seats."""
    built = build(cell)
    within = policy_prefix(type(built.world))
    players: dict[str, Policy] = {}
    for role in built.world.cast:
        params = TEACHERS[within][role]
        kind = policies.get(params["policy"], within=within)
        given = {key: value for key, value in params.items() if key != "policy"}
        players[role] = kind(kind.Options(**given))
    return Setting(replace(built, policies=players), rng.randrange(2**31), ticks)


def segments(rng: Random, count: int) -> Source:
    """Segments of about equal shares; none for one."""
    if count < 2:
        return {}
    share = round(1.0 / count, 3)
    shares = [share] * (count - 1) + [round(1.0 - share * (count - 1), 3)]
    return {"segments": {name: {"share": s} for name, s in zip(names(rng, PEOPLES, count), shares, strict=True)}}


def coevolution(rng: Random, plain: float = 0.0) -> Setting:
    """A questionnaire, one to four audiences; `plain` is the chance of items that all ask for one value."""
    chance = rng.random()
    if chance < 0.35:
        values, series = list(CENTURY_VALUES), "centuries"
    elif chance < 0.45:
        values, series = list(SYSTEMS["progressgym"]), "still"
    else:
        values, series = names(rng, FAMILIAR, rng.randint(1, 8)), rng.choice(("still", "walk"))
    spread = rng.choice((0.1, 0.1, 0.3, 1.0))
    apart = rng.random() < 0.45
    world = {
        "id": "populace/coevolution-v0",
        "history": {"series": series, "every": 1, "points": 9} if series == "walk" else {"series": series, "every": 1},
        "audience": "segment" if apart else "all",
        "assistants": rng.choice((1, 1, 2)),
        "bound": 8.0,
        # Steep enough, mostly, for answers to follow from values.
        "questionnaire": {
            **(_plain(values, rng) if rng.random() < plain else {}),
            "asked": rng.choice((2, 4, 6, 8, 8, 8, 12)),
            "items": 64,
            "beta": rng.uniform(0.6, 8) / spread,
        },
    }
    population = {
        "size": rng.randint(3, 16) * (2 if apart else 1),
        "values": {"names": values, "distribution": {"normal": {"mean": 0, "sd": spread}}},
        "assign": "even",
        **segments(rng, rng.randint(2, 4) if apart else 1),
    }
    return _setting(world, population, rng, 4)


def _plain(values: list[str], rng: Random) -> Source:
    """One value an item, and mostly more of it: from these it is learned what is asked.

    Where more and less are equally frequent, neither what an item asks nor what one holds tells anything by itself.
    """
    rows = [[float(value == one) * (1 if rng.random() < 0.8 else -1) for value in values] for one in values * 16]
    text = "\n".join([",".join(values), *(",".join(f"{x + 0.0:g}" for x in row) for row in rows)])
    path = Path(tempfile.gettempdir()) / f"pocket-{hashlib.sha256(text.encode()).hexdigest()[:16]}.csv"
    path.write_text(text + "\n")
    return {"loadings": str(path), "items": len(rows)}


def lockin(rng: Random) -> Setting:
    """Estimates of a quantity that nobody knows."""
    world = {"id": "populace/lockin-v0", "truth": rng.uniform(-5, 5), "lambda_human": rng.uniform(0.2, 2.0)}
    population = {"size": rng.choice((2, 3, 4, 5, 6, 8, 10, 10, 12)), "values": ["belief"]}
    return _setting(world, population, rng, 8)


def shopping(rng: Random) -> Setting:
    """A shelf, who reads the reasons, and any of the phases."""
    catalogue = rng.choice(
        (
            *["goods"] * 4,
            *["shelf-of-eight"] * 2,
            *["tin-men-loyalty"] * 2,
            "tin-men-harm",
            "flights",
            "hotels",
            "market",
        )
    )
    phases = [p for p, chance in (("offer", 0.1), ("delegate", 0.25), ("search", 0.15)) if rng.random() < chance]
    phases += ["message", *(p for p, chance in (("decide", 0.3), ("audit", 0.15)) if rng.random() < chance)]
    if catalogue == "market":
        phases = ["message"]
    readers = ("both", "principal-only", "user-only", "neither", "public")
    world: Source = {
        "id": "populace/shopping-v0",
        "catalogue": catalogue,
        "phases": phases,
        "conditions": rng.sample(readers, rng.randint(1, 4)),
        "masks": {"truth": {"customer": rng.random() < 0.5}},
    }
    if catalogue == "goods":
        world["shelf"] = rng.choice((2, 3, 4, 6, 8, 8, 8))
    if "delegate" in phases:
        world["providers"] = [{"name": name} for name in names(rng, ("assistant", "helper"), rng.randint(1, 3))]
    traits = {"literacy": {"discrete": {"options": [0, 0, 1]}}, "trust": {"beta": {"a": 2, "b": 2}}}
    if rng.random() < 0.3 and catalogue == "goods":
        traits["wealth"] = {"lognormal": {"mu": 10.0, "sigma": 1.5}}
    return _setting(world, {"size": 12, "traits": traits}, rng, 3)


def payoff(rng: Random) -> Setting:
    """Questions, prices, and at times a third party."""
    world: Source = {
        "id": "populace/payoff-v0",
        "turns": rng.choice((1, 3, 5)),
        "conflict": rng.choice((0.0, 0.0, 0.3, 0.6, 0.9)),
        "questions": {"ambiguous": rng.choice((0.5, 0.5, 0.8, 1.0))},
        "stated": rng.random() < 0.5,
        "accuracy": rng.choice(("primitives", "primitives", "logged")),
    }
    pricing = rng.random()
    if pricing < 0.2:
        world["pricing"] = {"policy": "free", "cost_word": 0.0, "cost_call": 0.0}
    elif pricing < 0.4:
        world["pricing"] = {"policy": "subscription", "fee": round(rng.uniform(0.02, 0.5), 2)}
    elif pricing < 0.6:
        prices = {"word_in": round(rng.uniform(0.05, 0.5), 2), "word_out": round(rng.uniform(0.2, 2), 2)}
        world["pricing"] = {"policy": "per_token", **prices}
    if rng.random() < 0.3:
        world["harm"] = {"share": rng.choice((0.3, 0.5)), "rule": rng.choice(("head", "logged"))}
    return _setting(world, {"size": 12}, rng, 6)


def drift(rng: Random) -> Setting:
    """Claims, users of both types, and at times an auditor."""
    topics = rng.sample(("therapy", "booking", "advice", "politics"), rng.randint(1, 4))
    world: Source = {
        "id": "populace/drift-v0",
        "topics": topics,
        "biased_share": rng.choice((0.1, 0.5, 0.5, 1.0)),
        "probes": rng.choice((0, 4)),
        "cue_accuracy": rng.choice((0.6, 0.9, 1.0)),
        "known": rng.choice((0.5, 0.7, 0.9)),
        "verifiability": rng.random(),
        "trust": rng.random() < 0.5,
    }
    if rng.random() < 0.3:
        world["blind"] = True
    if rng.random() < 0.8:
        world["audit_budget"] = 0.5
        world["suspicion_noise"] = rng.choice((0.2, 0.5))
    size = rng.choice((1, 2, 3, 4, 6, 8, 12, 20))
    found = _setting(world, {"size": size, "values": {"names": ["interest"]}}, rng, 3)
    if rng.random() < 0.5:
        return found
    # Users must be able to rate answers of every kind, not just a teacher's.
    mixed = {**found.built.policies, "assistant": policies.get("random")()}
    return replace(found, built=replace(found.built, policies=mixed), told=("user", "auditor"))


def culture(rng: Random) -> Setting:
    """A survey of invented or known cultures, rounds of exposure, one or two layers."""
    cultures = names(rng, PEOPLES, rng.randint(2, 7))
    questions = rng.randint(4, 40)
    survey = {"source": "synthetic", "cultures": cultures, "questions": questions, "options": rng.randint(2, 7)}
    world: Source = {
        "id": "populace/culture-v0",
        "survey": {**survey, "skew": rng.choice((0.0, 1.0)), "seed": rng.randrange(1000)},
        "asked": min(questions, rng.choice((1, 2, 4, 4, 4, 7, 10))),
        "rounds": rng.choice((0, 0, 1, 2)),
        "order": rng.choice(("fixed", "shuffled")),
        "layers": [{"name": name} for name in rng.sample(PLACES, rng.randint(1, 3))],
    }
    size = max(12, 2 * len(cultures))
    people = {"size": size, "assign": "even", **segments(rng, len(cultures))}
    share = list(people.get("segments", {}).values())
    people["segments"] = dict(zip(cultures, share, strict=True))
    return _setting(world, people, rng, 4)


WORLDS = {
    "coevolution": coevolution,
    "lockin": lockin,
    "shopping": shopping,
    "payoff": payoff,
    "drift": drift,
    "culture": culture,
}
"""World -> its settings."""

LIBRARY = {
    "coevolution": ("follow", "predict", "coevolve", "value-lock-in", "pluralism"),
    "lockin": ("bayes-lock-in",),
    "shopping": ("tin-men", "marketplace", "shelf-of-eight", "sponsored-flights"),
    "payoff": ("gtalign", "conflict-dial", "pricing-switch"),
    "drift": ("therapy", "booking", "hu-2025", "silent-benign", "unverifiable", "williams-2024"),
    "culture": ("worldview", "exposure-rounds", "two-layer-media", "axelrod"),
}
"""World -> the scenarios of the library that its text face can play."""


def library(rng: Random, world: str) -> Setting:
    """One arm of a scenario of the library, with few users."""
    cell = rng.choice(_cells(rng.choice(LIBRARY[world])))
    size = 20 if world == "culture" else 12
    people = (
        cell.population.model_copy(update={"size": size}) if cell.population is not None else PopulationSpec(size=size)
    )
    return _taught(replace(cell, population=people), rng, rng.choice((2, 30)) if world == "lockin" else 3)


@cache
def _cells(name: str) -> tuple[Cell, ...]:
    return load(name).cells
