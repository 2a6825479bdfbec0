import dataclasses
import warnings

import numpy as np
import pandas as pd
import pytest
from make_run import COUNT, RATE, make_run
from scipy import stats as reference

from populace.analysis import load_run, metrics
from populace.analysis.moments import OVERALL, Moments

ALL = {k: (COUNT["young"] * RATE["young"][k] + COUNT["old"] * RATE["old"][k]) / 100 for k in range(3)}
PARTS = ("n", "mean", "var")
SPEED = {s: float(np.linalg.norm(RATE[s])) for s in RATE} | {OVERALL: float(np.linalg.norm(list(ALL.values())))}


def moments_of(users: dict[str, np.ndarray]) -> Moments:
    """One arm, world and step; name of segment -> [users, values]."""
    x = list(users.values())
    shape = (1, 1, 1, len(x))
    return Moments(
        ("a",),
        np.array([0]),
        np.array([0]),
        tuple(users),
        tuple(f"value/{k}" for k in range(x[0].shape[1])),
        np.array([len(u) for u in x], dtype=float).reshape(shape),
        np.array([u.mean(0) for u in x]).reshape(*shape, -1),
        np.array([u.var(0) for u in x]).reshape(*shape, -1),
    )


@pytest.fixture(scope="module")
def quiet(tmp_path_factory):
    """A run without noise: drifts are exact."""
    return load_run(make_run(tmp_path_factory.mktemp("runs") / "quiet", worlds=3, steps=20, noise=0.0))


def test_pooled_moments_are_those_of_all_users_together():
    rng = np.random.default_rng(0)
    users = {"a": rng.normal(3, 2, (7, 3)), "b": rng.exponential(5, (90, 3)), "c": rng.normal(-1, 0.1, (1, 3))}
    together = np.concatenate(list(users.values()))
    pooled = moments_of(users).pooled
    assert pooled.n.item() == 98
    np.testing.assert_allclose(pooled.mean[0, 0, 0, 0], together.mean(0), rtol=1e-12)
    np.testing.assert_allclose(pooled.var[0, 0, 0, 0], together.var(0), rtol=1e-12)


def test_an_empty_segment_does_not_spoil_the_pool():
    full = moments_of({"a": np.array([[1.0], [3.0]])})
    empty = Moments.of(
        pd.DataFrame(
            {
                "arm": pd.Categorical(["a", "a"]),
                "world": [0, 0],
                "step": [0, 0],
                "segment": pd.Categorical(["a", "b"]),
                "variable": pd.Categorical(["value/0", "value/0"]),
                "n": [2, 0],
                "mean": [2.0, np.nan],
                "var": [1.0, np.nan],
            }
        )
    )
    np.testing.assert_array_equal(empty.pooled.mean, full.mean)
    np.testing.assert_array_equal(empty.pooled.var, full.var)


def test_drift_grows_by_the_known_rate(quiet):
    frame = metrics.drift(quiet.values)
    for segment, speed in SPEED.items():
        rows = frame[(frame["arm"] == "mirror") & (frame["segment"] == segment)]
        np.testing.assert_allclose(rows["value"], speed * rows["step"], atol=1e-12)
    assert frame.loc[frame["arm"] == "no-assistant", "value"].max() < 1e-12


def test_drift_by_value_keeps_the_sign(quiet):
    frame = metrics.drift_by_value(quiet.values)
    end = frame[(frame["arm"] == "mirror") & (frame["step"] == 20) & (frame["world"] == 1)]
    found = end.set_index(["segment", "measure"])["value"]
    assert found["young", "value/care"] == pytest.approx(20 * 0.020)
    assert found["old", "value/tradition"] == pytest.approx(-20 * 0.010)
    assert found[OVERALL, "value/care"] == pytest.approx(20 * ALL[0])


def test_drift_from_reference_cancels_the_chance_of_a_world(quiet):
    frame = metrics.drift_from_reference(quiet.values, {"mirror": "no-assistant"})
    assert set(frame["arm"]) == {"mirror"}
    rows = frame[frame["segment"] == "young"]
    np.testing.assert_allclose(rows["value"], SPEED["young"] * rows["step"], atol=1e-12)


