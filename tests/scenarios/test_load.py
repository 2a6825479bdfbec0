"""What a scenario becomes: cells, arms, sweeps, parents, overrides, and what runs."""

from pathlib import Path

import pytest
import torch
from ruamel.yaml import YAML
from scenario_toy import BASE, Nudge, Plaza, PlazaOptions, StillOptions

from populace import registry
from populace import shelf as shelf_module
from populace.errors import PopulaceError, ScenarioError
from populace.rollout import rollout
from populace.run import start
from populace.scenarios import build, dump, library, load
from populace.scenarios.source import parse
from populace.scenarios.tree import plain

PLAIN = {"world": {"id": "test/plaza-v0"}, "worlds": 2, "horizon": 3}


def written(tmp_path, text, name="toy.yaml"):
    path = tmp_path / name
    path.write_text(text)
    return path


def test_a_file_becomes_cells(tmp_path):
    found = load(written(tmp_path, BASE))
    assert (found.name, found.about, found.seed, found.worlds, found.horizon, found.episodes) == (
        "toy",
        "A toy.",
        5,
        3,
        4,
        1,
    )
    assert [cell.arm for cell in found.cells] == ["base", "strong"]
    assert found.reference == "base"
    assert {cell.reference for cell in found.cells} == {"base"}
    base, strong = found.cells
    assert base.world_options == PlazaOptions(rate=0.2)
    assert base.population.size == 6
    assert base.agents["assistant"][0] == "nudge"
    assert base.agents["assistant"][1].strength == 0.25
    assert strong.agents["assistant"][1].strength == 0.75
    assert strong.agents["user"] == base.agents["user"]


def test_defaults_without_arms_agents_and_population():
    found = load(PLAIN)
    assert (found.name, found.seed, found.at_end, found.learn_every, found.file) == ("scenario", 0, "mask", None, None)
    (cell,) = found.cells
    assert (cell.arm, cell.base_arm, cell.reference, cell.coordinates) == ("main", "main", "main", {})
    assert {role: name for role, (name, _) in cell.agents.items()} == {"user": "random", "assistant": "nudge"}
    assert cell.population is None
    assert build(cell).population.census.size == 100


def test_name_is_the_files_when_not_given(tmp_path):
    assert load(written(tmp_path, dump(PLAIN), "my-town.yaml")).name == "my-town"


def test_built_cells_run_and_have_common_random_numbers(tmp_path):
    levels = []
    for cell in load(written(tmp_path, BASE)).cells:
        built = build(cell)
        assert isinstance(built.world, Plaza)
        assert isinstance(built.policies["assistant"], Nudge)
        run = start(built.world, built.policies, built.population, seed=cell.seed, worlds=cell.worlds)
        assert run.people.values.shape == (3, 6, 2)
        levels.append(rollout(built.world, built.policies, run, cell.horizon).state)
    # The assistants differ, but only users' pushes move the state: equal random numbers, equal states.
    assert torch.equal(*levels)


def test_arms_dotted_and_nested_are_the_same():
    dotted = load(
        {
            **PLAIN,
            "arms": {"a": {"agents.assistant.strength": 2, "agents.assistant.every": 3}},
            "agents": {"assistant": "nudge"},
        }
    )
    nested = load(
        {
            **PLAIN,
            "arms": {"a": {"agents": {"assistant": {"strength": 2, "every": 3}}}},
            "agents": {"assistant": "nudge"},
        }
    )
    assert dotted.cells == nested.cells


def test_another_policy_starts_its_options_afresh():
    agents = {"assistant": {"policy": "nudge", "strength": 2}}
    arms = {
        "same": {"agents.assistant.policy": "nudge"},
        "other": {"agents.assistant": {"policy": "still", "patience": 1}},
    }
    arms["dotted"] = {"agents.assistant.patience": 4, "agents.assistant.policy": "still"}
    same, other, dotted = load({**PLAIN, "agents": agents, "arms": arms}).cells
    assert same.agents["assistant"][1].strength == 2
    assert other.agents["assistant"] == ("still", StillOptions(patience=1))
    assert dotted.agents["assistant"] == ("still", StillOptions(patience=4)), "whatever the order"


