"""What a report of the coevolution world says about lock-in, on runs whose losses are known."""

import math
import re

import numpy as np
import pandas as pd
import pytest
from make_run import make_run

from populace.analysis import load_run, report
from populace.analysis.results import Results
from populace.envs.coevolution.measures import declared
from populace.envs.coevolution.options import CoevolutionOptions
from populace.envs.coevolution.report import lock_in

PROTOCOLS = ("follow", "predict", "coevolve")
DECLARED = {m.name: m for protocol in PROTOCOLS for m in declared(CoevolutionOptions(protocol=protocol))}
WORLDS, STEPS = 8, 40
FOLLOWS = {"no-assistant": 1.0, "held": 0.75, "stopped": 0.0}
"""Arm -> the share of the reference's movement that society makes."""
NOISE = 0.002
"""Where worlds are to differ a little: what is the same in all of them has no interval."""
DIVERSITY = {"no-assistant": 1.0, "held": 1.0, "stopped": 0.4}


def folder_of(path, *, still=False, noise=0.0, arms=FOLLOWS, **more):
    """A run whose society goes a known share of the reference's way, in every world alike but for `noise`."""
    about = {name: {"base": name, "coordinates": {}, "reference": None} for name in arms}
    folder = make_run(
        path,
        WORLDS,
        STEPS,
        arms=about,
        strength=FOLLOWS,
        noise=noise,
        world="populace/coevolution-v0",
        about_measures={name: measure.plain() for name, measure in DECLARED.items()},
        **more,
    )
    rng = np.random.default_rng(3)
    noise_of, own_noise = rng.normal(1.0, 0.1, WORLDS), noise * rng.normal(0.0, 1.0, (len(arms), WORLDS))
    rows = []
    for k, arm in enumerate(arms):
        for world in range(WORLDS):
            for step in range(0, STEPS + 1, 5):
                drift = FOLLOWS[arm] * step * 0.01
                error = drift if still else abs(step * 0.011 - drift)
                own = 1.0 + (DIVERSITY[arm] * noise_of[world] + own_noise[k, world] - 1.0) * (step / STEPS)
                found = {"history_error": error, "drift": drift, "diversity": own, "pg_coevolve": 0.97}
                rows += [(arm, world, step, name, value) for name, value in found.items()]
    frame = pd.DataFrame(rows, columns=["arm", "world", "step", "measure", "value"]).assign(role="", player="")
    frame.to_parquet(folder / "steps.parquet", index=False)
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return folder_of(tmp_path_factory.mktemp("runs") / "run")


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    return report(folder_of(tmp_path_factory.mktemp("runs") / "noisy", noise=NOISE)).read_text(encoding="utf-8")


def losses(page, words):
    """Arm -> the share, in per cent, that a line at the top of the page gives; each with an interval."""
    line = re.search(rf"<b>{words} \([^)]*\):</b> (.*?)\.</p>", page)
    assert line is not None
    return {arm: float(size) for arm, size in re.findall(r"([\w-]+) \(([\d.]+) \[[\d.]+, [\d.]+\]&nbsp;%\)", line[1])}


def test_losses_are_those_that_were_built_in(folder):
    held, stopped = lock_in(Results(load_run(folder)))
    assert (held.arm, held.other, held.step) == ("held", "no-assistant", STEPS)
    assert held.history.mean == pytest.approx(0.25)
    assert stopped.history.mean == pytest.approx(1.0)
    # 0.011 · 40 - 0.75 · 0.4 = 0.14, less the reference's own 0.04.
    assert held.further.mean == pytest.approx(0.10)
    assert held.alike.mean == pytest.approx(0.0)
    assert stopped.alike.mean == pytest.approx(0.6)
    # A line at constant speed is within 5 % of its end for the last 5 % only; what never moved is at rest from 0.
    assert held.rest.mean == 0.0
    assert stopped.rest.mean == 1.0
    assert (stopped.when == 0).all()


