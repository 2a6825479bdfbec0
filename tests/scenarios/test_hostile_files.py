"""Every option of a scenario that names a file, and what stands there instead of one: told in words, nothing shown."""

import copy
import json
import os
import threading

import pytest

from populace.errors import PopulaceError, ScenarioError
from populace.scenarios import load, runner

SECRET = "secret-words: 42\nof-somebody: [else\n"


def scenario(world, **more):
    return {"schema": 1, "name": "s", "world": world, "worlds": 1, "horizon": 1, **more}


WALK = {"id": "populace/coevolution-v0", "history": {"series": "walk"}}
TWO = {"size": 10, "values": {"names": ["a", "b"]}}
SHARES = {"id": "populace/culture-v0", "survey": {"source": "shares", "file": "good.csv", "texts": "FILE.json"}}
TABLE = {"id": "populace/culture-v0", "survey": {"source": "table", "file": "FILE.csv"}}
LAYER = {"id": "populace/culture-v0", "layers": [{"name": "n", "kind": "file", "file": "FILE.csv"}]}
DATA = {"size": 10, "data": {"file": "FILE.csv", "values": ["a", "b"]}}
COLUMN = {**TWO, "traits": {"t": {"empirical": {"file": "FILE.csv", "column": "a"}}}}
TOLD = {"policy": "llm/random", "persona": "FILE.j2"}
SPEAKS = {"policy": "llm/random", "interpreter": {"rules": {}, "labelled": "FILE.jsonl"}}

OPTIONS = {
    "data": scenario(WALK, population=DATA),
    "data as Parquet": scenario(WALK, population={"data": {**DATA["data"], "file": "FILE.parquet"}}),
    "column": scenario(WALK, population=COLUMN),
    "network": scenario(WALK, population={**TWO, "network": {"kind": "file", "file": "FILE.csv"}}),
    "network without a suffix": scenario(WALK, population={**TWO, "network": {"kind": "file", "file": "FILE"}}),
    "network as GraphML": scenario(WALK, population={**TWO, "network": {"kind": "file", "file": "FILE.graphml"}}),
    "series": scenario({**WALK, "history": {"series": "FILE.csv"}}, population=TWO),
    "loadings": scenario({**WALK, "questionnaire": {"loadings": "FILE.csv"}}, population=TWO),
    "shares": scenario({**SHARES, "survey": {"source": "shares", "file": "FILE.csv"}}, population={"size": 10}),
    "texts": scenario(SHARES, population={"size": 10}),
    "table of cultures": scenario(TABLE, population={"size": 10}),
    "layer": scenario(LAYER, population={"size": 10}),
    "products": scenario({"id": "populace/shopping-v0", "catalogue": "FILE.csv"}),
    "market": scenario({"id": "populace/shopping-v0", "catalogue": "FILE.json"}),
    "packed market": scenario({"id": "populace/shopping-v0", "catalogue": "FILE.json.gz"}),
    "customers": scenario({"id": "populace/shopping-v0", "customers": "FILE.csv"}),
    "persona": scenario(
        {"id": "populace/payoff-v0"}, agents={"assistant": {"policy": "llm/random", "persona": "FILE.j2"}}
    ),
    "labelled": scenario({"id": "populace/drift-v0"}, population={"size": 4}, agents={"assistant": SPEAKS}),
}

INSTEAD = {
    "a pipe": lambda path: os.mkfifo(path),
    "an endless device": lambda path: path.symlink_to("/dev/zero"),
    "a folder": lambda path: path.mkdir(),
    "random bytes": lambda path: path.write_bytes(bytes((k * k * 7919 + k * 31) % 251 for k in range(5000))),
    "another kind of text": lambda path: path.write_text(SECRET),
    "nothing": lambda path: None,
}


def named(value, path):
    if isinstance(value, dict):
        return {key: named(item, path) for key, item in value.items()}
    if isinstance(value, list):
        return [named(item, path) for item in value]
    return value.replace("FILE", str(path)) if isinstance(value, str) else value


