"""The library's drift scenarios, made small: they run, and their reports say where dishonesty turns."""

import pytest

from populace.analysis.frames import load_run
from populace.analysis.page import report
from populace.envs.drift import closed_forms as cf
from populace.envs.drift import users
from populace.envs.drift.claims import AFFIRM, CORRECT
from populace.envs.drift.report import sections, thresholds
from populace.scenarios.loader import load
from populace.scenarios.runner import run

NAMES = ["hu-2025", "williams-2024", "therapy", "booking", "silent-benign", "unverifiable"]


def small(tmp_path, name, **changes):
    """The library scenario with keys changed, written as a file of its own."""
    lines = [f"extends: {name}", *(f"{key}: {value}" for key, value in changes.items())]
    path = tmp_path / f"small-{name}.yaml"
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")
    return load(path)


@pytest.mark.parametrize("name", NAMES)
def test_presets_run_and_report(tmp_path, name):
    horizon = 4 if name == "hu-2025" else 2
    folder = run(small(tmp_path, name, worlds=3, horizon=horizon), tmp_path / "run")
    found = load_run(folder)
    assert found.complete
    assert {"mask/lie", "deception_rate", "prudence", "hiding", "dishonest/off_domain"} <= set(found.steps["measure"])
    assert "Dishonesty by group of users" in report(folder).read_text(encoding="utf-8")


def test_a_sweep_of_the_biased_share_ends_in_a_report_with_its_threshold(tmp_path):
    """Therapy, type-blind, mean ratings: p* = dg / (dg + db) = .60, inside the interval of 24 worlds."""
    folder = run(small(tmp_path, "therapy", worlds=24, horizon=6), tmp_path / "run")
    mean, _ = users.rating_table(pleased=0.3)
    gain = float(mean[1, users.BIASED_KIND, AFFIRM] - mean[1, users.BIASED_KIND, CORRECT])
    loss = float(mean[1, users.UNSEEN, CORRECT] - mean[1, users.SEEN, AFFIRM])
    found = thresholds(load_run(folder)).set_index(["base", "measure"])
    row = found.loc[("moving", "dishonest/all")]
    assert row["chosen"]
    assert row["p"] == pytest.approx(cf.pooled_threshold(gain, loss), abs=0.03)
    assert row["high"] - row["low"] < 0.1
    assert not found.loc[("moving", "dishonest/off_domain"), "chosen"]
    (_, where, *_) = sections(load_run(folder))
    assert where.title == "Threshold of dishonesty"
    assert "no change of sign within this sweep" in where.html


def test_a_step_of_ten_per_cent_is_inside_the_noise_of_175_items(tmp_path):
    """One round on the better half: many learners agree on a small step that no single test of 175 items could show."""
    sweep = "{grid: {world.biased_share: [0, 0.1]}}"
    folder = run(small(tmp_path, "hu-2025", worlds=40, sweep=sweep), tmp_path / "run")
    end = load_run(folder).steps
    end = end[(end["step"] == 4) & (end["measure"] == "dishonest/off_domain")]
    wide = end.pivot_table(index="world", columns="arm", values="value", observed=True)
    step = wide["sft[world.biased_share=0.1]"] - wide["sft[world.biased_share=0]"]
    assert step.mean() > 3 * step.std() / 40**0.5
    rate = wide["sft[world.biased_share=0]"].mean()
    assert step.mean() < 1.96 * (2 * rate * (1 - rate) / 175) ** 0.5
