"""The culture world's part of the report."""

import re

import pytest

from populace.analysis import load_run, report
from populace.analysis.sections import sections_of
from populace.scenarios import load, runner


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    sets = ["worlds=3", "horizon=4", "record.every=2", "population.size=28"]
    return load_run(runner.run(load("worldview", sets), tmp_path_factory.mktemp("runs") / "views"))


def test_perspectives_entropy_and_map_are_shown(run):
    titles = [section.title for section in sections_of(run)]
    assert titles == ["Whose perspectives", "Entropy, alignment and diversity", "Cultural map"]
    shares, beside, chart = (section.html for section in sections_of(run))
    uniplex = re.search(r"<th>uniplex</th>(.*?)</tr>", shares)[1]
    cells = re.findall(r"<td[^>]*>(.*?)</td>", uniplex)
    steps = run.steps
    end = steps[(steps["arm"] == "uniplex") & (steps["step"] == 4)].groupby("measure", observed=True)["value"].mean()
    assert float(cells[0].split()[0]) == pytest.approx(end["entropy_pooled"], abs=5e-3)
    assert float(cells[2]) == pytest.approx(end["perspective/english-speaking"], abs=5e-4)
    assert len(re.findall(r'<svg [^>]*role="img"', beside)) == 8
    assert len(re.findall(r'<svg [^>]*role="img"', chart)) == 6


def test_what_audits_need_is_no_outcome(run, tmp_path):
    assert "audit/agent" in "".join(run.steps["measure"].cat.categories)
    assert (
        "audit/"
        not in report(run.path, tmp_path / "r.html").read_text(encoding="utf-8").split("Methods and provenance")[0]
    )
