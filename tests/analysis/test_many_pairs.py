"""Differences of many pairs of arms at once are those of each pair alone, and those of the estimates for one pair."""

import numpy as np
import pandas as pd
import pytest

from populace.analysis.comparison import KEY, differences
from populace.analysis.stats import estimate, holm, welch

ARMS = [f"arm-{k}" for k in range(7)]
PAIRS = [(name, ARMS[0]) for name in ARMS[1:]] + [("arm-3", "arm-1"), ("arm-5", "arm-5")]


def random(seed, offset=0):
    """Rows with NaN and infinite values, worlds that agree, arms that end early, and one without any overlap."""
    rng, rows = np.random.default_rng(seed), []
    for k, arm in enumerate(ARMS):
        for measure in ("plain", "constant", "same", "holes"):
            for step in range(4 - (k == 2)):
                for world in range(2 + k if k != 4 else 1):
                    value = {"constant": 0.25 * k, "same": 0.5}.get(measure, rng.normal(k, 1.0))
                    if measure == "holes" and rng.uniform() < 0.4:
                        value = rng.choice([np.nan, np.inf, -np.inf])
                    rows.append(
                        (arm, world + (100 if k == 6 else 0) + offset, step, "recorded", measure, "", "", value)
                    )
    frame = pd.DataFrame(rows, columns=["arm", "world", "step", *KEY, "value"])
    return frame.astype(dict.fromkeys(("arm", "kind", "measure"), "category"))


@pytest.mark.parametrize("over_time", [False, True])
@pytest.mark.parametrize("paired", [False, True])
@pytest.mark.parametrize("seed", range(4))
def test_all_pairs_at_once_are_each_pair_alone(seed, paired, over_time):
    frame = random(seed)
    how = {"paired": paired, "over_time": over_time, "sure": ["constant"], "within": {"plain": (0.0, 3.0)}}
    together = differences(frame, frame, PAIRS, **how)
    alone = pd.concat([differences(frame, frame, [pair], **how) for pair in PAIRS], ignore_index=True)
    alone = alone.assign(p_holm=holm(alone["p"]))
    pd.testing.assert_frame_equal(together, alone, check_exact=True)
    assert together["low"].isna().any()
    assert (together["undefined"] > 0).any()


@pytest.mark.parametrize("seed", range(4))
def test_each_row_is_the_estimate_of_its_pair(seed):
    frame = random(seed)
    found = differences(frame, frame, PAIRS)
    assert set(found["paired"]) == {False, True}
    for row in found.to_dict("records"):
        a, b = (
            frame[(frame["arm"] == row[side]) & (frame["measure"] == row["measure"]) & (frame["step"] == row["step"])]
            .set_index("world")["value"]
            .where(lambda x: np.isfinite(x))
            for side in ("arm", "other")
        )
        both = a.index.intersection(b.index)
        one = estimate((a[both] - b[both]).to_numpy()) if row["paired"] else welch(a.to_numpy(), b.to_numpy())
        expected = (one.mean, one.low, one.high, one.p, one.worlds)
        given = tuple(row[name] for name in ("difference", "low", "high", "p", "worlds"))
        assert given == pytest.approx(expected, nan_ok=True, rel=1e-9, abs=1e-12), row
        assert row["note"] == one.note
    np.testing.assert_allclose(found["p_holm"], holm(found["p"]))


def test_an_arm_that_is_not_there_has_no_row():
    frame = random(0)
    assert differences(frame, frame, [("arm-1", "nobody"), ("nobody", "arm-1")]).empty
    assert set(differences(frame, frame, [("arm-1", "nobody"), ("arm-1", "arm-0")])["other"]) == {"arm-0"}
