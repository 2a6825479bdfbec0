"""Pages of sweeps of many cells: ranges, counts and the largest differences in place of rows, pictures of all cells."""

import base64
import gzip
import io
import re
import time

import numpy as np
import pandas as pd
import pytest
from make_run import make_run
from test_report import Page, answer

from populace.analysis import load_run, report
from populace.analysis.large import contrasts
from populace.analysis.results import LARGE, Results

OUTCOMES = [{"measure": "measure 2", "smallest": 0.2}, {"measure": "measure 0"}]


def swept(folder, first, second=(), worlds=4, **more):
    """A sweep over one key or two; the drift of `on` is the first key times 1 plus the second one."""
    arms, strength = {}, {}
    for k in first:
        for j in second if len(second) else (None,):
            at = {"world.rate": float(k)} | ({} if j is None else {"world.span": float(j)})
            tail = f"[{','.join(f'{key}={value:g}' for key, value in at.items())}]"
            arms[f"off{tail}"] = {"base": "off", "coordinates": at, "reference": None}
            arms[f"on{tail}"] = {"base": "on", "coordinates": at, "reference": f"off{tail}"}
            strength |= {f"off{tail}": 0.0, f"on{tail}": float(k) * (1 + (j or 0.0))}
    return make_run(
        folder,
        worlds,
        6,
        arms=arms,
        strength=strength,
        reference="off",
        outcomes=OUTCOMES,
        tracked=6,
        noise=0.01,
        **more,
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    first, second = np.arange(20) / 20, np.arange(15) / 10
    return swept(tmp_path_factory.mktemp("large") / "run", first, second)


@pytest.fixture(scope="module")
def written(folder):
    began = time.process_time()
    out = report(folder)
    return out, time.process_time() - began


def test_six_hundred_cells_take_seconds_and_little_room(written):
    out, seconds = written
    assert seconds < 40  # 4 to 7 s on one core; the machine may be shared
    assert out.stat().st_size < 4_000_000
    Page(out.read_text(encoding="utf-8"))  # tags close in order


def test_a_large_sweep_answers_first_with_pictures_of_all_cells(written):
    page = written[0].read_text(encoding="utf-8")
    said = answer(page)
    # The largest pull is at the last point: .95 (1 + 1.4), and measure 2 moves by it times 1.5 (1 - exp(-.6)).
    assert "Largest difference: at rate = 0.95, span = 1.4 it is" in said["measure 2"]
    top = page[page.index('id="answer"') : page.index("</section>")]
    assert "measure 2 at the end, on, over world.rate and world.span." in top
    images = re.findall(r'<image [^>]*href="data:image/png;base64,', top)
    assert len(images) == 4  # two arms, two outcomes: one image each, not a tile for every cell
    assert "Lightest: " in top


def test_the_largest_differences_are_listed_and_all_cells_saved(folder, written):
    page = written[0].read_text(encoding="utf-8")
    results = Results(load_run(folder))
    rows = results.asking.contrasts
    rows = rows[rows["measure"] == "measure 2"].set_index("arm")
    largest = rows["difference"].abs().sort_values(ascending=False).index[:20]
    part = page[page.index("the 20 largest differences of 300 cells") : page.index('id="arms"')]
    shown = re.findall(r'<tr><th scope="row">on</th><td class=\'n\'>([\d.]+)</td><td class=\'n\'>([\d.]+)</td>', part)
    expected = [arm[arm.index("[") + 1 : -1].split(",") for arm in largest]
    assert shown[:20] == [tuple(value.partition("=")[2] for value in pair) for pair in expected]
    assert len(shown) == 40
    links = dict(re.findall(r'download="([^"]+)" href="data:[^;]+;base64,([^"]+)"', page))
    name = next(name for name in links if name.startswith("toy-answer-differences"))
    data = base64.b64decode(links[name])
    saved = pd.read_csv(io.BytesIO(gzip.decompress(data) if name.endswith(".gz") else data))
    assert len(saved) == 600
    own = saved[saved["measure"] == "measure 2"].set_index("arm")["difference"]
    np.testing.assert_allclose(own, rows["difference"].loc[own.index], rtol=1e-8)


def test_contrasts_are_counted_over_the_sweep(folder, written):
    results = Results(load_run(folder))
    frame = results.contrasts
    rows = frame[(frame["measure"] == "measure 2") & (frame["kind"] == "recorded")]
    higher = int(((rows["p_holm"] < 0.05) & (rows["difference"] > 0)).sum())
    table = contrasts(results)
    assert f"<td>on</td><td class='n'>{higher:,}</td>" in table[table.index(">measure 2<") :]
    assert 0 < higher < 300
    assert table.count("<tr") < 30


def test_a_worlds_own_section_speaks_of_some_points_with_their_references(folder):
    run = load_run(folder)
    some = Results(run).excerpt
    assert 4 <= len(some.info["arms"]) <= 20
    assert {other for _, other in some.contrasts} <= set(some.info["arms"])
    assert len(some.contrasts) == len(some.info["arms"]) // 2
    assert some.whole is run
    assert set(some.steps["arm"].unique()) == set(some.info["arms"])
    own = run.steps[run.steps["arm"].isin(list(some.info["arms"]))]
    np.testing.assert_array_equal(some.steps["value"], own["value"])


def test_one_key_makes_curves(tmp_path):
    page = report(swept(tmp_path / "run", np.arange(300) / 300, worlds=2)).read_text(encoding="utf-8")
    assert "measure 2 at the end against world.rate, one line per arm." in page
    assert "60 more points lie between those drawn; they are in the file." in page
    assert len(page) < 4_000_000


def test_up_to_forty_cells_every_cell_has_a_row(tmp_path):
    folder = swept(tmp_path / "run", np.arange(LARGE // 2) / 20, worlds=2)
    page = report(folder).read_text(encoding="utf-8")
    assert not Results(load_run(folder)).large
    assert page.count("minus <") or page.count("<small>minus ") == LARGE // 2
    table = page[page.index("<caption>Means over worlds at the end") : page.index('id="arms"')]
    assert table.count('<th scope="row">') == LARGE
