"""Policies that were renamed are found by their former names, with a warning that says the new one."""

import json
import re
import subprocess
import sys
import warnings

import pytest

from populace.errors import OldName, did_you_mean
from populace.registry import manifests, policies
from populace.scenarios import load

POLICIES = policies.names()
ALIASES = {f"{m.short}/{old}": f"{m.short}/{new}" for m in manifests for old, new in m.aliases.items()}
GAME = {
    "name": "old-names",
    "world": {"id": "populace/payoff-v0"},
    "agents": {"user": "best_response", "assistant": {"policy": "rule_product", "corrected": True}},
    "worlds": 2,
    "horizon": 2,
    "population": {"size": 4},
}


def test_names_are_kebab_case_and_aliases_lead_to_names():
    assert all(re.fullmatch(r"([a-z]+/)?[a-z0-9]+(-[a-z0-9]+)*", name) for name in POLICIES)
    assert set(ALIASES.values()) <= set(POLICIES)
    assert not set(ALIASES) & set(POLICIES)


@pytest.mark.parametrize("old", ALIASES)
def test_a_former_name_warns_and_finds_the_policy(old):
    world, _, short = old.partition("/")
    for name, within in ((old, ""), (short, world), (old, world)):
        with pytest.warns(OldName, match=f"{name}.*{ALIASES[old].removeprefix(f'{world}/')}"):
            assert policies.get(name, within) is policies.get(ALIASES[old])


def test_names_of_today_do_not_warn():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        policies.get("best-response", within="payoff")


def test_a_scenario_is_resolved_to_names_of_today():
    with pytest.warns(OldName):
        (cell,) = load(GAME).cells
    assert [name for name, _ in cell.agents.values()] == ["best-response", "rule-product"]


def test_a_mix_knows_former_names():
    mixed = {**GAME, "agents": {"user": {"policy": "mix", "players": [{"policy": "tit_for_tat", "share": 1}]}}}
    with pytest.warns(OldName, match="tit-for-tat"):
        (cell,) = load(mixed).cells
    assert cell.agents["user"][1].players[0].policy == "payoff/tit-for-tat"


def test_the_command_line_says_it_in_one_line_each(tmp_path):
    file = tmp_path / "old.yaml"
    file.write_text(json.dumps(GAME), encoding="utf-8")
    told = subprocess.run(
        [sys.executable, "-m", "populace", "validate", str(file)], capture_output=True, text=True, check=True
    )
    assert told.stderr.splitlines() == [
        f"warning: the policy {old!r} is now called {new!r}; use that, as the old name will be removed"
        for old, new in (("best_response", "best-response"), ("rule_product", "rule-product"))
    ]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("mirror", "did you mean 'coevolution/mirror'?"),
        ("coevolution", "did you mean 'populace/coevolution-v0'?"),
        ("best-response", "did you mean 'matrix/best-response' or 'payoff/best-response'?"),
    ],
)
def test_a_name_without_its_world_is_answered_with_the_full_names(given, meant):
    known = ["coevolution/mirror", "coevolution/oracle", "matrix/best-response", "payoff/best-response"]
    assert meant in did_you_mean(given, [*known, "populace/coevolution-v0"])
