"""What stands first on a page: the scenario's outcomes in words, with verdicts, pictures and a table."""

import base64
import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from make_run import make_run
from test_report import answer

from populace.analysis import load_run, pictures, plots, report, style
from populace.analysis.asked import HIGHER, LOWER, NONE, UNKNOWN, UNSETTLED, verdict
from populace.analysis.markup import accessible
from populace.analysis.results import Results

OUTCOMES = [
    {"measure": "measure 1", "smallest": 0.1, "about": "The first question"},
    {"measure": "measure 0", "smallest": 5.0},
]


def row(difference, low, high, p=0.0001, note=""):
    return {"difference": difference, "low": low, "high": high, "p_holm": p, "note": note}


@pytest.mark.parametrize(
    ("given", "smallest", "expected"),
    [
        (row(0.3, 0.2, 0.4), 0.1, HIGHER),
        (row(-0.3, -0.4, -0.2), 0.1, LOWER),
        (row(0.05, 0.04, 0.06), 0.1, NONE),  # clear of 0, and smaller than what is of interest
        (row(0.0, -0.09, 0.09, 1.0), 0.1, NONE),
        (row(0.05, -0.2, 0.3, 0.6), 0.1, UNSETTLED),
        (row(0.05, 0.01, 0.11), 0.1, UNSETTLED),  # may or may not be as large as that
        (row(0.3, 0.2, 0.4, 0.06), 0.1, UNSETTLED),
        (row(0.01, 0.005, 0.015), 0.0, HIGHER),
        (row(0.5, np.nan, np.nan, np.nan, "all worlds agree, perhaps by chance: no interval"), 0.1, UNKNOWN),
        (row(0.0, np.nan, np.nan, 1.0, "all worlds agree, perhaps by chance: no interval"), 0.0, NONE),
        (row(0.0, np.nan, np.nan, np.nan, "one world: no interval"), 0.1, UNKNOWN),
    ],
)
def test_verdicts(given, smallest, expected):
    assert verdict(given, smallest) == expected


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    folder = make_run(tmp_path_factory.mktemp("answer") / "run", worlds=10, steps=20, outcomes=OUTCOMES)
    return report(folder).read_text(encoding="utf-8")


def test_the_scenarios_outcomes_come_first_and_in_its_order(page):
    said = answer(page)
    assert list(said) == ["measure 1", "measure 0"]
    assert "The first question." in said["measure 1"]
    assert "Higher than no-assistant: mirror" in said["measure 1"]
    # Half of 1 - exp(-2) is 0.43, far below what is of interest.
    assert "No difference of 5 or more: mirror." in said["measure 0"]
    assert page.index('id="answer"') < page.index("<nav") < page.index('id="reading"')


def test_both_numbers_of_a_difference_have_the_digits_that_tell_them_apart():
    assert style.apart(0.7301, 0.7304, 2) == 4
    assert style.apart(0.7301, 0.7304, None) == 6
    assert style.apart(0.5, 0.5, 2) == 2
    assert style.apart(1234.0, 1000.0, 0) == 0
    a, b = 0.72996, 0.73004
    decimals = style.apart(a, b, style.digits(b - a, 0.00001, 0.00015))
    assert style.number(a, decimals) != style.number(b, decimals)


def test_a_contrast_may_be_with_the_start_or_with_an_arm(tmp_path):
    arms = {
        n: {"base": n, "coordinates": {}, "reference": None if n == "off" else "off"} for n in ("off", "on", "third")
    }
    outcomes = [{"measure": "measure 2", "contrast": "start"}, {"measure": "measure 1", "contrast": "third"}]
    strength = {"off": 0.0, "on": 1.0, "third": 2.0}
    folder = make_run(
        tmp_path / "run", worlds=12, steps=20, arms=arms, strength=strength, reference="off", outcomes=outcomes
    )
    found = Results(load_run(folder)).asking.contrasts.set_index(["measure", "arm"])
    # Measure k ends force / 2 (1 + k)(1 - exp(-2)) higher; worlds' own noise of 1 is drawn anew at every step, so that
    # only the contrast between arms is precise.
    assert found.loc[("measure 1", "on"), "difference"] == pytest.approx(-(1 - np.exp(-2)), abs=0.1)
    assert set(found.loc["measure 1"].index) == {"off", "on"}
    assert set(found.loc["measure 2"].index) == {"off", "on", "third"}
    assert found.loc[("measure 2", "third"), "difference"] == pytest.approx(3 * (1 - np.exp(-2)), abs=1.6)


def test_a_family_stands_for_all_that_was_recorded_of_it(tmp_path):
    folder = make_run(tmp_path / "run", worlds=4, steps=3, outcomes=[{"measure": "measure *"}])
    names = [one.name for one in Results(load_run(folder)).asking.asked]
    assert names == ["measure 0", "measure 1", "measure 2"]


