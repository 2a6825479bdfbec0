"""Completion in a shell: what is offered, and that nothing heavy is imported for it."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

CODE = """
import sys
from populace.cli import main
try:
    main()
finally:
    heavy = [name for name in ("torch", "numpy", "pandas", "gymnasium", "numba", "matplotlib") if name in sys.modules]
    print("HEAVY", *heavy, file=sys.stderr)
"""


def offered(line, cwd="."):
    words = line.split(" ")
    more = {"_POPULACE_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words) - 1)}
    code = f"import sys; sys.argv = ['populace']\n{CODE}"
    done = subprocess.run(
        [sys.executable, "-c", code], env={**os.environ, **more}, capture_output=True, text=True, cwd=cwd
    )
    assert done.stderr == "HEAVY\n", done.stderr
    return [line for line in done.stdout.splitlines() if line]


@pytest.fixture
def place(tmp_path):
    """A folder with two runs, one scenario file, and what is neither."""
    arms = {
        "honest[world.x=1]": {"base": "honest"},
        "honest[world.x=2]": {"base": "honest"},
        "sly[world.x=1]": {"base": "sly"},
    }
    for name in ("runs/first", "runs/second"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "run.json").write_text(json.dumps({"arms": arms}))
    (tmp_path / "runs" / "notes").mkdir()
    (tmp_path / "town.yaml").write_text("extends: silent-benign\nname: town\narms: {}\n")
    (tmp_path / "table.csv").write_text("a\n1\n")
    return tmp_path


def test_scenarios_and_files_of_them(place):
    assert offered("populace run value-l") == ["value-lock-in"]
    everything = offered("populace validate ", place)
    assert {"tin-men", "silent-benign", "town.yaml", "runs/"} <= set(everything)
    assert "table.csv" not in everything
    assert offered("populace new mine.yaml --from pricing-s") == ["pricing-switch"]
    assert offered("populace show populace/drift") == ["populace/drift-v0"]


def test_run_folders(place):
    assert offered("populace report ", place) == ["runs/first", "runs/second", "runs/notes/"]
    assert offered("populace compare runs/first runs/s", place) == ["runs/second"]
    assert offered("populace resume runs/fi", place) == ["runs/first"]


def test_arms_of_a_run_and_the_names_that_stand_for_a_sweep(place):
    assert offered("populace compare runs/first runs/second --arm ho", place) == ["honest", *(
        f"honest[world.x={x}]" for x in (1, 2)
    )]  # fmt: skip
    assert offered("populace figure runs/first --arm s", place) == ["sly", "sly[world.x=1]"]


def test_keys_of_set_follow_the_scenario_s_world_and_arms(place):
    assert offered("populace run silent-benign --set world.biased") == ["world.biased_share="]
    assert offered("populace run town.yaml --set world.biased", place) == ["world.biased_share="]  # by its parent
    assert offered("populace run silent-benign --set agents.us") == ["agents.user."]
    assert offered("populace run silent-benign --set arms.seen") == ["arms.seen-by-all."]
    assert offered("populace run silent-benign --set arms.seen-by-all.world.cue") == [
        "arms.seen-by-all.world.cue_accuracy="
    ]
    assert "population.size=" in offered("populace run silent-benign --set population.")
    assert offered("populace run silent-benign --set worlds") == ["worlds="]
    assert offered("populace run silent-benign --set worlds=3") == []


def test_what_cannot_be_read_offers_nothing(place):
    (place / "runs" / "first" / "run.json").write_text("[" * 100)
    assert offered("populace compare runs/first runs/second --arm ho", place) == []
    assert offered("populace run missing.yaml --set world.", place) == []
    assert offered("populace report nowhere/", place) == []


def test_the_shelf_is_what_manifests_announce():
    from populace.registry import manifests
    from populace.shelf import shelf

    announced = {m.scenarios.rpartition("/")[2] for m in manifests if m.id.startswith("populace/") and m.scenarios}
    assert {Path(path).parent.name for path in shelf().values()} >= announced - {""}