def test_velocity_is_a_rate_whatever_the_recording_interval(quiet):
    groups = quiet.groups
    for every in (1, 5):
        moments = Moments.of(groups[groups["step"] % every == 0])
        rows = metrics.velocity(moments)
        rows = rows[(rows["arm"] == "mirror") & (rows["segment"] == "young")]
        assert rows["step"].min() == every
        np.testing.assert_allclose(rows["value"], SPEED["young"], atol=1e-12)


def test_polarisation_is_the_share_between_segments():
    def share(users):
        return metrics.polarisation(moments_of(users))["value"]

    points = {"a": np.zeros((5, 2)), "b": np.ones((5, 2))}
    assert share(points).item() == pytest.approx(1.0)
    same = {"a": np.array([[0.0], [2.0]]), "b": np.array([[1.0], [1.0]])}
    assert share(same).item() == pytest.approx(0.0)
    # Means 0 and 2, variance 1 in each: between 1, within 1.
    half = {"a": np.array([[-1.0], [1.0]]), "b": np.array([[1.0], [3.0]])}
    assert share(half).item() == pytest.approx(0.5)
    assert share({"a": np.ones((3, 2)), "b": np.ones((3, 2))}).empty


def test_diversity_is_an_effective_number():
    def number(variances, order=2.0):
        x = np.sqrt(np.array(variances))
        return metrics.diversity(moments_of({"a": np.stack([x, -x])}), order)["value"].iloc[0]

    assert number([2.0, 2.0, 2.0, 2.0]) == pytest.approx(4.0)
    assert number([2.0, 0.0, 0.0]) == pytest.approx(1.0)
    assert number([0.5, 0.25, 0.25]) == pytest.approx(1 / (0.25 + 0.0625 + 0.0625))
    assert number([0.5, 0.25, 0.25], order=1) == pytest.approx(2**1.5)  # entropy of 1.5 bits
    assert number([0.5, 0.5, 0.0], order=1) == pytest.approx(2.0)
    assert metrics.diversity(moments_of({"a": np.ones((3, 2))})).empty


def test_spread_is_the_root_mean_variance():
    rng = np.random.default_rng(1)
    x = rng.normal(0, [1.0, 3.0], (50, 2))
    found = metrics.spread(moments_of({"a": x[:20], "b": x[20:]})).set_index("segment")["value"]
    assert found[OVERALL] == pytest.approx(np.sqrt(x.var(0).mean()))


def panel(*worlds: np.ndarray) -> pd.DataFrame:
    rows = []
    for world, x in enumerate(worlds):
        frame = pd.DataFrame(x, columns=[f"value/{k}" for k in range(x.shape[1])])
        rows.append(frame.assign(arm="a", world=world, step=0, user=np.arange(len(x)), segment="s"))
    frame = pd.concat(rows, ignore_index=True)
    return frame.sample(frac=1, random_state=0).astype({"arm": "category", "segment": "category"})


def test_participation_counts_directions():
    line = np.outer(np.arange(6.0), [1.0, -2.0, 0.5])
    cross = np.concatenate([np.eye(3), -np.eye(3)])
    frame = metrics.participation(panel(line, cross, np.eye(3)[:1]), ["value/0", "value/1", "value/2"])
    assert frame["world"].tolist() == [0, 1]  # one user has no covariance
    assert frame["value"].tolist() == pytest.approx([1.0, 3.0])


def test_bimodality_agrees_with_scipy_and_with_known_shapes():
    rng = np.random.default_rng(2)
    worlds = [rng.normal(size=(4000, 1)), rng.uniform(size=(4000, 1)), np.repeat([[0.0], [1.0]], 2000, axis=0)]
    found = metrics.bimodality(panel(*worlds), ["value/0"]).set_index("world")["value"]
    for world, x in enumerate(worlds):
        n = len(x)
        skew, excess = reference.skew(x[:, 0], bias=False), reference.kurtosis(x[:, 0], bias=False)
        assert found[world] == pytest.approx((skew**2 + 1) / (excess + 3 * (n - 1) ** 2 / ((n - 2) * (n - 3))))
    assert found[0] == pytest.approx(1 / 3, abs=0.02)
    assert found[1] == pytest.approx(5 / 9, abs=0.02)
    assert found[2] == pytest.approx(3998 * 3997 / (4000**2 - 1))  # (n - 2)(n - 3) / (n² - 1), from the formula
    assert metrics.bimodality(panel(np.full((9, 1), 0.1)), ["value/0"]).empty


