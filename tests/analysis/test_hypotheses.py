"""A design's hypotheses: their tests, the correction over exactly these, the worlds they need, and what a page says."""

import json

import numpy as np
import pytest
from make_run import make_run
from pydantic import ValidationError
from scipy import stats
from statsmodels.stats.power import TTestIndPower, TTestPower
from statsmodels.stats.weightstats import DescrStatsW
from typer.testing import CliRunner

from populace.analysis import load_run, report
from populace.analysis.hypotheses import (
    REFUTED,
    SUPPORTED,
    UNDECIDED,
    Differences,
    most_true,
    p_values,
    shaffer,
    verdicts,
)
from populace.analysis.power import power, power_of, worlds_needed
from populace.cli import app
from populace.design import Design, Hypothesis
from populace.errors import RunError, ScenarioError
from populace.scenarios import load, runner

X = np.array([0.31, 0.12, 0.44, -0.05, 0.27, 0.18, 0.22, 0.09])


def hypothesis(direction, smallest=None, **more):
    return Hypothesis(**{"name": "h", "arm": "a", "measure": "m", "direction": direction, "smallest": smallest, **more})


def given(x, direction, smallest=None, certain=False):
    x = np.asarray(x, dtype=float)
    return Differences(hypothesis(direction, smallest), "b", x + 1.0, np.ones_like(x), 0, certain)


def test_directed_tests_are_scipys():
    up = p_values(given(X, "higher", 0.1))
    assert up[0] == pytest.approx(stats.ttest_1samp(X, 0.0, alternative="greater").pvalue)
    assert up[1] == pytest.approx(stats.ttest_1samp(X, 0.1, alternative="less").pvalue)
    assert p_values(given(-X, "lower", 0.1)) == pytest.approx(up)
    assert p_values(given(X, "higher"))[1] == pytest.approx(stats.ttest_1samp(X, 0.0, alternative="less").pvalue)


def test_tests_without_a_direction_are_scipys_and_statsmodels():
    equivalence = DescrStatsW(X).ttost_mean(-0.4, 0.4)[0]
    two_sided = stats.ttest_1samp(X, 0.0).pvalue
    assert p_values(given(X, "different", 0.4)) == pytest.approx((two_sided, equivalence))
    beyond = 2 * stats.ttest_1samp(X, 0.1, alternative="greater").pvalue
    assert p_values(given(X, "none", 0.1))[1] == pytest.approx(beyond)
    assert p_values(given(X, "none", 0.4))[0] == pytest.approx(equivalence)
    assert np.isnan(p_values(given(X, "different"))[1])  # nothing can refute it


def test_worlds_that_agree_prove_nothing_unless_by_construction():
    assert np.isnan(p_values(given([0.5] * 5, "higher", 0.1))).all()
    assert p_values(given([0.5] * 5, "higher", 0.1, certain=True)) == (0.0, 1.0)
    assert p_values(given([0.05] * 5, "none", 0.1, certain=True)) == (0.0, 1.0)
    assert np.isnan(p_values(given([0.5], "higher"))).all()


def test_shaffers_correction_by_hand():
    # At most 2 of 4 nulls are true at once: factors 2, 2, 2, 1.
    assert shaffer([0.01, 0.5, 0.02, 0.04], 2) == pytest.approx([0.02, 0.5, 0.04, 0.08])
    assert shaffer([0.4, np.nan, 0.01], 3) == pytest.approx([0.4, np.nan, 0.02], nan_ok=True)  # Holm's, of two


def test_the_nulls_that_can_be_true_at_once():
    assert most_true([hypothesis("higher", 0.1), hypothesis("none", 0.1), hypothesis("different")]) == 3
    assert most_true([hypothesis("higher")]) == 2  # a difference of 0 is the null of both its tests


