"""The example package of own policies is installed as a user would install it, and plays by name in a scenario."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from populace.registry import load
from populace.testing import check_policy

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
NAMES = {"impatient": "script:Impatient", "network": "network:Network", "talker": "talker:Talker"}

SCENARIO = """
schema: 1
name: own
world: {id: populace/payoff-v0}
worlds: 3
horizon: 4
agents: {user: impatient}
arms:
  script: {}
  patient: {agents.user.turns: 4}
  network: {agents.user: network}
  talker: {agents.user: talker}
  by-class: {agents.user: "own_policies.network:Network"}
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """A folder of installed packages with the examples in it."""
    folder = tmp_path_factory.mktemp("own")
    source = shutil.copytree(EXAMPLES / "own_policies", folder / "source")
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([sys.executable, *command, "--target", str(folder / "site"), str(source)], check=True)
    return folder / "site"


@pytest.mark.parametrize("name", NAMES)
def test_each_keeps_the_contract(name, monkeypatch):
    monkeypatch.syspath_prepend(str(EXAMPLES / "own_policies"))
    check_policy(load(f"own_policies.{NAMES[name]}")(), "populace/payoff-v0", "user")


@pytest.mark.parametrize("name", NAMES)
def test_each_is_short(name):
    text = (EXAMPLES / "own_policies" / "own_policies" / f"{NAMES[name].split(':')[0]}.py").read_text()
    assert len([line for line in text.splitlines() if line.strip()]) <= 22


def test_an_installed_package_is_found_by_name(site, tmp_path):
    (tmp_path / "own.yaml").write_text(SCENARIO)
    where = {**os.environ, "PYTHONPATH": str(site)}
    command = [sys.executable, "-m", "populace", "run", "own.yaml", "--out", "out"]
    # A folder on PYTHONPATH is not installed, as any file could name what lies there.
    refused = subprocess.run(command, cwd=tmp_path, env=where, capture_output=True, text=True)
    assert (refused.returncode, "--trust" in refused.stderr) == (1, True)
    done = subprocess.run([*command, "--trust"], cwd=tmp_path, env=where, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    steps = pd.read_parquet(tmp_path / "out" / "steps.parquet")
    arms = {arm: rows.drop(columns="arm").reset_index(drop=True) for arm, rows in steps.groupby("arm", observed=True)}
    assert set(arms) == {"script", "patient", "network", "talker", "by-class"}
    pd.testing.assert_frame_equal(arms["network"], arms["by-class"])
    assert not arms["script"]["value"].equals(arms["patient"]["value"])
    invalid = arms["talker"].query("measure == 'invalid' and role == 'user' and step > 0")
    assert len(invalid) == 3 * 4
    assert (invalid["value"] == 0).all()
    assert (arms["talker"].query("measure == 'tokens' and role == 'user' and step > 0")["value"] > 0).all()
