"""What reaches standard error: our own lines, and no warning of a library."""

import io
import json
import os
import subprocess
import sys

import pytest
from rich.console import Console
from test_runner import trial

from populace.cli import progress
from populace.names import short_keys
from populace.scenarios import load

# A measure of the user's own during whose calls libraries warn and log.
CODE = """
import logging, warnings
import numpy as np
import torch
from populace.measures import Measure

def noisy(world, state):
    warnings.warn_explicit("a library's words", FutureWarning, torch.__file__, 1)
    warnings.warn_explicit("more words", RuntimeWarning, np.__file__, 1)
    logging.getLogger("transformers").warning("logged words")
    logging.getLogger("matplotlib.font_manager").warning("logged words")
    warnings.warn("my own words")
    return {"noise": state.values[:, 0, 0]}

noisy.measures = (Measure(name="noise", about="Noise: \\u2f00 $x$."),)
"""


def cli(*words, cwd, **more):
    env = {**os.environ, "POPULACE_CONFIG_HOME": str(cwd / "config"), **more}
    env = {key: value for key, value in env.items() if key != "PYTHONWARNINGS" or "PYTHONWARNINGS" in more}
    command = [sys.executable, "-m", "populace", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=cwd, env=env)


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """A scenario whose arms have names that fonts lack, and whose measures are undefined in places."""
    folder = tmp_path_factory.mktemp("quiet")
    (folder / "noisy_code.py").write_text(CODE)
    record = {"every": 3, "measures": ["noisy_code:noisy"]}
    arms = {"alone \u2f00": {"world.assistant_rate": 0}, "lifelong": {}}
    (folder / "noisy.yaml").write_text(json.dumps(trial(record=record, arms=arms, worlds=2)))
    done = cli("run", "noisy.yaml", "--trust", "--out", "out", "-q", cwd=folder)
    assert done.returncode == 0, done.stderr
    (folder / "stderr").write_text(done.stderr)
    return folder


def test_warnings_of_libraries_are_dropped_and_the_user_s_own_are_one_line(place):
    lines = (place / "stderr").read_text().splitlines()
    assert len(lines) == 1, lines
    assert lines[0].startswith("warning: my own words (")
    assert lines[0].endswith("noisy_code.py:12)")


def test_warnings_are_shown_to_those_who_ask_python_for_them(place):
    done = cli("validate", "noisy.yaml", "--trust", cwd=place, PYTHONWARNINGS="default")
    assert "a library's words" in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("list",),
        ("show", "value-lock-in"),
        ("validate", "tin-men"),
        ("report", "out"),
        ("compare", "out", "out", "--out", "compare.html"),
        ("figure", "out", "--measure", "noise", "--arm", "lifelong", "--out", "f.png"),
        ("run", "prisoners-dilemma", "--set", "worlds=2", "--set", "horizon=3", "-q"),
        ("run", "tin-men", "--set", "worlds=2", "--set", "agents.assistant.policy=pocket", "--dry-run"),
        ("audit",),
    ],
    ids=lambda words: words[0],
)
def test_commands_that_go_well_say_nothing_on_stderr(place, words):
    done = cli(*words, cwd=place)
    assert done.returncode == 0, done.stderr
    ours = ("note: ", "warning: ")  # ours are told in lines of their own
    assert [line for line in done.stderr.splitlines() if not line.startswith(ours)] == []
    assert "Warning" not in done.stderr


def test_letters_that_no_font_has_are_told_in_one_line(place):
    done = cli("figure", "out", "--measure", "noise", "--out", "g.png", cwd=place)
    assert done.returncode == 0, done.stderr
    said = "some letters are missing from the fonts on this machine and are drawn as boxes"
    assert done.stderr.splitlines()[-1] == f"note: {said}"
    assert "Glyph" not in done.stderr


# ---------------------------------------------------------------------- bars


def test_keys_are_shortened_as_far_as_they_differ():
    assert short_keys(["world.noise", "population.size"]) == {"world.noise": "noise", "population.size": "size"}
    both = short_keys(["agents.user.rate", "agents.assistant.rate", "worlds"])
    assert both == {
        "agents.user.rate": "user.rate",
        "agents.assistant.rate": "assistant.rate",
        "worlds": "worlds",
    }


def test_bars_of_a_sweep_show_the_swept_values_even_where_there_is_little_room(monkeypatch):
    scenario = load(trial(sweep={"grid": {"world.noise": [0.01, 0.02], "population.size": [30, 40]}}))
    assert progress.names(scenario)["lifelong[world.noise=0.02,population.size=40]"] == (
        "8/8 lifelong noise=0.02,size=40"
    )
    assert progress.names(load(trial())) == {}  # without a sweep bars have the names of arms
    for width in (60, 80, 200):
        out = io.StringIO()
        console = Console(file=out, force_terminal=True, width=width, height=12, color_system=None)
        monkeypatch.setattr("rich.console.Console", lambda stderr=True, given=console: given)
        with progress.watched(False, scenario) as watch:
            for cell in scenario.cells:
                watch.begun(cell.arm, 0, 10)
                watch.moved(10)
        shown = out.getvalue().split("\x1b[1A")[-1]  # what is left on the terminal in the end
        assert "8/8 lifelong" in shown
        assert shown.count("noise=0.02,size=40") == 2
        assert "1/8" not in shown  # in a long sweep the bars of what plays now would be below the window