def test_another_world_starts_its_options_afresh():
    given = {**PLAIN, "world": {"id": "test/plaza-v0", "rate": 0.7}, "agents": {"guard": "random"}}
    given["population"] = {"size": 4, "values": ["a"]}
    del given["agents"]
    (same,) = load({**given, "arms": {"a": {"world.id": "test/plaza-v0"}}}).cells
    (other,) = load({**given, "arms": {"b": {"world.id": "test/gate-v0", "agents.guard": "random"}}}).cells
    assert same.world_options.rate == 0.7
    assert other.world_options.rate == 0.1


def test_another_distribution_replaces_the_old_one():
    population = {"size": 4, "values": ["a"], "traits": {"trust": {"normal": {"mean": 1, "sd": 2}}}}
    arms = {"a": {"population.traits.trust": {"beta": {"a": 2, "b": 2}}}, "b": {"population.traits.trust.normal.sd": 3}}
    a, b = load({**PLAIN, "population": population, "arms": arms}).cells
    assert a.population.traits["trust"].kind == "beta"
    assert (b.population.traits["trust"].normal.mean, b.population.traits["trust"].normal.sd) == (1, 3)


def test_lists_are_replaced_or_changed_by_index():
    population = {"size": 4, "values": ["a", "b"]}
    arms = {"whole": {"population.values": ["c"]}, "one": {"population.values.1": "c"}}
    whole, one = load({**PLAIN, "population": population, "arms": arms}).cells
    assert whole.population.values.names == ("c",)
    assert one.population.values.names == ("a", "c")


def test_grid_is_every_arm_at_every_point():
    sweep = {"grid": {"worlds": [2, 3], "world.rate": [0.1, 0.5]}}
    found = load({**PLAIN, "arms": {"x": None, "y": {"horizon": 9}}, "reference": "y", "sweep": sweep})
    assert [cell.arm for cell in found.cells[:3]] == [
        "x[worlds=2,world.rate=0.1]",
        "y[worlds=2,world.rate=0.1]",
        "x[worlds=2,world.rate=0.5]",
    ]
    assert len(found.cells) == 8
    last = found.cells[-2]
    assert (last.base_arm, last.worlds, last.world_options.rate, last.horizon) == ("x", 3, 0.5, 3)
    assert last.coordinates == {"worlds": 3, "world.rate": 0.5}
    assert last.reference == "y[worlds=3,world.rate=0.5]"
    names = {cell.arm for cell in found.cells}
    assert all(cell.reference in names for cell in found.cells)
    assert {cell.seed for cell in found.cells} == {0}


def test_list_of_points():
    points = [{"worlds": 2, "horizon": 5}, {"world.noisy": True}]
    first, second = load({**PLAIN, "sweep": {"list": points}}).cells
    assert (first.arm, first.worlds, first.horizon) == ("main[worlds=2,horizon=5]", 2, 5)
    assert (second.arm, second.world_options.noisy, second.horizon) == ("main[world.noisy=true]", True, 3)


def test_sweep_comes_after_the_arm():
    arms = {"still": {"agents.assistant": {"policy": "still", "patience": 1}}}
    (cell,) = load({**PLAIN, "arms": arms, "sweep": {"grid": {"agents.assistant.patience": [7]}}}).cells
    assert cell.agents["assistant"][1].patience == 7


def test_parents_are_merged(tmp_path):
    written(tmp_path, BASE, "parent.yaml")
    child = written(
        tmp_path,
        "extends: parent.yaml\nworlds: 9\npopulation: {size: 7}\narms: {base: false, new: {horizon: 2}}\n",
        "child.yaml",
    )
    found = load(child)
    assert found.name == "child"
    assert [cell.arm for cell in found.cells] == ["strong", "new"]
    assert found.reference == "strong"
    assert found.cells[0].population.size == 7
    assert found.cells[0].population.values.names == ("warmth", "order")
    assert found.cells[1].worlds == 9


def test_grandparents_and_other_folders(tmp_path):
    (tmp_path / "sub").mkdir()
    written(tmp_path, BASE, "a.yaml")
    written(tmp_path / "sub", "extends: ../a.yaml\nworlds: 8\n", "b.yaml")
    found = load(written(tmp_path, "extends: sub/b.yaml\nhorizon: 2\n", "c.yaml"))
    assert (found.worlds, found.horizon, found.seed) == (8, 2, 5)


