"""The JSON Schema of scenario files, assembled from all worlds and policies: editors complete and check by it.

It refuses nothing that the loader allows. What it cannot know it lets pass: options of `module:class` and of another
world's policies, what a file that `extends` another leaves to its parent, and overrides beyond their first key.
"""

from collections.abc import Iterable
from typing import Any

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from populace import registry
from populace.builder import USERS
from populace.errors import PopulaceError
from populace.json_types import JsonObject
from populace.policy import Policy
from populace.population import Census
from populace.registry import policy_prefix
from populace.scenarios.building import make_population
from populace.scenarios.schema import CELL_KEYS, CellFrame, Frame
from populace.world import AnyWorld, World

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
_ELSEWHERE = {
    "type": "string",
    "pattern": ".[:/].",
    "description": "Another world's, or a class of your own: module:class.",
}


def json_schema(shipped: bool = False) -> JsonObject:
    """The schema, draft 2020-12.

    Args:
        shipped: Only our own worlds and policies, without those of plug-ins: what the library's schema file holds.
    """
    worlds, policies = _worlds(shipped), _policies(shipped)
    models: dict[str, type[BaseModel]] = {f"world {id_}": world.Options for id_, world in worlds.items()}
    models |= {f"policy {name}": policy.Options for name, policy in policies.items()}
    models |= {"frame": Frame, "cell": CellFrame, "population": _population_spec()}
    references, definitions = _definitions(models)

    def body(key: str) -> JsonObject:
        return dict(definitions[references[key].rsplit("/", 1)[-1]])

    defs = {name: _plain_numbers(name, part) for name, part in sorted(definitions.items())}
    for id_, world in worlds.items():
        defs[f"world {id_}"] = _with_choice(body(f"world {id_}"), "id", id_, world)
        defs[f"agents {id_}"] = _agents(id_, world)
        defs[f"seat {id_}"] = _seat(policy_prefix(world), policies)
    for name, policy in policies.items():
        defs[f"policy {name}"] = _with_choice(body(f"policy {name}"), "policy", None, policy)
    properties = {**body("frame")["properties"], **body("cell")["properties"]}
    properties["population"] = {"anyOf": [{"$ref": references["population"]}, {"type": "null"}]}
    properties["world"] = _world(worlds)
    properties |= _overrides()
    return {
        "$schema": _DRAFT,
        "title": "populace scenario",
        "description": Frame.__doc__,
        "type": "object",
        "properties": dict(sorted(properties.items())),
        "additionalProperties": False,
        "anyOf": [
            {"required": ["extends"]},
            {"required": ["world", "worlds", "horizon"], "properties": {"world": {"required": ["id"]}}},
        ],
        "allOf": [_when_world(id_) for id_ in worlds],
        "$defs": defs,
    }


def _worlds(shipped: bool) -> dict[str, type[AnyWorld]]:
    return dict(_all(registry.worlds, registry.manifests.shipped() if shipped else None, World))


def _policies(shipped: bool) -> dict[str, type[Policy]]:
    return dict(_all(registry.policies, registry.shipped_policies() if shipped else None, Policy))


def _all(known: registry.Registry, names: Iterable[str] | None, kind: type) -> Iterable[tuple[str, Any]]:
    """What is registered and can be imported here."""
    for name in sorted(known.names() if names is None else names):
        try:
            found = known.get(name)
        except PopulaceError:
            continue
        if isinstance(found, type) and issubclass(found, kind):
            yield name, found


def _population_spec() -> type[BaseModel]:
    from populace.agents.users import PopulationSpec

    return PopulationSpec


def _definitions(models: dict[str, type[BaseModel]]) -> tuple[dict[str, str], JsonObject]:
    """A reference for each key, and the definitions they refer to."""
    distinct = list(dict.fromkeys(models.values()))
    found, whole = models_json_schema([(model, "validation") for model in distinct], ref_template="#/$defs/{model}")
    return {key: found[model, "validation"]["$ref"] for key, model in models.items()}, whole.get("$defs", {})


def _plain_numbers(name: str, part: JsonObject) -> JsonObject:
    """A bare number is a distribution, too: a constant; a measure's bare name is an outcome."""
    short = {"Distribution": "number", "Outcome": "string"}.get(name)
    return {"anyOf": [{"type": short}, part]} if short else part


def _with_choice(part: JsonObject, key: str, value: str | None, of: type) -> JsonObject:
    """The options' schema with the key that chooses whose options they are."""
    choice: JsonObject = {"const": value} if value is not None else {"type": "string"}
    return {
        "type": "object",
        "description": _about(of),
        "properties": {key: choice, **part.get("properties", {})},
        "required": [key, *part.get("required", [])],
        "additionalProperties": False,
    }


def _about(of: type) -> str:
    return (of.__doc__ or "").strip().split("\n\n")[0].replace("\n", " ")


