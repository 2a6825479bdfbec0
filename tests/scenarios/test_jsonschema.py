"""The JSON Schema: up to date, and neither stricter nor laxer than the loader where it can tell."""

import importlib.util
import json
from importlib.resources import files

import pytest
from scenario_toy import BASE

from populace.scenarios import json_schema, library, load
from populace.scenarios.loader import find
from populace.scenarios.source import parse
from populace.scenarios.tree import plain

FOLDER = files("populace.scenarios") / "library"
HEAD = "# yaml-language-server: $schema=../scenario.schema.json\n"


@pytest.fixture(scope="module")
def check():
    if importlib.util.find_spec("jsonschema") is None:
        pytest.skip("the package jsonschema is not installed")
    from jsonschema import Draft202012Validator

    schema = json_schema()
    Draft202012Validator.check_schema(schema)
    validator = Draft202012Validator(schema)
    return lambda text: [error.message for error in validator.iter_errors(plain(parse(text)))]


def test_the_library_file_is_up_to_date():
    file = FOLDER / "scenario.schema.json"
    text = json.dumps(json_schema(shipped=True), indent=2, ensure_ascii=False) + "\n"
    assert file.is_file()
    assert file.read_text(encoding="utf-8") == text, "run: populace schema --out scenarios/library/scenario.schema.json"


def test_every_reference_leads_somewhere():
    schema = json_schema()

    def references(part):
        if isinstance(part, dict):
            yield from [part["$ref"]] if "$ref" in part else []
            part = list(part.values())
        if isinstance(part, list):
            for item in part:
                yield from references(item)

    found = set(references(schema))
    assert len(found) > 10
    for reference in found:
        name = reference.removeprefix("#/$defs/").replace("%20", " ").replace("~1", "/").replace("~0", "~")
        assert name in schema["$defs"], reference


def test_descriptions_are_the_docstrings():
    schema = json_schema()
    assert schema["properties"]["horizon"]["description"] == "Ticks per episode."
    assert schema["$defs"]["world test/plaza-v0"]["properties"]["rate"]["description"] == "How fast."
    assert schema["$defs"]["policy plaza/nudge"]["description"] == "Pushes by the same amount."
    assert set(schema["$defs"]["agents test/plaza-v0"]["properties"]) == {"user", "assistant"}


def test_shipped_schema_knows_our_own_only():
    assert not [name for name in json_schema(shipped=True)["$defs"] if "test/" in name or "plaza" in name]


def test_a_good_scenario_passes(check):
    assert check(BASE) == []
    assert check(BASE + "sweep: {grid: {world.rate: [0.1, 0.2]}}\nrecord: {every: 2}\nreference: base\n") == []
    assert check("extends: value-lock-in\nworlds: 3\n") == []


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("horizon:", "horizn:"),
        ("rate: 0.2", "rte: 0.2"),
        ("rate: 0.2", "rate: fast"),
        ("size: 6", "size: six"),
        ("policy: nudge", "policy: nodge"),
        ("strength: 0.25", "strenth: 0.25"),
        ("  assistant:\n", "  asistant:\n"),
        ("agents.assistant.strength: 0.75", "agnts.assistant.strength: 0.75"),
        ("agents.assistant.strength: 0.75", "seed: 3"),
        ("horizon: 4\n", ""),
    ],
)
def test_mistakes_are_seen(check, old, new):
    assert BASE.count(old) == 1
    assert check(BASE.replace(old, new))


def test_every_library_scenario_passes(check):
    for name in library():
        text = find(name).read_text(encoding="utf-8")
        assert check(text) == [], name


def test_every_library_scenario_points_editors_at_the_schema():
    for name in library():
        assert find(name).read_text(encoding="utf-8").startswith(HEAD), name
        assert load(name).name == name
