"""Which arms of two runs are compared: by name, and in a sweep point by point."""

import numpy as np
import pytest
from make_run import make_run

from populace.analysis import compare, load_run
from populace.analysis.pairing import NoPairs, matched
from populace.errors import RunError, UnknownName


def cells(base, points, reference=None):
    """Arms of a sweep: one for each point."""
    found = {}
    for point in points:
        label = ",".join(f"{key}={value}" for key, value in point.items())
        name = f"{base}[{label}]" if label else base
        found[name] = {"base": base, "coordinates": point, "reference": reference}
    return found


def run(tmp_path, name, arms, **more):
    return load_run(make_run(tmp_path / name, worlds=3, steps=2, tracked=0, arms=arms, **more))


def test_a_base_name_means_all_cells_paired_by_coordinates(tmp_path):
    a = run(tmp_path, "a", cells("honest", [{"w.x": x} for x in (1, 2, 3)]) | cells("sly", [{"w.x": 1}]))
    b = run(tmp_path, "b", cells("honest", [{"w.x": x} for x in (3.0, 2.0, 9.0)]))  # 2 and 2.0 are one point
    found = matched(a, b, "honest")
    assert found.pairs == (("honest[w.x=2]", "honest[w.x=2.0]"), ("honest[w.x=3]", "honest[w.x=3.0]"))
    assert found.only_a == ("honest[w.x=1]",)
    assert found.only_b == ("honest[w.x=9.0]",)
    assert set(compare(a, b, arm="honest")["arm"]) == {"honest[w.x=2]", "honest[w.x=3]"}


def test_an_arm_without_a_sweep_stands_beside_every_cell(tmp_path):
    a = run(tmp_path, "a", cells("honest", [{"w.x": 1}, {"w.x": 2}]))
    b = run(tmp_path, "b", cells("honest", [{}]))
    assert matched(a, b).pairs == (("honest[w.x=1]", "honest"), ("honest[w.x=2]", "honest"))
    wide = run(tmp_path, "c", cells("honest", [{"w.x": 2, "w.y": y} for y in (0, 1)]))
    assert matched(wide, a).pairs == (
        ("honest[w.x=2,w.y=0]", "honest[w.x=2]"),
        ("honest[w.x=2,w.y=1]", "honest[w.x=2]"),
    )


def test_arms_of_other_names_and_single_cells(tmp_path):
    a = run(tmp_path, "a", cells("honest", [{"w.x": x} for x in (1, 2)]) | cells("sly", [{"w.x": x} for x in (1, 2)]))
    assert matched(a, a, "honest", "sly").pairs == (
        ("honest[w.x=1]", "sly[w.x=1]"),
        ("honest[w.x=2]", "sly[w.x=2]"),
    )
    assert matched(a, a, "honest[w.x=1]", "honest[w.x=2]").pairs == (("honest[w.x=1]", "honest[w.x=2]"),)
    assert len(matched(a, a).pairs) == 4
    within = compare(a, arm="honest", other="sly")  # one run: base names there, too
    assert set(zip(within["arm"], within["other"], strict=True)) == {
        ("honest[w.x=1]", "sly[w.x=1]"),
        ("honest[w.x=2]", "sly[w.x=2]"),
    }


def test_what_cannot_be_paired_is_refused(tmp_path):
    a = run(tmp_path, "a", cells("honest", [{"w.x": 1}, {"w.x": True}]))
    b = run(tmp_path, "b", cells("honest", [{"w.x": 7}, {"w.x": 8}]))
    with pytest.raises(NoPairs, match="no point of the sweep is in both"):
        matched(a, b)
    c = run(tmp_path, "c", cells("honest", [{"w.y": 1}, {"w.y": 2}]))
    with pytest.raises(NoPairs, match=r"sweeps w.x and .* sweeps w.y"):
        matched(a, c)
    with pytest.raises(UnknownName, match="did you mean 'honest'"):
        matched(a, b, "honst")
    d = run(tmp_path, "d", cells("sly", [{}]) | cells("other", [{}]))
    with pytest.raises(RunError, match=r"no arm in common .*compare\(a, b, arm=..., other=...\)"):
        compare(a, d)
    ones = matched(a, run(tmp_path, "e", cells("honest", [{"w.x": 1}, {"w.x": 2}])))
    assert ones.pairs == (("honest[w.x=1]", "honest[w.x=1]"),)  # true is not 1
    assert ones.only_a == ("honest[w.x=True]",)


def test_differences_have_the_sign_of_a_minus_b(tmp_path):
    a = run(tmp_path, "a", cells("honest", [{}]), strength={"honest": 3.0})
    b = run(tmp_path, "b", cells("honest", [{}]), strength={"honest": 0.0})
    frame = compare(a, b)
    row = frame[frame["measure"] == "value/care"].iloc[0]
    assert row["difference"] > 0  # A's users moved up, by construction
    assert np.isclose(row["difference"], row["a"] - row["b"])
