"""What the drift report says of a threshold: settled, not settled, or none."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from populace.analysis.frames import RunData
from populace.envs.drift.report import SHARE, sections, thresholds

SHARES = (0.0, 0.1, 0.2, 0.5, 1.0)


def swept(begin, slope, noise, worlds=8, seed=0):
    """A run whose log odds of dishonesty move by `begin` at a share of 0 and by `slope` more at a share of 1."""
    arms = {
        f"a[{SHARE}={p}]": {"base": "a", "coordinates": {SHARE: p}, "reference": None, "society": 0} for p in SHARES
    }
    rng, rows = np.random.default_rng(seed), []
    for arm, p in zip(arms, SHARES, strict=True):
        moved = begin + slope * p + rng.normal(0.0, noise, worlds)
        for step, odds in ((1, np.full(worlds, -1.0)), (5, -1.0 + moved)):
            value = 1 / (1 + np.exp(-odds))
            for name in ("dishonest/all", "dishonest/off_domain"):
                rows += [(arm, world, step, name, value[world]) for world in range(worlds)]
    frame = pd.DataFrame(rows, columns=["arm", "world", "step", "measure", "value"]).assign(role="", player="")
    frame = frame.astype(dict.fromkeys(("arm", "measure", "role", "player"), "category"))
    society = {"world": "populace/drift-v0", "users": 10**9, "values": [], "segments": [], "measures": {}}
    info = {"name": "swept", "arms": arms, "societies": [{**society, "seat_measures": {}, "provenance": {}}]}
    run = RunData(Path("nowhere"), info)
    run.__dict__["steps"] = frame
    run.__dict__["groups"] = pd.DataFrame()
    return run


def told(run):
    return next(section.html for section in sections(run) if section.title == "Threshold of dishonesty")


def test_a_settled_threshold_has_its_interval():
    run = swept(-0.6, 2.0, 0.2)
    row = thresholds(run).iloc[0]
    assert row["chosen"]
    assert row["low"] < 0.3 < row["high"]
    assert "settled" not in told(run)


def test_a_crossing_that_the_lowest_share_cannot_tell_from_nothing_is_not_settled():
    """The mean crosses zero at .1, and the world's noise at the lowest share is as large as its pull."""
    run = swept(-0.2, 2.0, 0.4)
    row = thresholds(run).iloc[0]
    assert not row["chosen"]
    assert row["low"] == 0.0 < row["p"] < row["high"] < 0.4
    assert "not settled: 0." in told(run)
    assert "not clearly below zero at the lowest share" in told(run)
    assert "no change of sign" not in told(run)


@pytest.mark.parametrize(("begin", "slope"), [(-3.0, 1.0), (1.0, 1.0)])
def test_no_change_of_sign_is_said_only_where_it_is_clear(begin, slope):
    assert "no change of sign within this sweep" in told(swept(begin, slope, 0.1))


def test_a_mean_below_zero_everywhere_may_still_cross():
    run = swept(-2.0, 1.75, 0.6, seed=1)
    assert np.isnan(thresholds(run).iloc[0]["p"])
    assert "not settled: none in the mean" in told(run)


def test_worlds_left_out_are_counted():
    run = swept(-0.6, 2.0, 0.2)
    steps = run.steps
    steps.loc[(steps["world"] == 3) & (steps["step"] == 5) & (steps["arm"] == steps["arm"].iloc[0]), "value"] = np.nan
    row = thresholds(run).iloc[0]
    assert row["worlds"] == 7
    assert "1 more worlds are left out" in row["note"]


def test_a_crossing_above_the_lowest_share_is_told_with_its_figure():
    """As in a sweep whose pull crosses zero at .093 but is not clearly below it at a share of 0."""
    run = swept(-0.186, 2.0, 0.5, worlds=30, seed=3)
    row = thresholds(run).iloc[0]
    assert not row["chosen"]
    assert row["first"] < row["p"] < row["high"]
    first = next(section for section in sections(run) if section.title == "Threshold of dishonesty")
    assert f"<b>not settled: {row['p']:.2f}"[:22] in first.answer
    assert "no change of sign" not in first.answer


def test_a_study_of_175_items_is_spoken_of_only_where_as_many_are_asked(tmp_path):
    from dataclasses import replace

    run = swept(-1.0, 2.0, 0.2)
    titles = []
    for probes in (16, 175):
        (tmp_path / "scenario.yaml").write_text(f"world:\n  id: populace/drift-v0\n  probes: {probes}\n")
        at = replace(run, path=tmp_path)
        at.__dict__.update(steps=run.steps, groups=run.groups)
        titles.append([section.title for section in sections(at)])
    assert "What a test of 175 items can show" not in titles[0]
    assert "What a test of 175 items can show" in titles[1]