def test_a_sweep_says_where_the_difference_is_largest(tmp_path):
    arms = {}
    for k in (0.0, 0.5, 1.0):
        arms[f"off[world.rate={k:g}]"] = {"base": "off", "coordinates": {"world.rate": k}, "reference": None}
        arms[f"on[world.rate={k:g}]"] = {
            "base": "on",
            "coordinates": {"world.rate": k},
            "reference": f"off[world.rate={k:g}]",
        }
    strength = {name: about["coordinates"]["world.rate"] * (about["base"] == "on") for name, about in arms.items()}
    folder = make_run(
        tmp_path / "run",
        worlds=8,
        steps=20,
        arms=arms,
        strength=strength,
        reference="off",
        outcomes=[{"measure": "measure 2", "smallest": 0.2}],
    )
    page = report(folder).read_text(encoding="utf-8")
    (said,) = answer(page).values()
    assert "higher at rate 0.5, 1; no difference at rate 0." in said
    assert "Largest difference: at rate = 1 it is" in said
    assert "<dd>2 at 3 points</dd>" in page
    assert "measure 2 at the end against world.rate, one line per arm." in page


def test_arms_are_told_apart_by_what_the_scenario_says_of_them(tmp_path):
    arms = {
        "no-assistant": {"base": "no-assistant", "coordinates": {}, "reference": None, "about": "Nobody speaks."},
        "mirror": {"base": "mirror", "coordinates": {}, "reference": "no-assistant", "about": "An <echo>."},
    }
    page = report(make_run(tmp_path / "run", worlds=3, steps=3, arms=arms)).read_text(encoding="utf-8")
    part = page[page.index('id="arms"') : page.index('id="reading"')]
    assert "Nobody speaks. <i>The other arms are compared with it.</i>" in part
    assert "An &lt;echo&gt;." in part


def test_lines_that_coincide_and_lines_in_grey_are_told():
    steps = np.arange(4)
    frame = pd.concat(
        pd.DataFrame({"arm": arm, "step": steps, "mean": steps * slope, "low": np.nan, "high": np.nan})
        for arm, slope in (("a", 1.0), ("b", 1.0), ("c", 2.0), ("d", 3.0))
    )
    looks = {name: style.look(k) for k, name in enumerate("abc")}
    drawn = plots.bands(frame, looks, column="arm", title="t", alt="t over time")
    assert "a and b coincide: their values are the same." in drawn
    assert "Grey: 1 more line." in drawn


def test_arms_whose_drift_is_the_same_are_named_below_the_figures(tmp_path):
    """Every arm has a figure of its own, so that equal curves would not be noticed."""
    arms = {
        "no-assistant": {"base": "no-assistant", "coordinates": {}, "reference": None},
        "one": {"base": "one", "coordinates": {}, "reference": "no-assistant"},
        "other": {"base": "other", "coordinates": {}, "reference": "no-assistant"},
    }
    folder = make_run(tmp_path / "run", worlds=4, steps=5, arms=arms)
    groups = pd.read_parquet(folder / "groups.parquet")
    twin = groups[groups["arm"].astype(str) == "one"].assign(arm="other")
    pd.concat([groups[groups["arm"].astype(str) != "other"].astype({"arm": str}), twin]).to_parquet(
        folder / "groups.parquet"
    )
    drawn = pictures.drift(Results(load_run(folder)))
    assert "The curves of one and other coincide: their values are the same." in drawn
    assert "no-assistant and" not in drawn


def test_few_worlds_with_a_value_are_not_few_worlds_of_the_run(tmp_path):
    """The banner counts the worlds of the run; what a measure lacks is told at its row."""
    folder = make_run(tmp_path / "run", worlds=12, steps=3)
    steps = pd.read_parquet(folder / "steps.parquet")
    steps.loc[(steps["measure"].astype(str) == "measure 0") & (steps["world"] >= 3), "value"] = np.nan
    steps.to_parquet(folder / "steps.parquet")
    results = Results(load_run(folder))
    assert results.few == []
    notes = set(results.ends.loc[results.ends["measure"] == "measure 0", "note"])
    assert notes == {
        "3 worlds with a value: an interval from fewer than 4 is right only if worlds are normally distributed; "
        "undefined in 9 of 12 worlds, which are left out"
    }


def test_no_wide_band_is_called_narrow():
    steps = np.arange(30)
    half = {"narrow": np.full(30, 1e-6), "wide": np.where(steps > 25, 0.168, 1e-6)}
    frame = pd.concat(
        pd.DataFrame(
            {"arm": arm, "step": steps, "mean": steps / 30 + k, "low": steps / 30 + k - h, "high": steps / 30 + k + h}
        )
        for k, (arm, h) in enumerate(half.items())
    )
    drawn = plots.bands(frame, {n: style.look(k) for k, n in enumerate(half)}, column="arm", title="t", alt="t")
    (note,) = re.findall(r"<p class='note'>(The intervals.*?)</p>", drawn)
    assert "of narrow are" in note
    assert "0.168" not in note


