"""Policies name the roles they can play, and mistakes point at the option to mend."""

import pytest
from pydantic import ValidationError

from populace.envs.payoff.options import PayoffOptions
from populace.errors import ScenarioError
from populace.options import faults
from populace.registry import policies, policy_prefix, worlds
from populace.scenarios import load


def test_every_default_can_play_its_role():
    for world_id in worlds.names():
        world = worlds.get(world_id)
        for role, name in world.defaults.items():
            plays = policies.get(name, policy_prefix(world)).plays
            assert not plays or role in plays, (world_id, role, name)


def told(tmp_path, text):
    file = tmp_path / "town.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(file)
    return str(caught.value).removeprefix(f"{file}:")


FRAME = "worlds: 1\nhorizon: 2\npopulation: {size: 4}\nworld:\n"


@pytest.mark.parametrize(
    ("world", "role", "name"),
    [
        ("payoff-v0", "user", "cobb-douglas"),
        ("payoff-v0", "assistant", "imitation"),
        ("shopping-v0", "assistant", "undercut"),
        ("shopping-v0", "assistant", "follower"),
        ("drift-v0", "user", "honest"),
        ("culture-v0", "person", "persona"),
    ],
)
def test_a_policy_in_a_role_it_cannot_play(tmp_path, world, role, name):
    text = told(tmp_path, f"{FRAME}  id: populace/{world}\nagents:\n  {role}: {name}\n")
    assert text.startswith(f"7:{5 + len(role)}: ")
    assert " plays " in text
    assert f"not {role}" in text


@pytest.mark.parametrize(("table", "key"), [("title,price\na\n", "catalogue"), ("wealth\ninf\n", "customers")])
def test_a_bad_table_is_told_at_its_option(tmp_path, table, key):
    (tmp_path / "t.csv").write_text(table)
    text = told(tmp_path, f"{FRAME}  id: populace/shopping-v0\n  {key}: {tmp_path / 't.csv'}\n")
    assert text.startswith("6:")
    assert f"world.{key}: " in text
    assert "line 2" in text


@pytest.mark.parametrize(
    ("lines", "line"),
    [
        ("  rows: [[1, 2], [3, 4]]\n  columns: [[1, 2], [3, x]]\n", 7),
        ("  columns: [[1, 2], [3, 4]]\n  rows: [[1, 2], [3]]\n", 7),
        ("  models: true\n  payoffs: [[[1, 2], [3, 4]], [[1, 2], 3]]\n", 7),
        ("  rows: 5\n  columns: [[1]]\n", 6),
    ],
)
def test_a_bad_matrix_is_told_at_its_option(tmp_path, lines, line):
    assert told(tmp_path, f"{FRAME}  id: populace/matrix-v0\n{lines}").startswith(f"{line}:")


def test_options_refused_in_python_are_told_in_our_words():
    with pytest.raises(ValidationError) as caught:
        PayoffOptions(switch=3)
    text = faults(caught.value, PayoffOptions)
    assert text.startswith("later, switch: a pricing that sets in later")
    assert "Value error" not in text


def test_a_policy_of_another_world_is_refused():
    given = {
        "world": {"id": "populace/agency-v0"},
        "worlds": 1,
        "horizon": 1,
        "agents": {"assistant": "coevolution/persistence"},
    }
    with pytest.raises(ScenarioError, match="is a policy for the world 'coevolution'; this one is 'agency'"):
        load(given)
