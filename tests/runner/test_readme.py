"""What the README promises: its snippets run, its links lead somewhere, its commands exist."""

import re
from pathlib import Path

import pytest
from test_runner import trial

import populace
from populace.cli import app
from populace.scenarios import library

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def test_snippets_run_in_order(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    populace.simulate(trial(horizon=2), tmp_path / "runs" / "mine")
    namespace: dict[str, object] = {}
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert len(blocks) >= 3
    for block in blocks:
        exec(compile(block, "README.md", "exec"), namespace)
    from populace.testing import check_policy

    check_policy(namespace["Stubborn"](), "populace/coevolution-v0")


def test_links_lead_somewhere():
    for target in re.findall(r"\]\(([^)#]+)\)", README):
        if not target.startswith("http"):
            assert (ROOT / target).exists(), target


@pytest.mark.parametrize("line", sorted(set(re.findall(r"^populace .*$", README, re.MULTILINE))))
def test_commands_and_scenarios_exist(line):
    words = line.split("#")[0].split()
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert words[1] in commands
    if words[1] == "run" and not words[2].endswith(".yaml"):
        assert words[2] in library()
