"""`populace figure`: fonts in the file, the width of a column, the numbers of the frames, and no run data lost."""

import re
import struct
import zlib

import numpy as np
import pandas as pd
import pytest
from make_run import make_run
from test_pairing import cells
from test_versus import cli

from populace.analysis import load_run, paper
from populace.analysis.stats import estimate
from populace.errors import PopulaceError

MM = 72 / 25.4
"""Points a millimetre."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("paper") / "run", worlds=6, steps=20, tracked=0)


def inside(pdf):
    """A PDF's text, streams unpacked."""
    raw = pdf.read_bytes()
    streams = re.findall(rb"stream\r?\n(.*?)endstream", raw, re.S)
    unpacked = []
    for stream in streams:
        try:
            unpacked.append(zlib.decompress(stream))
        except zlib.error:
            unpacked.append(stream)
    return raw + b"".join(unpacked)


def test_a_pdf_has_its_fonts_and_the_width_of_a_column(folder, tmp_path):
    for width, size in (("column", 89), ("page", 183)):
        out = tmp_path / f"{width}.pdf"
        done = cli("figure", folder, "--measure", "measure 1", "--out", out, "--width", width)
        assert done.exit_code == 0, done.exception
        text = inside(out)
        assert b"/FontFile2" in text  # a TrueType font, embedded
        assert b"/Type3" not in text  # which many publishers refuse
        box = re.search(rb"/MediaBox \[ 0 0 ([\d.]+) ([\d.]+) \]", text)
        assert float(box[1]) == pytest.approx(size * MM, abs=0.01)


def test_an_svg_needs_no_font_and_a_png_has_600_dots_an_inch(folder, tmp_path):
    assert cli("figure", folder, "--measure", "value/care", "--out", tmp_path / "f.svg").exit_code == 0
    svg = (tmp_path / "f.svg").read_text()
    assert "<text" not in svg  # letters are outlines
    assert cli("figure", folder, "--measure", "care", "--out", tmp_path / "f.png").exit_code == 0
    head = (tmp_path / "f.png").read_bytes()[:24]
    assert struct.unpack(">I", head[16:20])[0] == pytest.approx(89 / 25.4 * 600, abs=1)


@pytest.mark.parametrize("ending", ["pdf", "svg", "png"])
def test_the_same_run_gives_the_same_bytes(folder, tmp_path, ending):
    for name in ("a", "b"):
        cli("figure", folder, "--measure", "measure 0", "--out", tmp_path / f"{name}.{ending}")
    assert (tmp_path / f"a.{ending}").read_bytes() == (tmp_path / f"b.{ending}").read_bytes()


def drawn(run, monkeypatch, tmp_path, measure, **more):
    """The axes that are written."""
    kept = []
    monkeypatch.setattr(paper, "_bytes", lambda fig, ending: kept.append(fig) or b"%PDF-1")
    result = paper.write_figure(run, tmp_path / "f.pdf", measure, **more)
    return kept[0].axes[0], result


def test_the_lines_are_means_and_the_bands_intervals_over_worlds(folder, tmp_path, monkeypatch):
    run = load_run(folder)
    axes, _ = drawn(run, monkeypatch, tmp_path, "measure 2")
    assert [line.get_label() for line in axes.lines] == ["no-assistant", "mirror"]
    for line, band in zip(axes.lines, axes.collections, strict=True):
        rows = run.steps[(run.steps["measure"] == "measure 2") & (run.steps["arm"] == line.get_label())]
        expected = rows.groupby("step")["value"].mean()
        np.testing.assert_allclose(line.get_ydata(), expected)
        last = estimate(rows.loc[rows["step"] == 20, "value"].to_numpy())
        edge = [y for x, y in band.get_paths()[0].vertices if x == 20]
        assert (min(edge), max(edge)) == pytest.approx((last.low, last.high))
    one, _ = drawn(run, monkeypatch, tmp_path, "measure 2", arms=["mirror"])
    assert len(one.lines) == 1


def test_a_sweep_is_drawn_over_its_key_with_arms_of_a_base_name(tmp_path, monkeypatch):
    points = [{"w.x": x, "w.y": y} for x in (1, 2, 3) for y in ("low", "high")]
    arms = cells("honest", points) | cells("sly", points)
    run = load_run(make_run(tmp_path / "run", worlds=4, steps=3, tracked=0, arms=arms))
    axes, _ = drawn(run, monkeypatch, tmp_path, "measure 0", arms=["honest"], over="w.x")
    assert [line.get_label() for line in axes.lines] == ["honest, y=low", "honest, y=high"]
    assert list(axes.lines[0].get_xdata()) == [1, 2, 3]
    assert axes.get_xlabel() == "w.x"
    words, _ = drawn(run, monkeypatch, tmp_path, "measure 0", arms=["honest"], over="w.y")
    assert [tick.get_text() for tick in words.get_xticklabels()] == ["low", "high"]
    with pytest.raises(PopulaceError, match=r"12 lines|swept key"):
        paper.write_figure(run, tmp_path / "g.pdf", "measure 0", over="w.z")


