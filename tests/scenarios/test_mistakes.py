"""One case for each kind of mistake: what is said, and where."""

import random

import numpy as np
import pytest
from scenario_toy import BASE

from populace.errors import ScenarioError
from populace.scenarios import load
from populace.scenarios.source import MAX_BYTES


def error_of(source, sets=()):
    with pytest.raises(ScenarioError) as caught:
        load(source, sets)
    text = str(caught.value)
    assert "Input should" not in text
    assert "pydantic" not in text
    return caught.value


def in_file(tmp_path, text, sets=()):
    path = tmp_path / "toy.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    error = error_of(path, sets)
    if error.file is not None:
        assert error.file == str(path)
        assert str(error).startswith(str(path))
    return error


def changed(old, new):
    assert BASE.count(old) == 1
    return BASE.replace(old, new)


DAMAGE = [
    "",
    "no",
    "null",
    "[]",
    "{}",
    "- ",
    "\t",
    ": ",
    "'",
    '"',
    "&a ",
    "*a",
    "!x ",
    "-1",
    "x",
    "{x: 1}",
    "---",
    "|",
    "? ",
    "\0",
]
NO_ARMS = BASE[: BASE.index("arms:")]

CASES = {
    # keys
    "unknown key": (changed("horizon:", "horizn:"), 8, 1, "unknown key 'horizn'; did you mean 'horizon'?"),
    "unknown world option": (changed("rate:", "rte:"), 6, 3, "unknown key 'rte' in world; did you mean 'rate'?"),
    "unknown population key": (
        changed("size:", "sise:"),
        11,
        3,
        "unknown key 'sise' in population; did you mean 'size'",
    ),
    "unknown key in flow": (changed("{names:", "{nmes:"), 12, 12, "unknown key 'nmes' in population.values"),
    "unknown policy option": (changed("strength: 0.25", "strenth: 0.25"), 19, 5, "did you mean 'strength'?"),
    "misspelt policy key": (changed("policy: nudge", "polcy: nudge"), 18, 5, "did you mean 'policy'?"),
    "misspelt world id key": (changed("  id:", "  idd:"), 5, 3, "unknown key 'idd' in world; did you mean 'id'?"),
    "unknown role": (changed("  assistant:\n", "  asistant:\n"), 17, 3, "'asistant'; did you mean 'assistant'?"),
    "unknown record key": (BASE + "record: {evry: 2}\n", 23, 10, "unknown key 'evry' in record; did you mean 'every'?"),
    # missing
    "missing key": (changed("horizon: 4\n", ""), 1, 1, "missing key 'horizon' (Ticks per episode)"),
    "missing world": (changed("world:\n  id: test/plaza-v0\n  rate: 0.2\n", ""), 1, 1, "missing key 'world'"),
    "missing world id": (changed("  id: test/plaza-v0\n", ""), 4, 1, "missing key 'id' in world"),
    "missing policy": (changed("    policy: nudge\n", ""), 17, 3, "missing key 'policy' in agents.assistant"),
    "missing option": (
        NO_ARMS.replace("nudge\n    strength: 0.25", "still"),
        17,
        3,
        "missing key 'patience' in agents.assistant",
    ),
    "missing share": (
        changed("  traits:\n", "  segments:\n    young: {values: {distribution: 1}}\n  traits:\n"),
        14,
        5,
        "missing key 'share' in population.segments.young",
    ),
    # types and ranges
    "text for whole number": (
        changed("worlds: 3", "worlds: three"),
        7,
        9,
        "worlds: expected a whole number, given the text 'three'",
    ),
    "quoted number": (changed("worlds: 3", "worlds: '3'"), 7, 9, "given the text '3'; remove the quotes"),
    "fraction": (changed("worlds: 3", "worlds: 2.5"), 7, 9, "expected a whole number, given 2.5"),
    "true for a number": (changed("worlds: 3", "worlds: true"), 7, 9, "expected a whole number, given true; write 1"),
    "nothing": (changed("worlds: 3", "worlds:"), 7, 1, "worlds: expected a whole number, given nothing"),
    "list for number": (changed("worlds: 3", "worlds: [3]"), 7, 1, "expected a whole number, given a list"),
    "below": (changed("worlds: 3", "worlds: 0"), 7, 9, "expected a number of at least 1, given 0"),
    "above": (changed("rate: 0.2", "rate: 1.5"), 6, 9, "world.rate: expected a number of at most 1, given 1.5"),
    "infinite": (changed("rate: 0.2", "rate: .nan"), 6, 9, "world.rate: expected a finite number, given nan"),
    "no for a flag": (
        changed("rate: 0.2", "noisy: no"),
        6,
        10,
        "expected true or false, given the text 'no'; write false",
    ),
    "on for a flag": (changed("rate: 0.2", "noisy: on"), 6, 10, "given the text 'on'; write true (without quotes)"),
    "one for a flag": (changed("rate: 0.2", "noisy: 1"), 6, 10, "expected true or false, given 1"),
    "no for a number": (changed("rate: 0.2", "rate: no"), 6, 9, "expected a number, given the text 'no'"),
    "true for text": (changed("rate: 0.2", "label: true"), 6, 10, "expected text, given true; put it in quotes"),
    "number for text": (changed("rate: 0.2", "label: 7"), 6, 10, "expected text, given 7; put it in quotes"),
    "text for list": (changed("rate: 0.2", "weights: much"), 6, 12, "expected a list, given the text 'much'"),
    "entry of a list": (changed("rate: 0.2", "weights: [1, x]"), 6, 16, "world.weights.1: expected a number"),
    "no mapping": (
        changed("id: test/plaza-v0\n  rate: 0.2", "[]"),
        4,
        1,
        "world: expected a mapping, given an empty list",
    ),
    "bare world": (
        changed("\n  id: test/plaza-v0\n  rate: 0.2", " test/plaza-v0"),
        4,
        8,
        "expected a mapping, given the text",
    ),
    "population a number": (
        changed("  size: 6\n  values: {names: [warmth, order]}\n  traits:\n    trust: 0.5", "  6"),
        11,
        3,
        "population: expected a mapping",
    ),
    "choice": (
        changed("rate: 0.2", "ground: {kind: gras}"),
        6,
        18,
        "world.ground.kind: expected 'grass' or 'stone', given the text 'gras'; did you mean 'grass'?",
    ),
    "union of shapes": (
        changed("rate: 0.2", "ground: wet"),
        6,
        11,
        "world.ground: expected a mapping or a number, given the text 'wet'",
    ),
    "key in a union": (
        changed("rate: 0.2", "ground: {slpe: 1}"),
        6,
        12,
        "unknown key 'slpe' in world.ground; did you mean 'slope'?",
    ),
    "version": (changed("schema: 1", "schema: 2"), 1, 9, "schema: expected 1, given 2"),
    "at_end": (BASE + "at_end: msk\n", 23, 9, "did you mean 'mask'?"),
    "name is a number": (changed("name: toy", "name: 2024"), 2, 7, "name: expected text, given 2024; put it in quotes"),
    "name with a slash": (changed("name: toy", "name: a/b"), 2, 7, "name: expected text that"),
    "agents a list": (
        NO_ARMS.replace(
            "agents:\n  user: random\n  assistant:\n    policy: nudge\n    strength: 0.25", "agents: [random]"
        ),
        15,
        1,
        "agents: expected a mapping, given a list",
    ),
    "policy a number": (changed("user: random", "user: 3"), 16, 9, "agents.user: expected a policy's name"),
    # what options and populations refuse themselves
    "model's own rule": (
        changed("rate: 0.2", "rate: 0\n  noisy: true"),
        4,
        1,
        "world: a noisy plaza needs a rate above 0",
    ),
    "shares": (
        changed("  traits:\n", "  segments:\n    young: {share: 0.5}\n    old: {share: 0.4}\n  traits:\n"),
        13,
        3,
        "population.segments: the shares of the segments must add up to 1, but 0.5 + 0.4 = 0.9",
    ),
    "missing file": (
        changed("  traits:\n", "  data: {file: none.csv, values: [a]}\n  traits:\n"),
        13,
        16,
        "there is no file",
    ),
    "unknown trait": (
        changed("  traits:\n", "  segments:\n    all: {share: 1, traits: {trst: 1}}\n  traits:\n"),
        14,
        30,
        "did you mean 'trust'?",
    ),
    "unknown trait of the world": (
        changed("rate: 0.2", "trait: trst"),
        6,
        10,
        "unknown trait 'trst'; did you mean 'trust'?",
    ),
    # names
    "unknown world": (
        changed("test/plaza-v0", "test/plasa-v0"),
        5,
        7,
        "unknown world 'test/plasa-v0'; did you mean 'test/plaza-v0'?",
    ),
    "unknown policy": (
        changed("policy: nudge", "policy: nugde"),
        18,
        13,
        "unknown policy 'nugde'; did you mean 'nudge'?",
    ),
    "unknown bare policy": (
        changed("user: random", "user: randm"),
        16,
        9,
        "unknown policy 'randm'; did you mean 'random'?",
    ),
    "module is not there": (changed("user: random", "user: nowhere.at_all:Thing"), 16, 9, "cannot import the policy"),
    "class is no policy": (changed("user: random", "user: pathlib:Path"), 16, 9, "'pathlib:Path' is not a policy"),
    "class is no world": (changed("test/plaza-v0", "pathlib:Path"), 5, 7, "pathlib:Path is not a world"),
    "unknown reference": (BASE + "reference: bse\n", 23, 12, "unknown arm 'bse'; did you mean 'base'?"),
    "no default policy": (
        changed("plaza-v0", "gate-v0"),
        15,
        1,
        "missing key 'guard' in agents: the world has no default",
    ),
    "no population": (
        changed("plaza-v0", "gate-v0").replace(
            "population:\n  size: 6\n  values: {names: [warmth, order]}\n  traits:\n    trust: 0.5\n", ""
        ),
        1,
        1,
        "missing key 'population'",
    ),
    # arms and sweeps
    "key of an arm": (
        changed("{agents.assistant.strength:", "{agnts.assistant.strength:"),
        22,
        12,
        "unknown key 'agnts' in arms.strong; did you mean 'agents'?",
    ),
    "option of an arm": (
        changed("{agents.assistant.strength:", "{agents.assistant.strngth:"),
        22,
        12,
        "unknown key 'strngth' in agents.assistant; did you mean 'strength'?",
    ),
    "value of an arm": (
        changed("strength: 0.75", "strength: lots"),
        22,
        39,
        "agents.assistant.strength: expected a number",
    ),
    "policy of an arm": (
        changed("{agents.assistant.strength: 0.75}", "{agents: {assistant: nodge}}"),
        22,
        32,
        "did you mean 'nudge'?",
    ),
    "seed of an arm": (changed("agents.assistant.strength: 0.75", "seed: 7"), 22, 12, "have common random numbers"),
    "record of an arm": (
        changed("agents.assistant.strength: 0.75", "record.every: 7"),
        22,
        12,
        "'record' is one for the whole scenario",
    ),
    "twice in an arm": (
        changed("0.75}", "0.75, agents: {assistant: {strength: 1}}}"),
        22,
        76,
        "agents.assistant.strength is given twice here",
    ),
    "arm of text": (changed("  base:\n", "  base: nudge\n"), 21, 9, "arms.base: expected a mapping of overrides"),
    "name of an arm": (changed("  base:\n", "  'a[b]':\n"), 21, 3, "cannot name an arm"),
    "arms of text": (NO_ARMS + "arms: no\n", 20, 7, "arms: expected a mapping"),
    "no arm left": (NO_ARMS + "arms: {a: false}\n", 20, 1, "every arm is left out"),
    "sweep of seeds": (BASE + "sweep:\n  grid: {seed: [1, 2]}\n", 24, 10, "the seed cannot differ"),
    "sweep of text": (BASE + "sweep: all\n", 23, 8, "sweep: expected a mapping with `grid`"),
    "sweep's key": (BASE + "sweep: {gird: {}}\n", 23, 9, "unknown key 'gird' in sweep; did you mean 'grid'?"),
    "both sweeps": (BASE + "sweep: {grid: {worlds: [1]}, list: [{worlds: 1}]}\n", 23, 1, "expected either `grid`"),
    "grid's values": (BASE + "sweep:\n  grid: {worlds: 3}\n", 24, 18, "sweep.grid.worlds: expected a list of values"),
    "grid's key": (
        BASE + "sweep:\n  grid: {wrlds: [3]}\n",
        24,
        10,
        "unknown key 'wrlds' in sweep.grid; did you mean 'worlds'?",
    ),
    "grid's value": (
        BASE + "sweep:\n  grid: {worlds: [3, x]}\n",
        24,
        22,
        "worlds: expected a whole number, given the text 'x'",
    ),
    "list of text": (BASE + "sweep:\n  list: [worlds]\n", 24, 10, "sweep.list.0: expected a mapping"),
    "point twice": (BASE + "sweep:\n  grid: {worlds: [3, 3]}\n", 24, 22, "the point worlds=3 is there twice"),
    "a million cells": (
        BASE + f"sweep:\n  grid: {{worlds: {list(range(1, 2000))}, horizon: {list(range(1, 2000))}}}\n",
        24,
        3,
        "the grid has 3,996,001 points; at most 10,000 cells",
    ),
    "no such entry": (
        changed("agents.assistant.strength: 0.75", "population.values.names.5: x"),
        22,
        12,
        "has 2 entries, numbered from 0",
    ),
    # YAML
    "duplicate key": (changed("seed: 5", "worlds: 5"), 9, 1, "the key 'worlds' is given twice (first in line 7)"),
    "indentation": (
        changed("  rate: 0.2", " rate: 0.2"),
        6,
        2,
        "this line is indented differently from its neighbours",
    ),
    "tab": (changed("  rate: 0.2", "\trate: 0.2"), 6, 1, "a tab cannot indent YAML; use spaces"),
    "open bracket": (changed("[warmth, order]}", "[warmth, order"), 13, 9, "this is not YAML"),
    "missing space": (changed("worlds: 3", "worlds:3"), 7, 1, "a key is followed by a colon and a space"),
    "two documents": (BASE + "---\na: 1\n", 23, 1, "a scenario is one YAML document"),
    "empty": ("", 1, 1, "the scenario is empty"),
    "comment only": ("# nothing\n", 1, 1, "the scenario is empty"),
    "top-level list": ("\n- world: x\n", 2, 1, "a scenario is a mapping"),
    "top-level text": ("world", 1, 1, "a scenario is a mapping"),
    "python tag": (changed("rate: 0.2", "label: !!python/object/apply:os.system [echo]"), 6, 10, "is not allowed"),
    "own tag": (changed("rate: 0.2", "label: !thing x"), 6, 10, "the tag !thing is not allowed"),
    "merge key": ("a: &a {x: 1}\nb:\n  <<: *a\n", 3, 3, "'<<' cannot be a key here"),
    "list as key": ("? [a]\n: 1\n", 1, 3, "a list or mapping cannot be a key"),
    "unknown alias": ("world: *x\n", 1, 8, "undefined alias"),
    "alias of itself": ("world: &x [*x]\n", 1, 8, "an alias holds itself"),
    "yaml 1.1": (
        f"%YAML 1.1\n---\n{changed('rate: 0.2', 'noisy: no')}",
        8,
        10,
        "'no' is read differently by versions of YAML",
    ),
    "deep": ("world: " + "[" * 10_000, 1, 57, "nested more than 50 deep"),
    "huge number": ("world: " + "9" * 5000, 1, 8, "a decimal number"),
    "control character": (changed("rate: 0.2", "label: \x07"), 6, 10, "character U+0007 cannot stand in YAML"),
    "not UTF-8": (b"world: 1\nname: \xe9\xe8\n", 2, 7, "byte 0xe9 is not UTF-8"),
    "extends nothing": (BASE + "extends: value-lock-on.yaml\n", 23, 10, "there is no file"),
    "extends unknown": (BASE + "extends: nothing-like-it\n", 23, 10, "no scenario is called 'nothing-like-it'"),
    "extends a list": (BASE + "extends: [a]\n", 23, 1, "extends: expected text"),
    "extends itself": (BASE + "extends: toy.yaml\n", 23, 10, "extends goes in a circle: toy.yaml -> toy.yaml"),
}


