"""What a run declares of its measures, and what is known where it declares nothing."""

import json

import numpy as np
import pandas as pd
import pytest
from make_run import make_run

from populace import registry
from populace.analysis import compare, load_run, report
from populace.analysis.declared import declared, is_deterministic, range_of
from populace.analysis.results import Results
from populace.errors import PopulaceError


def declare(folder, **measures):
    info = json.loads((folder / "run.json").read_text())
    (society,) = info["societies"]
    seats = {"user": {"invalid": {"about": "Share of acts.", "low": 0, "high": 1}}}
    society = {**society, "measures": measures, "seat_measures": seats}
    (folder / "run.json").write_text(json.dumps({**info, "societies": [society]}))
    return load_run(folder)


def constant(folder, name="measure 0", mirror=0.7, other=0.2):
    """A measure that is the same in all worlds of an arm."""
    steps = pd.read_parquet(folder / "steps.parquet")
    mine = steps["measure"] == name
    steps.loc[mine, "value"] = np.where(steps.loc[mine, "arm"] == "mirror", mirror, other)
    steps.to_parquet(folder / "steps.parquet", index=False)
    return folder


def test_declarations_are_read_as_the_run_keeps_them(tmp_path):
    run = declare(
        make_run(tmp_path / "run", worlds=2, steps=2),
        plain={"about": "A line."},
        full={"about": "A sentence.", "low": 0.0, "high": 1, "deterministic": True},
    )
    assert declared(run, "plain").about == "A line."
    assert (declared(run, "full").low, declared(run, "full").high) == (0.0, 1.0)
    assert is_deterministic(run, "full")
    assert not is_deterministic(run, "plain")
    assert not is_deterministic(run, "unknown")
    assert range_of(run, "plain") == (-np.inf, np.inf)
    assert range_of(run, "user/invalid") == (0.0, 1.0)
    assert range_of(run, "polarisation of segments") == (0.0, 1.0)
    assert declared(run, "unknown") is None


def test_a_family_is_declared_once(tmp_path):
    about = {"act/*": {"about": "One act.", "low": 0.0, "high": 1.0}, "act/lie": {"about": "A lie."}}
    run = load_run(make_run(tmp_path / "run", worlds=2, steps=2, about_measures=about))
    assert declared(run, "act/hedge").about == "One act."
    assert declared(run, "act/lie").about == "A lie."
    assert range_of(run, "act/hedge") == (0.0, 1.0)


def test_a_difference_that_is_the_same_in_all_worlds_is_certain_only_by_declaration(tmp_path):
    folder = constant(make_run(tmp_path / "run", worlds=5, steps=3))
    row = compare(load_run(folder)).set_index("measure").loc["measure 0"]
    assert row["difference"] == pytest.approx(0.5)
    assert np.isnan(row[["low", "high", "p", "p_holm"]].astype(float)).all()
    assert row["note"] == "all worlds agree, perhaps by chance: no interval"
    sure = compare(declare(folder, **{"measure 0": {"about": "x", "deterministic": True}}))
    row = sure.set_index("measure").loc["measure 0"]
    assert (row["low"], row["high"], row["p"], row["p_holm"]) == pytest.approx((0.5, 0.5, 0.0, 0.0))
    assert row["note"] == ""


def test_the_report_tells_what_has_no_interval(tmp_path):
    page = report(constant(make_run(tmp_path / "run", worlds=5, steps=3))).read_text(encoding="utf-8")
    said = page[page.index('id="answer"') : page.index("</section>")]
    assert (
        "The same in all worlds, perhaps by chance, so that there is no interval: mirror <b>0.700</b> instead of"
        in said
    )
    assert "0.200, by <b>+0.500</b>" in said
    ends = page[page.index('id="end"') : page.index('id="time"')]
    assert '0.700<abbr class="mark" title="all worlds agree, perhaps by chance: no interval">†</abbr>' in ends
    assert "† All worlds agree, perhaps by chance: no interval." in ends
    assert "Few worlds." not in page


@pytest.mark.parametrize("worlds", [2, 3])
def test_few_worlds_are_told_at_the_top(tmp_path, worlds):
    folder = make_run(tmp_path / "run", worlds=worlds, steps=3)
    page = report(folder).read_text(encoding="utf-8")
    assert f"<b>Few worlds.</b> {worlds} worlds: an interval from fewer than 4" in page
    assert (compare(load_run(folder))["note"] != "").all()