def test_intervals_hold_the_truth_where_worlds_differ(tmp_path):
    held, _ = lock_in(Results(load_run(folder_of(tmp_path / "run", noise=0.02))))
    assert held.history.low < 0.25 < held.history.high
    # Both ends jitter by 0.02 on each of three values; the way is 40 · |rate| = 0.68 long.
    assert 0 < held.history.high - held.history.low < 0.2


def test_the_answer_stands_first_and_in_words(page):
    section = page[page.index('id="answer"') : page.index("How to read this page</h2>")]
    assert losses(section, "Held back from history") == {
        "held": pytest.approx(25, abs=1),
        "stopped": pytest.approx(100, abs=1),
    }
    assert losses(section, "Made people more alike") == {"stopped": pytest.approx(60, abs=1)}
    assert "people did not clearly become more or less alike" in section


def test_what_is_the_same_in_all_worlds_is_told_as_such(folder):
    page = report(folder).read_text(encoding="utf-8")
    section = page[page.index('id="answer"') : page.index("How to read this page</h2>")]
    assert losses(section, "Held back from history") == {}
    assert "<b>Cannot be distinguished from chance, as all worlds agree:</b> held, stopped." in section
    assert "at rest from step (median)" in section
    assert "in the strictest sense did not happen" not in section
    assert "<b>100&nbsp;% was lost</b>, the same in all worlds, perhaps by chance" in section


def test_where_no_world_came_to_rest_it_is_said(tmp_path):
    page = report(folder_of(tmp_path / "run", arms=("no-assistant", "held"))).read_text(encoding="utf-8")
    assert "in the strictest sense did not happen" in page
    assert "at rest from step (median)" not in page


def test_history_that_stands_still_cannot_be_lost(tmp_path):
    folder = folder_of(tmp_path / "run", still=True, noise=NOISE)
    held, _ = lock_in(Results(load_run(folder)))
    assert math.isnan(held.history.mean)
    page = report(folder).read_text(encoding="utf-8")
    assert "Held back from history" not in page
    assert "of the movement that history gave" not in page
    assert "History's movement is not known in this run" in page
    assert losses(page, "Made people more alike") == {"stopped": pytest.approx(60, abs=1)}


def test_without_a_reference_or_moments_the_page_still_stands(tmp_path):
    folder = folder_of(tmp_path / "run", reference=None)
    assert "Were values locked in?" not in report(folder).read_text(encoding="utf-8")
    other = folder_of(tmp_path / "other", noise=NOISE)
    (other / "groups.parquet").unlink()
    page = report(other).read_text(encoding="utf-8")
    assert losses(page, "Made people more alike") == {"stopped": pytest.approx(60, abs=1)}


def test_every_measure_has_its_line_on_the_page(page):
    meaning = page[page.index('id="meaning"') :]
    meaning = meaning[: meaning.index("</section>")]
    for name in ("history_error", "drift", "diversity", "pg_coevolve"):
        assert f'<th scope="row">{name.replace("_", " ")}</th>' in meaning
    assert re.search(r'<abbr title="distance[^"]*from where it started">drift</abbr>', page)


def test_lines_cover_all_that_the_world_measures():
    from pathlib import Path

    text = (Path(__file__).resolve().parents[2] / "docs" / "worlds" / "coevolution.md").read_text(encoding="utf-8")
    table = text[text.index("## Measures") : text.index("## Assistants")]
    named = {name for row in re.findall(r"^\| (`.*?) \|", table, flags=re.M) for name in re.findall(r"`(\w+)`", row)}
    assert named == set(DECLARED)


def test_people_who_never_differed_have_no_diversity_to_lose(tmp_path):
    folder = folder_of(tmp_path / "run", noise=NOISE)
    frame = pd.read_parquet(folder / "steps.parquet")
    frame.loc[frame["measure"] == "diversity", "value"] = np.nan
    frame.to_parquet(folder / "steps.parquet", index=False)
    page = report(folder).read_text(encoding="utf-8")
    assert set(losses(page, "Held back from history")) == {"held", "stopped"}
    assert "Made people more alike" not in page