def test_arms_differ_by_dashes_too_and_no_segment_has_an_arms_colour():
    looks = [style.look(k) for k in range(32)]
    assert len({(one["color"], str(one["linestyle"])) for one in looks}) == 32
    assert len({str(one["linestyle"]) for one in looks[:4]}) == 4
    assert not set(style.PARTS) & {*style.PALETTE, style.MUTED}


def test_more_than_eight_arms_get_a_panel_each(tmp_path):
    names = [f"arm-{k}" for k in range(11)]
    arms = {n: {"base": n, "coordinates": {}, "reference": None if n == "arm-0" else "arm-0"} for n in names}
    folder = make_run(
        tmp_path / "run",
        worlds=4,
        steps=4,
        arms=arms,
        reference="arm-0",
        tracked=0,
        outcomes=[{"measure": "measure 0"}],
    )
    page = report(folder).read_text(encoding="utf-8")
    part = page[page.index('id="courses"') : page.index('id="spreads"')]
    labels = re.findall(r'<svg [^>]*aria-label="(arm-\d+) over time', part)
    assert sorted(labels) == sorted(names)
    assert "In colour: 8 of 11 arms; the others grey." in part


def test_what_never_changes_is_named_and_not_drawn(tmp_path):
    folder = make_run(tmp_path / "run", worlds=3, steps=4, outcomes=[{"measure": "measure 0"}])
    steps = pd.read_parquet(folder / "steps.parquet")
    steps.loc[steps["measure"] == "measure 2", "value"] = 1.0
    steps.to_parquet(folder / "steps.parquet", index=False)
    page = report(folder).read_text(encoding="utf-8")
    part = page[page.index('id="time"') : page.index('id="methods"')]
    assert "The same in all arms and at all steps: measure 2 (1.00)." in part
    assert "measure 2 over time" not in part
    assert "measure 1 over time" in part


def test_figures_and_tables_can_be_saved_from_the_page(page):
    links = dict(re.findall(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', page))
    table = pd.read_csv(io.BytesIO(base64.b64decode(links["toy-answer.csv"])))
    assert set(table["measure"]) == {"measure 0", "measure 1"}
    assert {"arm", "mean", "low", "high", "worlds"} <= set(table.columns)
    pictures = [base64.b64decode(data) for name, data in links.items() if name.endswith(".svg")]
    assert len(pictures) > 5
    for picture in pictures:
        assert picture.startswith(b"<svg")
        assert b"var(--" not in picture  # it stands alone, without the page's colours


def test_saved_tables_hold_no_more_than_the_page_shows(tmp_path):
    """Where users are respondents, no file inside the page tells of one of them, or of a small segment."""
    folder = make_run(tmp_path / "run", worlds=4, steps=3, tracked=12)
    info = json.loads((folder / "run.json").read_text())
    info["societies"][0]["provenance"] = {"data": {"file": "people.csv", "used_rows": 500, "few": ["young"]}}
    (folder / "run.json").write_text(json.dumps(info))
    page = report(folder).read_text(encoding="utf-8")
    assert "tracked users" not in page
    for data in re.findall(r'href="data:text/csv;base64,([^"]+)"', page):
        assert "young" not in base64.b64decode(data).decode()


def test_every_table_has_a_caption_scopes_and_a_frame_for_the_keyboard(page):
    body = page[page.index("<main>") :]
    tables = re.findall(r"(<div class=\"scroll\"[^>]*>)?(<table.*?</table>)", body, flags=re.S)
    assert len(tables) > 4
    for frame, table in tables:
        assert 'tabindex="0"' in frame
        assert not re.search(r"<th(?![^>]*scope=)[ >]", table)
    labels = re.findall(r'role="region" tabindex="0" aria-label="([^"]*)"', body)
    assert len(labels) == len(set(labels))
    given = accessible("<table><thead><tr><th>a</th></tr></thead><tbody><tr><th>b</th></tr></tbody></table>", "T & U")
    assert '<th scope="col">a</th>' in given
    assert '<th scope="row">b</th>' in given
    assert "<caption>T &amp; U</caption>" in given


def test_intervals_of_shares_keep_within_zero_and_one(tmp_path):
    """Shares near 1 in few worlds: Student's plain interval would end above 1."""
    about = {"measure 0": {"about": "A share.", "unit": "share", "low": 0.0, "high": 1.0}}
    folder = make_run(tmp_path / "run", worlds=5, steps=3, about_measures=about, outcomes=[{"measure": "measure 0"}])
    steps = pd.read_parquet(folder / "steps.parquet")
    mine = steps["measure"] == "measure 0"
    steps.loc[mine, "value"] = np.where(steps.loc[mine, "world"] == 0, 0.9, 0.999)
    steps.to_parquet(folder / "steps.parquet", index=False)
    results = Results(load_run(folder))
    for frame in (results.asking.levels, results.ends[results.ends["measure"] == "measure 0"]):
        assert len(frame) == 2
        assert (frame["high"] < 1.0).all()
        assert (frame["mean"] + 2.776 * 0.0443 / np.sqrt(5) > 1.0).all()