def test_undefined_numbers_are_counted_and_told(tmp_path):
    folder = make_run(tmp_path / "run", worlds=6, steps=3, measures=4)
    steps = pd.read_parquet(folder / "steps.parquet")
    last, name = steps["step"] == 3, steps["measure"].astype(str)
    steps.loc[last & (name == "measure 0") & (steps["world"] < 2), "value"] = np.inf
    steps.loc[name == "measure 1", "value"] = np.nan
    steps.loc[(name == "measure 2") & (steps["arm"] == "mirror"), "value"] = -np.inf
    steps.loc[(name == "measure 3") & (steps["world"] == 0), "value"] = 1e300
    steps.to_parquet(folder / "steps.parquet", index=False)
    frame = compare(load_run(folder)).set_index("measure")
    assert (frame.loc["measure 0", "worlds"], frame.loc["measure 0", "undefined"]) == (4, 2)
    assert frame.loc["measure 0", "note"] == "undefined in 2 of 6 worlds, which are left out"
    assert np.isfinite(frame.loc["measure 0", ["difference", "low", "high"]].astype(float)).all()
    assert "measure 1" not in frame.index
    results = Results(load_run(folder))
    assert results.undefined == {"measure 1": ["no-assistant", "mirror"], "measure 2": ["mirror"]}
    page = report(folder).read_text(encoding="utf-8")
    ends = page[page.index('id="end"') : page.index('id="time"')]
    assert "Undefined (NaN or infinite) in all worlds and steps: measure 1." in ends
    assert "<td class='n'>undefined</td>" in ends
    assert 'title="undefined in 2 of 6 worlds, which are left out">‡</abbr>' in ends
    assert "inf" not in ends.replace("infinite", "")


def test_a_spread_that_overflows_has_no_interval(tmp_path):
    from populace.analysis.summaries import summarise

    frame = pd.DataFrame({"arm": "a", "world": range(4), "value": [1e200, -1e200, 3.0, 4.0]})
    row = summarise(frame, ["arm"]).iloc[0]
    assert np.isnan(row[["low", "high", "p"]].astype(float)).all()
    assert row["note"] == "numbers too large for an interval"
    assert row["worlds"] == 4


def test_intervals_of_shares_keep_within_their_range(tmp_path):
    about = {"dishonest/*": {"about": "A share.", "low": 0.0, "high": 1.0}}
    folder = make_run(tmp_path / "run", worlds=4, steps=3, world="populace/drift-v0", about_measures=about)
    steps = pd.read_parquet(folder / "steps.parquet")
    shares = np.array([0.0, 0.01, 0.0, 0.15])
    steps["measure"] = steps["measure"].astype(str).replace({"measure 0": "dishonest/all"})
    mine = steps["measure"] == "dishonest/all"
    steps.loc[mine, "value"] = shares[steps.loc[mine, "world"]]
    steps.to_parquet(folder / "steps.parquet", index=False)
    results = Results(load_run(folder))
    for frame in (results.ends, results.over_time):
        rows = frame[frame["measure"] == "dishonest/all"]
        assert (rows["low"] > 0).all()
        assert (rows["high"] < 1).all()
    # Student's interval would begin at .04 - 3.18 · .0368 = -.077.
    assert results.ends.set_index("measure").loc["dishonest/all", "low"].max() < 0.01
    row = results.contrasts.set_index("measure").loc["dishonest/all"]
    assert row["difference"] == 0
    wide = steps["measure"] == "dishonest/all"
    steps.loc[wide & (steps["arm"] == "mirror") & (steps["world"] % 2 == 0), "value"] = 1.0
    steps.to_parquet(folder / "steps.parquet", index=False)
    row = Results(load_run(folder)).contrasts.set_index("measure").loc["dishonest/all"]
    assert -1 <= row["low"] <= row["high"] <= 1


@pytest.mark.parametrize("wrong", [lambda run: 3, 3, dict])
def test_what_is_no_measure_is_told(tmp_path, monkeypatch, wrong):
    run = load_run(make_run(tmp_path / "r", worlds=2, steps=2))
    monkeypatch.setattr(registry.measures, "get", lambda name: wrong)
    with pytest.raises(PopulaceError, match="'mine' is no measure of a run: a measure is a function"):
        run.measure("mine")