def suffix(value):
    found = str(value).partition("FILE")[2].partition("'")[0]
    return found


@pytest.mark.parametrize("instead", INSTEAD)
@pytest.mark.parametrize("option", OPTIONS)
def test_what_is_no_such_file_is_told(option, instead, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.csv").write_text("c,q,o,s\nA,q,1,1\nB,q,1,.5\nB,q,2,.5\n")
    given = OPTIONS[option]
    path = tmp_path / f"x{suffix(given)}"
    INSTEAD[instead](path)
    if (option, instead) == ("persona", "another kind of text"):
        return  # a text is a template
    told = []

    def look():
        try:
            runner.preflight(load(named(copy.deepcopy(given), tmp_path / "x")))
        except PopulaceError as error:
            told.append(str(error))
        except BaseException as error:  # reported in the main thread
            told.append(error)

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(60)
    assert not thread.is_alive(), "it hangs"
    assert told, "nothing was told"
    assert isinstance(told[0], str), repr(told[0])
    assert f"x{suffix(given)}" in told[0]
    assert "secret" not in told[0]
    assert "somebody" not in told[0]


def test_a_long_persona_is_a_text_though_it_ends_like_a_file():
    long = "You are a patient assistant who answers in a sentence, " * 10 + "as at www.example.com"
    found = load(OPTIONS["persona"] | {"agents": {"assistant": {"policy": "llm/random", "persona": long}}})
    assert found.cells[0].agents["assistant"][1].persona == long


HOSTILE = {
    "surrogate": ('about: "\\uD800"', 3, 8, r"U+D800, half of a surrogate pair"),
    "escape in an arm": ('arms: {"evil\\ec": {}, b: {}}', 3, 8, "the key holds U+001B, a control character"),
    "C1 in a segment": ('population: {segments: {"a\\x9b": {share: 1}}}', 3, 25, "the key holds U+009B"),
    "a value": ('population: {values: ["a", "b\\a"]}', 3, 28, "the text holds U+0007"),
    "direction": ('about: "x\\u202ey"', 3, 8, "U+202E, a control of the writing direction"),
    "a line break in an arm": ('arms: {"a\\nb": {}}', 3, 8, "the key holds U+000A"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_characters_that_no_name_may_hold_are_refused_at_their_line(name, tmp_path):
    line, row, column, why = HOSTILE[name]
    text = f"schema: 1\nname: s\n{line}\nworld: {{id: populace/payoff-v0}}\nworlds: 1\nhorizon: 1\n"
    (tmp_path / "s.yaml").write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(tmp_path / "s.yaml")
    assert why in str(caught.value)
    assert (caught.value.line, caught.value.column) == (row, column)
    assert str(caught.value).isprintable()


def test_python_mappings_and_overrides_are_held_to_the_same():
    base = scenario({"id": "populace/payoff-v0"})
    with pytest.raises(ScenarioError, match=r"about holds U\+001B"):
        load(base | {"about": "\x1b"})
    with pytest.raises(ScenarioError, match=r"U\+001B"):
        load(base, sets=['about="\\e"'])
    with pytest.raises(ScenarioError, match=r"U\+000A"):
        load(base | {"name": "a\nb"})


def test_files_in_a_sweep_are_called_as_they_were_written(tmp_path):
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n3,4\n")
    grid = {"population.data.file": ["one.csv", str(tmp_path / "two.csv")]}
    given = scenario(WALK, population={"data": {**DATA["data"], "file": "one.csv"}}, sweep={"grid": grid})
    (tmp_path / "s.yaml").write_text(json.dumps(given))
    cells = load(tmp_path / "s.yaml").cells
    assert [cell.arm for cell in cells] == [
        "main[population.data.file=one.csv]",
        "main[population.data.file=two.csv]",
    ]
    assert [cell.population.data.file for cell in cells] == [tmp_path / "one.csv", tmp_path / "two.csv"]