def test_data_files_are_found_beside_the_file_that_names_them(tmp_path):
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "rows.csv").write_text("a,b\n1,2\n3,4\n")
    parent = BASE.replace("  values: {names: [warmth, order]}", "  data: {file: rows.csv, values: [a, b]}")
    written(tmp_path / "sub", parent, "parent.yaml")
    found = load(written(tmp_path, "extends: sub/parent.yaml\n", "child.yaml"))
    assert found.cells[0].population.data.file == tmp_path / "sub" / "rows.csv"
    assert build(found.cells[0]).population.census.size == 6
    (tmp_path / "run").mkdir()
    again = load(written(tmp_path / "run", dump(found.resolved), "scenario.yaml"))
    assert again.cells == found.cells


def test_world_options_find_their_files_too(tmp_path):
    (tmp_path / "table.csv").write_text("a\n1\n")
    found = load(written(tmp_path, BASE.replace("rate: 0.2", "table: table.csv\n  label: no-file.csv")))
    assert found.cells[0].world_options.table == tmp_path / "table.csv"
    assert found.cells[0].world_options.label == "no-file.csv"


SETS = ["population.size=9", "agents.assistant.every=1e1", "worlds=5", "record={every: 2, groups: false}", "name=other"]


def test_sets_change_the_base(tmp_path):
    found = load(written(tmp_path, BASE), SETS)
    assert (found.name, found.worlds, found.record.every, found.record.groups, found.record.users) == (
        "other",
        5,
        2,
        False,
        50,
    )
    for cell in found.cells:
        assert cell.population.size == 9
        assert cell.agents["assistant"][1].every == 10
    assert found.cells[1].agents["assistant"][1].strength == 0.75, "arms change it further"


def test_a_later_set_wins(tmp_path):
    assert load(written(tmp_path, BASE), ["worlds=5", "worlds=6"]).worlds == 6


def test_a_set_may_name_another_policy(tmp_path):
    found = load(
        written(tmp_path, BASE), ["agents.assistant.patience=3", "agents.assistant=still", "arms.strong=false"]
    )
    assert found.cells[0].agents["assistant"] == ("still", StillOptions(patience=3))
    assert [cell.arm for cell in found.cells] == ["base"]


@pytest.mark.parametrize("sets", [[], SETS])
@pytest.mark.parametrize("sweep", ["", "sweep: {grid: {world.rate: [0.1, 1.0e-5], world.label: ['no', 'on']}}\n"])
def test_resolved_loads_to_the_same(tmp_path, sets, sweep):
    found = load(written(tmp_path, BASE + sweep), sets)
    text = dump(found.resolved)
    again = load(written(tmp_path, text, "scenario.yaml"))
    assert again.cells == found.cells
    assert (again.name, again.record, again.reference) == (found.name, found.record, found.reference)
    assert again.resolved == found.resolved
    assert load(found.resolved).cells == found.cells


def test_module_and_class_may_be_named():
    given = {
        **PLAIN,
        "world": {"id": "scenario_toy:Plaza", "rate": 0.3},
        "agents": {"assistant": {"policy": "scenario_toy:Nudge", "strength": 1}},
    }
    (cell,) = load(given).cells
    assert isinstance(build(cell).policies["assistant"], Nudge)


def test_a_world_that_brings_no_policies_uses_those_of_the_world_it_derives_from():
    drift = registry.worlds.get("populace/drift-v0")
    derived = type("Derived", (drift,), {"id": "test/derived-v0"})
    assert registry.policy_prefix(drift) == "drift"
    assert registry.policy_prefix(derived) == "drift"
    assert registry.policy_prefix(registry.worlds.get("populace/lockin-v0")) == "lockin"


def test_what_a_world_lacks_is_an_error_of_the_world():
    with pytest.raises(ScenarioError, match="missing key 'population'"):
        load({**PLAIN, "world": {"id": "test/gate-v0"}, "agents": {"guard": "random"}})


def test_yaml_1_2_words_and_numbers():
    text = "a: [no, on, yes, y, off, 1e-3, 1E5, .5, 1_000, 0o7, 0x1F, 1:30, 2026-01-01, ~, true, 'true', .inf]\n"
    expected = [
        "no",
        "on",
        "yes",
        "y",
        "off",
        0.001,
        1e5,
        0.5,
        1000,
        7,
        31,
        "1:30",
        "2026-01-01",
        None,
        True,
        "true",
        float("inf"),
    ]
    assert plain(parse(text)) == {"a": expected}


