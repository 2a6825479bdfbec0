"""The library's scenarios of games, run small, and what their report says."""

import re

import pytest

import populace
from populace.analysis import report
from populace.envs.payoff.report import halves, sections

SMALL = ("worlds=8", "population.size=60")


def run(name, folder, *sets):
    return populace.simulate(name, folder / name, sets=[*SMALL, *sets])


def test_gtalign_shows_that_its_objective_pays_for_compliance_and_what_mends_it(tmp_path):
    data = run("gtalign", tmp_path)
    means = halves(data)
    unsafe = {arm: means[arm, "unsafe"].mean for arm in data.info["arms"]}
    # As in the logs, objectives with the user in them comply with harmful requests, the assistant's own does not.
    assert unsafe["cobb-douglas"] == unsafe["user-only"] == 1.0
    assert unsafe["assistant-only"] == 0.0
    assert unsafe["user-and-others"] == unsafe["user-within-bounds"] == unsafe["safe-alternative"] == 0.0
    # Mutual welfare does not tell: the unsafe optimum is at least as good for the two as the safe one.
    mutual = {arm: means[arm, "mutual_welfare"].mean for arm in data.info["arms"]}
    assert mutual["cobb-douglas"] > mutual["user-within-bounds"]
    welfare = {arm: [means[arm, f"{who}_welfare"].mean for who in ("user", "assistant")] for arm in data.info["arms"]}
    assert max(welfare, key=lambda arm: welfare[arm][1]) == "assistant-only"
    assert max((a for a in welfare if unsafe[a] == 1.0), key=lambda arm: welfare[arm][0]) == "user-only"
    # Direction of the logs at step 60 (U, L, words; n 298): the one-sided objectives are the ends of all three.
    logs = {
        "user-only": (0.727, 0.559, 279),
        "cobb-douglas": (0.609, 0.662, 673),
        "linear": (0.583, 0.704, 646),
        "assistant-only": (0.395, 0.844, 887),
    }
    ours = {arm: tuple(means[arm, m].mean for m in ("user_welfare", "assistant_welfare", "words")) for arm in logs}
    for k in range(3):
        for end in (min, max):
            assert end(logs, key=lambda arm: logs[arm][k]) == end(ours, key=lambda arm: ours[arm][k])
    caution = "Compare the direction of differences with the published ones, not their size"
    assert caution in next(s for s in sections(data) if s.title.startswith("User")).text
    # By hand: of the example's six cells all differ and two by more than 10 %: 6/12 + 2/12.
    assert means["collapsed", "bonus"].mean == pytest.approx(8 / 12)
    assert means["collapsed", "stated_copied"].mean == 1.0
    page = report(data.path).read_text()
    for heading in ("User&#39;s against assistant&#39;s welfare", "Others&#39; harm", "What stated games are worth"):
        assert heading in page or heading.replace("&#39;", "'") in page
    # Wide tables scroll in their card; pictures take its whole width.
    for section in sections(data):
        assert section.html.count("<table") == section.html.count("<div class='scroll'><table")
        assert "class='grid'" not in section.html
    table = next(s.html for s in sections(data) if s.title.startswith("Others"))
    assert re.search(r"cobb-douglas</th><td>1\.00", table)


def test_pricing_switch_re_solves_and_reports_the_shift_beside(tmp_path):
    data = run("pricing-switch", tmp_path)
    steps = data.steps.groupby(["arm", "measure", "step"], observed=True)["value"].mean()
    # Under the fee one bill a conversation; after the switch words cost 1.5 a thousand, and the optimiser saves them.
    before, after = (steps["user-only", "words", step] for step in (10, 20))
    assert before > 200 > 60 > after
    assert steps["re-solved", "bill", 20] < steps["usual-lengths", "bill", 20] / 5
    means = halves(data)
    for arm in data.info["arms"]:
        assert means[arm, "optimum_welfare"].mean >= means[arm, "shift_welfare"].mean
    assert means["re-solved", "worst_type_welfare"].mean > means["published-rule", "worst_type_welfare"].mean
    assert any(section.title == "Prices" for section in sections(data))


def test_the_dial_scenario_reports_the_share_of_each_class(tmp_path):
    data = run("conflict-dial", tmp_path, "population.size=30")
    means = halves(data)
    share = {c: means[f"selfish[world.conflict={c}]", "games_dilemma"].mean for c in (0.0, 0.3, 0.9)}
    assert share[0.0] == 0.0
    assert share[0.3] < 0.05 < 0.5 < share[0.9]
    assert means["selfish[world.conflict=0.0]", "games_harmony"].mean == 1.0
    assert means["selfish[world.conflict=0.3]", "games_stag_hunt"].mean > 0.5
    assert any(section.title == "Which games are played" for section in sections(data))


def test_prisoners_dilemma_ends_in_a_report_of_play(tmp_path):
    data = run("prisoners-dilemma", tmp_path)
    assert not any("direction of differences" in section.text for section in sections(data))
    means = halves(data)
    assert means["tit-for-tat", "payoff"].mean == 3.0
    assert means["best-response", "payoff"].mean == 1.0
    assert means["best-response", "exploitability"].mean == 0.0
    assert any(section.title == "Play" for section in sections(data))
