import numpy as np
import pytest
from make_run import COUNT, RATE, make_run

from populace.analysis import compare, load_run
from populace.errors import RunError, UnknownName

CARE = (COUNT["young"] * RATE["young"][0] + COUNT["old"] * RATE["old"][0]) / 100


def pick(frame, measure):
    rows = frame[frame["measure"] == measure]
    assert len(rows) == 1
    return rows.iloc[0]


def test_arms_of_a_run_are_compared_with_their_reference(tmp_path):
    run = load_run(make_run(tmp_path / "run", worlds=30, steps=40, noise=0.02))
    row = pick(compare(run), "value/care")
    assert (row["arm"], row["other"], row["step"], row["worlds"], row["paired"]) == (
        "mirror",
        "no-assistant",
        40,
        30,
        True,
    )
    error = 0.02 * np.sqrt(2 / 30)
    assert row["difference"] == pytest.approx(40 * CARE, abs=3.5 * error)
    # Luck of a world has a standard deviation of 0.3; of the difference only the noise 0.02 sqrt(2) is left.
    assert row["high"] - row["low"] < 0.03
    assert row["difference"] == pytest.approx(row["a"] - row["b"])
    assert row["p_holm"] >= row["p"]


def test_over_time_has_every_step(tmp_path):
    run = load_run(make_run(tmp_path / "run", worlds=5, steps=12))
    frame = compare(run, arm="mirror", other="no-assistant", over_time=True)
    assert sorted(frame.loc[frame["measure"] == "value/care", "step"]) == list(range(13))
    last = frame[(frame["measure"] == "value/care") & (frame["step"] == 12)].iloc[0]
    assert last["difference"] == pytest.approx(pick(compare(run), "value/care")["difference"])


def test_runs_with_common_random_numbers_are_paired_and_others_are_not(tmp_path):
    one = load_run(make_run(tmp_path / "a", worlds=10, steps=10, noise=0.01))
    same = load_run(make_run(tmp_path / "b", worlds=10, steps=10, noise=0.012, strength={"mirror": 3.0}))
    other = load_run(make_run(tmp_path / "c", worlds=10, steps=10, noise=0.01, seed=5))
    other.info["seed"] = 8
    paired, apart = (compare(one, run, arm="mirror") for run in (same, other))
    assert paired["paired"].all()
    assert not apart["paired"].any()
    first, second = pick(paired, "value/care"), pick(apart, "value/care")
    assert first["difference"] == pytest.approx(-20 * CARE, abs=0.02)
    assert second["high"] - second["low"] > 10 * (first["high"] - first["low"])


def test_a_run_equals_itself(tmp_path):
    run = load_run(make_run(tmp_path / "run", worlds=4, steps=6))
    frame = compare(run, run)
    assert set(frame["arm"]) == {"mirror", "no-assistant"}
    assert (frame["difference"] == 0).all()
    assert (frame["p_holm"] == 1).all()


def test_arms_cut_off_at_different_steps_are_compared_where_both_are(tmp_path):
    whole = load_run(make_run(tmp_path / "a", worlds=3, steps=20))
    cut = load_run(make_run(tmp_path / "b", worlds=3, steps=20, parts=True, upto=14, status="interrupted"))
    with pytest.warns(UserWarning, match="incomplete"):
        assert set(compare(whole, cut)["step"]) == {14}


def test_one_world_gives_differences_without_intervals(tmp_path):
    frame = compare(load_run(make_run(tmp_path / "run", worlds=1, steps=5)))
    assert frame["difference"].notna().all()
    assert frame[["low", "high", "p", "p_holm"]].isna().all(axis=None)


def test_a_world_may_call_its_own_measure_as_we_do_ours(tmp_path):
    import pandas as pd

    folder = make_run(tmp_path / "run", worlds=4, steps=3)
    steps = pd.read_parquet(folder / "steps.parquet")
    ours = "effective number of values"
    steps["measure"] = steps["measure"].astype(str).replace({"measure 0": ours})
    steps[(steps["measure"] != ours) | (steps["step"] < 3)].to_parquet(folder / "steps.parquet")
    frame = compare(load_run(folder)).set_index(["kind", "measure"])
    assert frame.loc[("recorded", ours), "step"] == 2
    assert frame.loc[("derived", ours), "step"] == 3


def test_names_that_are_not_there_are_refused(tmp_path):
    run = load_run(make_run(tmp_path / "run", worlds=2, steps=2))
    with pytest.raises(UnknownName, match="mirror"):
        compare(run, arm="miror", other="no-assistant")
    lone = {name: {"base": name, "coordinates": {}, "reference": None} for name in ("x", "y")}
    other = load_run(make_run(tmp_path / "other", worlds=2, steps=2, arms=lone))
    with pytest.raises(RunError, match="no arm in common"):
        compare(run, other)
    with pytest.raises(RunError, match="no reference"):
        compare(other)


def test_measures_missing_in_some_worlds_count_fewer_worlds(tmp_path):
    import pandas as pd

    folder = make_run(tmp_path / "run", worlds=6, steps=3)
    steps = pd.read_parquet(folder / "steps.parquet")
    steps.loc[(steps["world"] < 2) & (steps["measure"] == "measure 1"), "value"] = np.nan
    steps.to_parquet(folder / "steps.parquet")
    frame = compare(load_run(folder))
    assert pick(frame, "measure 1")["worlds"] == 4
    assert pick(frame, "measure 0")["worlds"] == 6