@pytest.mark.parametrize("case", CASES)
def test_place_and_words(case, tmp_path):
    text, line, column, words = CASES[case]
    error = in_file(tmp_path, text)
    assert words in str(error)
    assert (error.line, error.column) == (line, column), str(error)
    assert "also" not in str(error), "one mistake, one message"


def test_a_decimal_comma_is_named(tmp_path):
    error = in_file(tmp_path, changed("    trust: 0.5", "    trust: {constant: 0,5}"))
    assert "write decimals with a point" in str(error)


def test_alias_bomb(tmp_path):
    bomb = "a0: &a0 [1, 1, 1, 1, 1, 1, 1, 1, 1, 1]\n"
    bomb += "".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 10)}]\n" for i in range(1, 30))
    assert "aliases expand to more than 100,000 values" in str(in_file(tmp_path, bomb))


def test_aliases_as_such_are_fine(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_text(changed("    trust: 0.5", "    trust: &t {normal: {mean: 1}}\n    other: *t"))
    traits = load(path).cells[0].population.traits
    assert traits["other"] == traits["trust"]


@pytest.mark.parametrize("raw", [BASE.encode("utf-16"), b"\x00\x01\x02\xff", bytes(range(256))])
def test_rubbish(tmp_path, raw):
    in_file(tmp_path, raw)


def test_utf16_is_named(tmp_path):
    assert "the file is UTF-16 text; save it as UTF-8" in str(in_file(tmp_path, BASE.encode("utf-16")))


def test_byte_order_mark_is_fine(tmp_path):
    path = tmp_path / "toy.yaml"
    path.write_bytes(b"\xef\xbb\xbf" + BASE.encode())
    assert load(path).name == "toy"


def test_large_file_is_not_read(tmp_path, monkeypatch):
    path = tmp_path / "large.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    monkeypatch.setattr(type(path), "read_bytes", lambda self: pytest.fail("it was read"))
    assert "the file has 100.0 MB" in str(error_of(path))
    assert MAX_BYTES < 5_000_000


def test_no_file_and_a_folder(tmp_path):
    assert "there is no such file" in str(error_of(tmp_path / "none.yaml"))
    assert "it is a folder" in str(error_of(tmp_path))


def test_unknown_library_name():
    assert "no scenario is called 'no-such-scenario'" in str(error_of("no-such-scenario"))


def test_several_at_once_first_place_first(tmp_path):
    text = changed("worlds: 3", "worlds: x").replace("size:", "sise:").replace("rate: 0.2", "rate: 9")
    error = in_file(tmp_path, text)
    assert (error.line, error.column) == (6, 9)
    assert str(error).count("\n  also ") == 2
    assert ":7:9: worlds" in str(error)
    assert ":11:3: unknown key 'sise'" in str(error)


def test_at_most_ten_are_told(tmp_path):
    text = BASE + "".join(f"odd{i}: 1\n" for i in range(14))
    error = in_file(tmp_path, text)
    assert str(error).count("unknown key") == 10
    assert str(error).endswith("and 4 more")


def test_mistake_of_a_parent_names_the_parent(tmp_path):
    parent = tmp_path / "parent.yaml"
    parent.write_text(changed("size:", "sise:"))
    child = tmp_path / "child.yaml"
    child.write_text("extends: parent.yaml\nworlds: 2\n")
    error = error_of(child)
    assert (error.file, error.line, error.column) == (str(parent), 11, 3)


def test_circle_of_parents(tmp_path):
    (tmp_path / "a.yaml").write_text("extends: b.yaml\n")
    (tmp_path / "b.yaml").write_text("extends: a.yaml\n")
    error = error_of(tmp_path / "a.yaml")
    assert "a.yaml -> b.yaml -> a.yaml" in str(error)
    assert (error.file, error.line) == (str(tmp_path / "b.yaml"), 1)


def test_one_arm_alone_is_named(tmp_path):
    # The arm's policy lacks an option that it needs; the base's own does not.
    error = in_file(tmp_path, changed("agents.assistant.strength: 0.75", "agents.assistant: still"))
    assert (error.line, error.column) == (22, 12)
    assert "missing key 'patience'" in str(error)


def test_base_mistake_seen_by_one_arm_says_which(tmp_path):
    # Strength stands in the base, and only one arm's policy does not know it.
    text = changed("agents.assistant.strength: 0.75", "world: {id: test/gate-v0}")
    error = in_file(tmp_path, text)
    assert "missing key 'guard' in agents" in str(error)
    assert "(in arm strong)" in str(error)


def test_arms_of_different_worlds_are_refused_at_the_arm(tmp_path):
    error = in_file(
        tmp_path, changed("agents.assistant.strength: 0.75", "world.id: test/gate-v0, agents.guard: random")
    )
    assert (error.line, error.column) == (22, 22)
    assert "the arm 'strong' plays test/gate-v0, and 'base' plays test/plaza-v0; arms and points" in str(error)
    assert "write a scenario for each" in str(error)
    sweep = "sweep: {grid: {world.id: [test/plaza-v0, test/gate-v0]}}\nagents: {guard: random}\n"
    error = in_file(tmp_path, NO_ARMS.replace("agents:", "agents:\n  guard: random") + sweep.splitlines()[0])
    assert "plays test/gate-v0, and 'main[world.id=test/plaza-v0]' plays test/plaza-v0" in str(error)


def test_one_world_by_two_names_is_one_world():
    arms = {"id": {}, "class": {"world.id": "scenario_toy:Plaza"}}
    source = {"schema": 1, "worlds": 1, "horizon": 1, "world": {"id": "test/plaza-v0"}, "arms": arms}
    assert len(load({**source, "population": {"size": 2, "values": ["a"]}}).cells) == 2


SETS = {
    "population.sise=5": "unknown key 'sise' in population (from --set population.sise=5); did you mean 'size'?",
    "population.size=few": "expected a whole number, given the text 'few' (from --set population.size=few)",
    "population.size": "'population.size' is no override: expected --set KEY=VALUE",
    "population..size=3": "is no override",
    "=3": "is no override",
    "worlds=[1": "this is not YAML",
    "worlds=!!python/name:os.system": "is not allowed",
    "extends=other": "cannot be changed by --set",
    "agents.assistant=nodge": "did you mean 'nudge'?",
    "agents.asistant=nudge": "did you mean 'assistant'?",
    "world.id=test/plasa-v0": "did you mean 'test/plaza-v0'?",
    "horizn=3": "unknown key 'horizn' (from --set horizn=3); did you mean 'horizon'?",
    "reference=bse": "did you mean 'base'?",
    "arms.strong.seed=3": "have common random numbers",
    "record.every=0": "record.every: expected a number of at least 1, given 0 (from --set record.every=0)",
}


@pytest.mark.parametrize("text", SETS)
def test_overrides_point_at_themselves(text, tmp_path):
    error = in_file(tmp_path, BASE, [text])
    assert SETS[text] in str(error)
    assert error.line is None
    assert f"--set {text}" in str(error) or "KEY=VALUE" in str(error)


def test_override_without_effect_is_refused(tmp_path):
    text = BASE + "sweep: {grid: {worlds: [1, 2]}}\n"
    assert "has no effect" in str(in_file(tmp_path, text, ["worlds=5"]))


def test_mapping_names_dotted_paths():
    given = {"world": {"id": "test/plaza-v0", "rte": 1}, "worlds": 2, "horizon": "x"}
    text = str(error_of(given))
    assert "unknown key 'rte' in world; did you mean 'rate'?" in text
    assert "horizon: expected a whole number, given the text 'x'" in text


@pytest.mark.parametrize(
    ("world", "words"),
    [
        ({"label": object()}, "world.label: a object cannot stand in a scenario"),
        ({1.5: 2}, "world has the key 1.5: keys are text"),
        ({"label": b"x"}, "a bytes cannot stand in a scenario"),
    ],
)
def test_mapping_of_other_things(world, words):
    assert words in str(error_of({"world": {"id": "test/plaza-v0", **world}, "worlds": 1, "horizon": 1}))


def test_mapping_that_holds_itself():
    given = {"world": {"id": "test/plaza-v0"}}
    given["world"]["ground"] = given
    assert "or holds itself" in str(error_of(given))


def test_numbers_of_numpy_are_numbers():
    given = {"world": {"id": "test/plaza-v0", "rate": np.float32(0.5)}, "worlds": np.int64(2), "horizon": 3}
    cell = load(given).cells[0]
    assert (cell.worlds, cell.world_options.rate) == (2, 0.5)


def test_nothing_but_scenario_errors_comes_of_damaged_files(tmp_path):
    rng = random.Random(11)
    path = tmp_path / "toy.yaml"
    refused = []
    for _ in range(250):
        lines = BASE.split("\n")
        for _ in range(rng.randint(1, 3)):
            i = rng.randrange(len(lines))
            cut = rng.randint(0, len(lines[i]))
            rest = rng.choice([lines[i][cut:], lines[i][cut + 1 :], ""])
            lines[i] = rng.choice(["", " "]) + lines[i][:cut] + rng.choice(DAMAGE) + rest
        path.write_text("\n".join(lines))
        try:
            load(path)
        except ScenarioError as error:
            refused.append(error)
    assert len(refused) > 100
    assert not [error for error in refused if error.line is None or "Input should" in str(error)]
