"""The page's recipes run as they stand on a run folder of ours."""

import re
from pathlib import Path

import pytest
from make_run import make_run

import populace

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "analysis.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```python\n(.*?)```", PAGE, flags=re.S)
SETUP = next(block for block in BLOCKS if block.startswith("import pandas"))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("docs")
    arms = {"no-assistant": {"base": "no-assistant", "coordinates": {}, "reference": None}}
    swept = dict(arms)
    for name in ("mirror", "lifelong"):
        arms[name] = {"base": name, "coordinates": {}, "reference": "no-assistant"}
        for k in (0.5, 1.0):
            swept[f"{name}[k={k}]"] = {"base": name, "coordinates": {"k": k}, "reference": "no-assistant"}
    for run, seed, have in (("value-lock-in", 0, arms), ("stronger-assistant", 1, arms), ("silent-benign", 2, swept)):
        folder = make_run(root / "runs" / run, worlds=4, steps=6, arms=have, seed=seed)
        _call_first_measure_drift(folder)
    return root


def _call_first_measure_drift(folder):
    import pandas as pd

    steps = pd.read_parquet(folder / "steps.parquet")
    steps["measure"] = steps["measure"].astype(str).replace({"measure 0": "drift"})
    steps.to_parquet(folder / "steps.parquet")


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.splitlines()[0][:40])
def test_recipes_run(block, folders, monkeypatch):
    monkeypatch.chdir(folders)
    monkeypatch.setattr("populace.registry.manifests._added", {})
    names = {"populace": populace, "run": populace.load_run("runs/value-lock-in")}
    exec(SETUP, names)
    exec(block, names)
    if "def sections" in block:
        (section,) = names["sections"](names["run"])
        assert "<svg" in section.html


def test_every_measure_is_on_the_page():
    from populace.analysis import MEASURES

    assert all(f"| `{name}` |" in PAGE for name in MEASURES)