def test_lock_in_time_of_known_paths():
    steps = np.arange(1001.0)
    settling = 1 - np.exp(-steps / 50)  # within 5 % after 50 ln 20 = 149.8 steps
    linear = steps / 1000  # in the band only in the last 5 % of the run: still moving
    still = np.full(1001, 0.7)
    jump = (steps >= 300).astype(float)
    late = np.where(steps < 400, np.nan, jump)
    found = metrics.lock_in_time(steps, np.stack([settling, linear, still, jump, late])[..., None])
    np.testing.assert_array_equal(found, [np.ceil(50 * np.log(20)), np.nan, 0, 300, 400])


def test_lock_in_of_a_vector_waits_for_all_its_values():
    steps = np.arange(100.0)
    x = np.stack([(steps >= 20) * 1.0, (steps >= 60) * 1.0], -1)
    assert metrics.lock_in_time(steps, x) == 60
    assert metrics.lock_in_time(steps, np.stack([x[:, 0], x[:, 0]], -1)) == 20


def test_lock_in_frames_mark_what_is_censored(quiet):
    frame = metrics.lock_in(quiet.values)
    moving = frame[frame["arm"] == "mirror"]
    assert moving["censored"].all()
    assert moving["value"].isna().all()
    still = frame[(frame["arm"] == "no-assistant")]
    assert (still["value"] == 0).all()
    assert len(frame) == 2 * 3 * 3  # arms, worlds, two segments and all users


def test_lock_in_of_recorded_measures(tmp_path):
    run = load_run(make_run(tmp_path / "run", worlds=2, steps=100, noise=0.0, measures=1))
    steps = run.steps
    mean = steps.groupby(["arm", "step", "measure"], observed=True)["value"].transform("mean")
    first = (
        steps[steps["arm"] == "mirror"]["value"].to_numpy() - steps[steps["arm"] == "no-assistant"]["value"].to_numpy()
    )
    path = steps[steps["arm"] == "mirror"].assign(value=first)  # 0.5 (1 - exp(-t / 10)): ten steps' time constant
    assert mean.notna().all()
    found = metrics.lock_in_of(path)
    assert found["value"].tolist() == [np.ceil(10 * np.log(20))] * 2


def test_rows_that_are_undefined_are_found_again():
    """Users of world 1 do not differ: its diversity is undefined, and counted as such."""
    users = {"a": np.array([[1.0, 2.0], [3.0, 5.0]])}
    one, same = moments_of(users), moments_of({"a": np.ones((2, 2))})
    both = dataclasses.replace(
        one, worlds=np.array([0, 1]), **{k: np.concatenate([getattr(m, k) for m in (one, same)], 1) for k in PARTS}
    ).pooled
    found = metrics.diversity(both)
    assert found["world"].tolist() == [0]
    whole = both.complete(found)
    assert whole["world"].tolist() == [0, 1]
    assert np.isnan(whole["value"].iloc[1])
    assert both.complete(metrics.spread(both))["value"].tolist()[1] == 0.0


def test_numbers_that_overflow_are_undefined_without_a_warning():
    big = dataclasses.replace(
        moments_of({"a": np.ones((2, 2))}), mean=np.full((1, 1, 1, 1, 2), 1e200), var=np.full((1, 1, 1, 1, 2), np.inf)
    )
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for frame in (metrics.spread(big), metrics.diversity(big), metrics.drift(big)):
            assert np.isfinite(frame["value"]).all()
        assert len(metrics.bimodality(panel(np.full((9, 1), np.inf)), ["value/0"])) == 0