def test_too_many_lines_are_refused_and_not_dropped(tmp_path):
    arms = cells("honest", [{"w.x": x} for x in range(13)])
    run = make_run(tmp_path / "run", worlds=2, steps=2, tracked=0, arms=arms)
    done = cli("figure", run, "--measure", "measure 0", "--out", tmp_path / "f.pdf")
    assert "13 lines are more than the 12" in str(done.exception)
    assert "swept key (w.x)" in str(done.exception)
    assert not (tmp_path / "f.pdf").exists()


def test_what_is_undefined_is_told_and_not_drawn(tmp_path):
    folder = make_run(tmp_path / "run", worlds=3, steps=4, tracked=0)
    steps = pd.read_parquet(folder / "steps.parquet")
    steps.loc[(steps["arm"] == "mirror") & (steps["measure"] == "measure 0"), "value"] = np.nan
    steps.to_parquet(folder / "steps.parquet")
    done = cli("figure", folder, "--measure", "measure 0", "--out", tmp_path / "f.svg")
    assert "undefined in every world, so not drawn: mirror" in done.stderr
    done = cli("figure", folder, "--measure", "measure 0", "--arm", "mirror", "--out", tmp_path / "g.svg")
    assert "undefined in every world of these arms" in str(done.exception)


def test_a_measure_of_seats_needs_its_role_where_several_have_it(tmp_path):
    folder = make_run(tmp_path / "run", worlds=3, steps=4, tracked=0)
    steps = pd.read_parquet(folder / "steps.parquet")
    for k, role in enumerate(("user", "assistant")):
        which = steps["measure"] == f"measure {k}"
        steps["role"] = steps["role"].astype(str).where(~which, role)
        steps["measure"] = steps["measure"].astype(str).where(~which, "reward")
    steps.to_parquet(folder / "steps.parquet")
    done = cli("figure", folder, "--measure", "reward", "--out", tmp_path / "f.svg")
    assert "name the role: assistant or user" in str(done.exception)
    assert cli("figure", folder, "--measure", "reward", "--role", "user", "--out", tmp_path / "f.svg").exit_code == 0
    assert cli("figure", folder, "--measure", "user/reward", "--out", tmp_path / "g.svg").exit_code == 0
    assert (tmp_path / "f.svg").read_bytes() == (tmp_path / "g.svg").read_bytes()
    assert "did you mean 'assistant'" in str(
        cli("figure", folder, "--measure", "reward", "--role", "asistant", "--out", tmp_path / "f.svg").exception
    )


def test_names_that_are_not_there_and_files_that_are_no_figures_are_refused(folder, tmp_path):
    assert "did you mean 'measure 0'" in str(
        cli("figure", folder, "--measure", "measure0", "--out", tmp_path / "f.pdf").exception
    )
    run = tmp_path / "run"
    make_run(run, worlds=2, steps=2, tracked=0)
    (run / "steps.svg").write_bytes((run / "steps.parquet").read_bytes())
    (tmp_path / "link.pdf").symlink_to(run / "run.json")
    before = {path: path.read_bytes() for path in run.iterdir()}
    for name in ("run/steps.parquet", "run/run.json", "run/scenario.yaml", "run/steps.svg", "link.pdf", "f.gif"):
        done = cli("figure", run, "--measure", "measure 0", "--out", tmp_path / name)
        assert isinstance(done.exception, PopulaceError), name
    assert {path: path.read_bytes() for path in run.iterdir()} == before


def test_one_world_has_lines_without_bands_and_says_so(tmp_path):
    folder = make_run(tmp_path / "run", worlds=1, steps=4, tracked=0)
    done = cli("figure", folder, "--measure", "measure 0", "--out", tmp_path / "f.svg")
    assert "note: one world: no interval" in done.stderr


def test_a_measure_recorded_once_is_dots_with_their_intervals(tmp_path, monkeypatch):
    folder = make_run(tmp_path / "run", worlds=5, steps=4, tracked=0)
    steps = pd.read_parquet(folder / "steps.parquet")
    steps[(steps["measure"] != "measure 0") | (steps["step"] == 4)].to_parquet(folder / "steps.parquet")
    axes, _ = drawn(load_run(folder), monkeypatch, tmp_path, "measure 0")
    assert [tick.get_text() for tick in axes.get_xticklabels()] == ["no-assistant", "mirror"]