def _world(worlds: dict[str, type[AnyWorld]]) -> JsonObject:
    ids = [{"const": id_, "description": _about(world)} for id_, world in worlds.items()]
    return {
        "type": "object",
        "description": "The mechanism: its id, and its own options.",
        "properties": {"id": {"anyOf": [*ids, _ELSEWHERE]}},
    }


def _when_world(id_: str) -> JsonObject:
    """What is known of world and agents once the world is; a file that extends another may give any part of them."""
    named = {"world": {"properties": {"id": {"const": id_}}, "required": ["id"]}}
    whole = {"properties": named, "required": ["world"], "not": {"required": ["extends"]}}
    then = {"world": {"$ref": _ref(f"world {id_}")}, "agents": {"$ref": _ref(f"agents {id_}")}}
    return {"if": whole, "then": {"properties": then}}


def _ref(name: str) -> str:
    return "#/$defs/" + name.replace("~", "~0").replace("/", "~1").replace(" ", "%20")


def _seat(within: str, policies: dict[str, type[Policy]]) -> JsonObject:
    """A policy as scenarios of the world `within` name it, with or without its options; null for the default."""
    known = {name: name for name in policies if "/" not in name}
    known |= {name.removeprefix(f"{within}/"): name for name in policies if name.startswith(f"{within}/")}
    options = [{"const": short, "description": _about(policies[full])} for short, full in sorted(known.items())]
    chosen = [
        {
            "if": {"properties": {"policy": {"const": short}}, "required": ["policy"]},
            "then": {"$ref": _ref(f"policy {full}")},
        }
        for short, full in sorted(known.items())
    ]
    name = {"anyOf": [*options, _ELSEWHERE]}
    mapping = {"type": "object", "properties": {"policy": name}, "required": ["policy"], "allOf": chosen}
    return {"anyOf": [name, {"type": "null"}, mapping]}


def _agents(id_: str, world: type[AnyWorld]) -> JsonObject:
    """Role -> policy."""
    seat = {"$ref": _ref(f"seat {id_}")}
    roles = _roles(world)
    if roles is None:
        return {"type": ["object", "null"], "additionalProperties": seat}
    return {
        "type": ["object", "null"],
        "properties": {role: {"description": about, **seat} for role, about in roles.items()},
        "additionalProperties": False,
    }


def _roles(world: type[AnyWorld]) -> dict[str, str] | None:
    """Name -> about of the roles, or None when the world cannot be built without options or people of its own."""
    if any(field.is_required() for field in world.Options.model_fields.values()):
        return None
    try:
        options = world.Options()
        population = world.population(USERS, options)
        census = make_population(world, options, None).census if population is not None else Census(4, ("a", "b", "c"))
        found = {role.name: role.about for role in world(options, census).roles()}
        # Roles that other options bring along have a default player, and an entry of their own.
        return {**dict.fromkeys(world.defaults, ""), **found}
    except (PopulaceError, ValueError):
        return None


def _overrides() -> JsonObject:
    """Arms and sweeps: what they change is named by dotted keys, or nested in arms."""
    roots = [key for key in CELL_KEYS if key != "seed"]
    dotted = f"^({'|'.join(roots)})(\\..+)?$"
    point = {"type": "object", "patternProperties": {dotted: {}}, "additionalProperties": False, "minProperties": 1}
    about = {"type": "string", "description": "A sentence that explains the arm."}
    branch = {
        "type": "object",
        "description": "The arm that this one is up to a tick; agents and world may be other from then on.",
        "properties": {"from": {"type": "string"}, "at": {"type": "integer", "minimum": 1}},
        "required": ["from", "at"],
        "additionalProperties": False,
    }
    arm = {
        "anyOf": [
            {
                "type": "object",
                "properties": {**{key: {} for key in roots}, "about": about, "branch": branch},
                "patternProperties": {dotted: {}},
                "additionalProperties": False,
            },
            {"type": "null"},
            {"const": False, "description": "Leaves out an arm of the parent."},
        ]
    }
    grid = {
        "type": "object",
        "patternProperties": {dotted: {"type": "array", "minItems": 1}},
        "additionalProperties": False,
        "minProperties": 1,
    }
    return {
        "arms": {
            "type": ["object", "null"],
            "description": "Name -> overrides of the base, dotted or nested; all arms share the same randomness.",
            "additionalProperties": arm,
        },
        "sweep": {
            "description": "Points at which every arm is run: a grid of values, or a list of points.",
            "oneOf": [
                {"type": "null"},
                {"type": "object", "properties": {"grid": grid}, "required": ["grid"], "additionalProperties": False},
                {
                    "type": "object",
                    "properties": {"list": {"type": "array", "items": point, "minItems": 1}},
                    "required": ["list"],
                    "additionalProperties": False,
                },
            ],
        },
    }