def test_any_wrong_verdict_is_as_rare_as_alpha_says():
    """Three true nulls at the ends of what they allow, 6 worlds: P(any wrong verdict) at most 5 %.

    The tolerance is 3 standard errors of a share of 5 % in 2,000 studies.
    """
    draws = np.random.default_rng(5).normal(size=(2000, 3, 6))
    wrong = 0
    for study in draws:
        found = [
            p_values(given(study[0], "higher", 1.0))[0],  # the truth is 0: support would be wrong
            p_values(given(study[1] + 1.0, "higher", 1.0))[1],  # the truth is `smallest`: refuting it would be
            p_values(given(study[2] + 1.0, "none", 1.0))[0],  # the truth is `smallest`: support would be wrong
        ]
        wrong += bool((shaffer(found, 3) < 0.05).any())
    assert wrong / 2000 < 0.05 + 3 * np.sqrt(0.05 * 0.95 / 2000)


@pytest.mark.parametrize("worlds", [3, 10, 40])
def test_power_is_statsmodels(worlds):
    one, two = TTestPower(), TTestIndPower()
    for effect in (0.3, 0.8):
        larger = one.power(effect, worlds, 0.02, alternative="larger")
        assert power_of(effect, "higher", 0.02, worlds) == pytest.approx(larger, abs=1e-9)
        both = one.power(effect, worlds, 0.02, alternative="two-sided")
        assert power_of(effect, "different", 0.02, worlds) == pytest.approx(both, abs=1e-9)
        # Their effect is over the spread of one arm, ours over the root of the sum of both arms' variances.
        apart = two.power(effect * np.sqrt(2), worlds, 0.02, 1.0, alternative="larger")
        assert power_of(effect, "higher", 0.02, worlds, paired=False) == pytest.approx(apart, abs=1e-9)


def test_worlds_needed_are_the_fewest_that_do():
    expected = int(np.ceil(TTestPower().solve_power(0.5, None, 0.05, 0.8, alternative="larger")))
    assert worlds_needed(0.5, "higher", 0.05, 0.8) == expected
    assert worlds_needed(100.0, "higher", 0.05, 0.8) == 2
    assert np.isnan(worlds_needed(1e-5, "higher", 0.05, 0.8))


def test_the_power_to_show_equivalence_is_no_more_than_it_is():
    x = np.random.default_rng(6).normal(size=(2000, 12))
    t = x.mean(1) / (x.std(1, ddof=1) / np.sqrt(12))
    room = 1.0 / (x.std(1, ddof=1) / np.sqrt(12))
    shown = np.mean((t - room < -stats.t.isf(0.05, 11)) & (t + room > stats.t.isf(0.05, 11)))
    assert power_of(1.0, "none", 0.05, 12) <= shown + 3 * np.sqrt(shown * (1 - shown) / 2000)
    assert power_of(1.0, "none", 0.05, 12) > 0.8


# ------------------------------------------------------------------ runs


def designed(folder, *hypotheses, **more):
    run = make_run(folder, worlds=8, steps=6)
    info = json.loads((run / "run.json").read_text())
    info["design"] = Design(hypotheses=hypotheses).record()
    (run / "run.json").write_text(json.dumps({**info, **more}))
    return run


def test_verdicts_and_what_the_page_says(tmp_path):
    run = load_run(make_run(tmp_path / "plain", worlds=8, steps=6))
    name = str(run.steps["measure"].iloc[0])
    rows = run.steps[run.steps["measure"] == name].pivot(index="world", columns=["arm", "step"], values="value")
    last = max(step for _, step in rows.columns)
    apart = (rows["mirror"][last] - rows["no-assistant"][last]).to_numpy()
    size = abs(apart.mean())
    made = designed(
        tmp_path / "r",
        hypothesis("none", 50 * size, name="alike", arm="mirror", measure=name),
        hypothesis("higher", name="<b>up</b>", arm="mirror", measure=name),
    )
    frame = verdicts(load_run(made)).set_index("name")
    assert frame.loc["alike", "difference"] == pytest.approx(apart.mean())
    assert frame.loc["alike", "other"] == "no-assistant"
    assert set(frame["verdict"]) <= {SUPPORTED, REFUTED, UNDECIDED}
    page = report(made, tmp_path / "page.html").read_text()
    assert page.index("The hypotheses</h2>") < page.index("The answer</h2>")
    assert f"alike: {frame.loc['alike', 'verdict']}." in page
    assert "&lt;b&gt;up&lt;/b&gt;" in page
    assert "<b>up</b>" not in page
    assert "The hypotheses" not in report(run.path, tmp_path / "plain.html").read_text()