AWKWARD = {
    "text": [
        "no",
        "yes",
        "on",
        "Off",
        "null",
        "~",
        "1e3",
        "5",
        "",
        " x",
        "a: b",
        "#c",
        "é",
        "two\nlines",
        "- d",
        "{e}",
        "x" * 300,
    ],
    "on": {"y": True, "n": None, "f": 1e-5, "g": 0.1, "h": 1e22, "i": -3, "j": [[1, 2], []], "k": {}},
}


def test_dump_reads_back_by_either_yaml():
    text = dump(AWKWARD)
    assert plain(parse(text)) == AWKWARD
    old = YAML(typ="safe", pure=True)
    old.version = (1, 1)
    assert old.load(text) == AWKWARD


def test_dump_keeps_order():
    assert dump({"b": 1, "a": {"d": 2, "c": (3,)}, "p": Path("x/y")}) == "b: 1\na:\n  d: 2\n  c:\n  - 3\np: x/y\n"


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    """A plug-in that brings a folder of scenarios."""

    class Point:
        value = "plug:folder"

    (tmp_path / "folder").mkdir()
    written(tmp_path / "folder", BASE, "plugged.yaml")
    written(tmp_path / "folder", "about: [", "broken.yaml")
    ours = shelf_module.files
    monkeypatch.setattr(shelf_module, "files", lambda package: tmp_path if package == "plug" else ours(package))
    monkeypatch.setattr(shelf_module, "entry_points", lambda group: [Point] if group == "populace.scenarios" else [])
    return tmp_path / "folder"


def test_plug_ins_bring_scenarios(shelf, tmp_path):
    assert library()["plugged"] == "A toy."
    assert library()["broken"].startswith("(cannot be read: ")
    assert load("plugged").cells[0].worlds == 3
    assert load(written(tmp_path, "extends: plugged\nworlds: 2\n", "mine.yaml")).worlds == 2
    with pytest.raises(ScenarioError, match="did you mean 'plugged'"):
        load("pluged")


def test_every_library_scenario_is_valid():
    for name in library():
        for cell in load(name).cells:
            build(cell)


def test_scenarios_and_cells_are_frozen():
    found = load(PLAIN)
    with pytest.raises(AttributeError):
        found.name = "x"
    with pytest.raises(AttributeError):
        found.cells[0].worlds = 3


def test_many_cells_are_checked_quickly():
    import time

    sweep = {"grid": {"world.rate": [i / 1000 for i in range(1000)]}}
    began = time.perf_counter()
    assert len(load({**PLAIN, "sweep": sweep}).cells) == 1000
    assert time.perf_counter() - began < 10


def test_errors_are_populace_errors():
    assert issubclass(ScenarioError, PopulaceError)


def test_the_examples_of_the_documentation_load(tmp_path):
    page = Path(__file__).resolve().parents[2] / "docs" / "scenarios.md"
    text = page.read_text(encoding="utf-8")
    whole, arms, record = [
        part.split("```")[0]
        for part in text.split("```yaml\n")[1:]
        if not {"outcomes:", "design:", "branch:"} & set(part.split("```")[0].split())
        or "schema: 1" in part.split("```")[0]
    ][:3]
    design = next(part for part in text.split("```yaml\n") if part.startswith("extends: value-lock-in\ndesign:"))
    planned = load(written(tmp_path, design.split("```")[0])).design
    assert [one.direction for one in planned.hypotheses] == ["lower", "none"]
    what_if = next(part for part in text.split("```yaml\n") if part.startswith("arms:\n  lifelong: {"))
    cells = load(written(tmp_path, "extends: value-lock-in\n" + what_if.split("```")[0])).cells
    assert [cell.branch.at for cell in cells if cell.branch] == [40, 40]
    assert [cell.arm for cell in load(written(tmp_path, whole)).cells] == ["mirror", "lifelong"]
    base = whole[: whole.index("arms:")]
    cells = load(
        written(tmp_path, base + arms), ["arms.strong.world.assistant_rate=0.5", "population.values.names.0=care"]
    )
    assert len(cells.cells) == 12
    assert cells.cells[1].arm == "mild[population.size=100,world.noise=0]"
    assert cells.cells[2].world_options.assistant_rate == 0.5
    assert cells.cells[0].population.values.names == ("care", "order")
    (tmp_path / "my_measures.py").write_text(text.split("```python\n")[1].split("```")[0])
    (own,) = load(written(tmp_path, whole + record)).own
    assert list(own.declared) == ["disagreement"]