def test_an_unfinished_run_has_no_verdict_and_a_changed_design_is_told(tmp_path):
    one = hypothesis("higher", arm="mirror", measure="measure 0")
    page = report(designed(tmp_path / "a", one, status="interrupted"), tmp_path / "a.html").read_text()
    assert "tested once, when it is" in page
    run = designed(tmp_path / "b", one)
    info = json.loads((run / "run.json").read_text())
    info["design"]["alpha"] = 0.2
    (run / "run.json").write_text(json.dumps(info))
    assert "not the one that the run began with" in report(run, tmp_path / "b.html").read_text()


def test_a_page_is_written_where_a_hypothesis_cannot_be_tested(tmp_path):
    run = designed(tmp_path / "r", hypothesis("higher", arm="mirror", measure="never"))
    assert "The hypotheses cannot be tested here" in report(run, tmp_path / "page.html").read_text()


def test_power_needs_an_effect_and_a_design(tmp_path):
    with pytest.raises(RunError, match="states no `design`"):
        power(load_run(make_run(tmp_path / "plain", worlds=4, steps=3)))
    with pytest.raises(RunError, match="states no `smallest`"):
        power(load_run(designed(tmp_path / "a", hypothesis("higher", arm="mirror", measure="measure 0"))))
    with pytest.raises(RunError, match="was not recorded"):
        verdicts(load_run(designed(tmp_path / "b", hypothesis("higher", arm="mirror", measure="other"))))


def test_the_command_says_how_many_worlds(tmp_path):
    made = designed(tmp_path / "r", hypothesis("higher", 0.5, name="up", arm="mirror", measure="measure 0"))
    found = CliRunner().invoke(app, ["power", str(made), "--json"])
    assert found.exit_code == 0, found.output
    (row,) = json.loads(found.output)["power"]
    expected = worlds_needed(0.5 / row["sd"], "higher", 0.05, 0.8)
    assert row["worlds"] == expected <= row["worlds_safe"]
    assert "worlds per arm" in CliRunner().invoke(app, ["power", str(made)]).output


# ------------------------------------------------------------------ scenarios

SMALL = {"extends": "bayes-lock-in", "worlds": 2, "horizon": 2}


def planned(**one):
    return {**SMALL, "design": {"hypotheses": [{"name": "h", **one}]}}


def test_run_json_keeps_the_design_with_its_hash(tmp_path):
    arm = load(SMALL).cells[-1].arm
    scenario = load(planned(arm=arm, measure="human_error", contrast="start"), ["record.users=0"])
    run = runner.run(scenario, tmp_path / "r")
    recorded = json.loads((run / "run.json").read_text())["design"]
    design, kept = Design.read(recorded)
    assert kept
    assert design == scenario.design
    assert not Design.read({**recorded, "alpha": 0.01})[1]


def test_mistakes_of_a_design_are_told(tmp_path):
    scenario = load("value-lock-in")
    assert scenario.design is None
    base = {"extends": "value-lock-in"}

    def load_with(**one):
        return load({**base, "design": {"hypotheses": [{"name": "h", "measure": "diversity", **one}]}})

    for wrong, said in [
        ({"arm": "lifelog"}, "did you mean 'lifelong'"),
        ({"arm": "lifelong", "measure": "divrsity"}, "diversity"),
        ({"arm": "no-assistant"}, "is the reference itself"),
        ({"arm": "mirror", "contrast": "mirror"}, "cannot be compared with itself"),
        ({"arm": "mirror", "direction": "none"}, "smallest"),
        ({"arm": "mirror", "direction": "up"}, "higher"),
    ]:
        with pytest.raises(ScenarioError, match=said):
            load_with(**wrong)
    swept = {**base, "sweep": {"grid": {"world.noise": [0.01, 0.02]}}}
    with pytest.raises(ScenarioError, match="has 2 cells in the sweep"):
        load({**swept, "design": {"hypotheses": [{"name": "h", "arm": "mirror", "measure": "diversity"}]}})
    with pytest.raises(ValidationError, match="two hypotheses are named"):
        Design(hypotheses=(hypothesis("higher"), hypothesis("higher")))
