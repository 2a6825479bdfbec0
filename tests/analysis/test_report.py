import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest
from make_run import make_run

from populace.analysis import Section, compare, load_run, report, style
from populace.errors import RunError
from populace.manifest import Manifest
from populace.registry import manifests

CHROMIUM = next(
    (found for name in ("chromium", "chromium-browser", "google-chrome") if (found := shutil.which(name))), None
)
VOID = {"meta", "link", "br", "hr", "img", "input", "path", "line", "circle", "use"}


class Page(HTMLParser):
    """Counts tags, keeps ids and resources, and checks that tags close in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open, self.ids, self.tags, self.links = [], [], [], []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        given = dict(attrs)
        self.tags.append((tag, given))
        self.ids += [given["id"]] if "id" in given else []
        self.links += [given[key] for key in ("src", "href", "xlink:href", "srcset", "data") if key in given]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self.open.pop()

    def handle_endtag(self, tag):
        if tag not in VOID:
            assert self.open.pop() == tag

    def count(self, tag):
        return sum(name == tag for name, _ in self.tags)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return make_run(tmp_path_factory.mktemp("runs") / "run", worlds=10, steps=20)


@pytest.fixture(scope="module")
def page(folder):
    return report(folder).read_text(encoding="utf-8")


def test_the_page_needs_nothing_from_outside(page):
    parsed = Page(page)
    assert all(link.startswith(("#", "data:")) for link in parsed.links)
    assert "http://" not in page
    assert "https://" not in page
    assert "@import" not in page
    assert parsed.count("script") == 0
    assert not re.search(r"url\((?!#)", page)


def test_ids_are_unique_and_links_lead_somewhere(page):
    parsed = Page(page)
    assert len(parsed.ids) == len(set(parsed.ids))
    assert {link[1:] for link in parsed.links if link.startswith("#")} <= set(parsed.ids)


def test_every_picture_is_described_and_follows_light_and_dark(page):
    pictures = [given for tag, given in Page(page).tags if tag == "svg" and given.get("class") != "key"]
    assert len(pictures) > 10
    assert all(given["role"] == "img" and given["aria-label"] for given in pictures)
    assert "prefers-color-scheme: dark" in page
    for token in (style.INK, style.MUTED, *style.PALETTE[:2]):
        assert token not in page.split("</style>")[1], "a fixed colour would not follow the page"


def test_the_page_says_what_was_run_and_what_came_out(page):
    for words in (
        "toy",
        "Two segments under a mirroring assistant.",
        "populace/toy-v0",
        "invented for tests",
        "name: toy",
    ):
        assert words in page
    assert "Incomplete" not in page
    said = answer(page)
    # Measure 2 rises by 1.5 (1 - exp(-2)) = 1.297, with a standard error of 0.05 sqrt(2 / 10) = 0.022.
    found = re.search(
        r"mirror <b>[\d.]+</b> instead of \S+, by <b>\+([\d.]+) \[([\d.]+), ([\d.]+)\]</b>", said["measure 2"]
    )
    assert found is not None
    mean, low, high = map(float, found.groups())
    assert mean == pytest.approx(1.5 * (1 - np.exp(-2)), abs=3.5 * 0.022)
    assert low < mean < high
    assert "Higher than no-assistant" in said["measure 2"]


def answer(page):
    """Outcome -> its sentences at the top of a page."""
    top = page[page.index('id="answer"') : page.index("</section>")]
    points = re.findall(
        r"<li><b class='name'>(.*?)</b>(.*?)(?=<li><b class|$)", top[: top.index("<figure>")], flags=re.S
    )
    return dict(points)


def test_the_page_is_the_same_in_another_process(folder, page, tmp_path):
    code = f"from populace.analysis import report; report({str(folder)!r}, {str(tmp_path / 'again.html')!r})"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code], check=True, env=environment)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_an_incomplete_run_has_a_banner(tmp_path):
    cut = make_run(tmp_path / "cut", worlds=3, steps=10, parts=True, upto=7, status="interrupted")
    page = report(cut, tmp_path / "out.html").read_text(encoding="utf-8")
    assert "<b>Incomplete.</b>" in page
    assert "7 of 10" in page
    assert not (cut / "report.html").exists()


def test_one_world_gets_no_interval(tmp_path):
    page = report(make_run(tmp_path / "one", worlds=1, steps=4)).read_text(encoding="utf-8")
    assert "With one world there is no interval, and the difference may be chance" in page
    ends = page[page.index('id="end"') : page.index('id="time"')]
    assert not re.search(r"\d \[", ends)


def test_a_run_that_recorded_little_still_has_a_page(tmp_path):
    begun = make_run(tmp_path / "begun", worlds=2, steps=2, status="running")
    for table in ("steps", "users", "groups"):
        (begun / f"{table}.parquet").unlink()
    assert "Nothing recorded yet" in report(begun).read_text(encoding="utf-8")
    plain = make_run(tmp_path / "plain", worlds=2, steps=2, tracked=0, values=[], segments=["everyone"])
    (plain / "groups.parquet").unlink()
    page = report(plain).read_text(encoding="utf-8")
    assert 'id="contrasts"' in page
    assert 'id="drift"' not in page


def test_words_of_the_run_are_escaped(tmp_path):
    name = "<script>alert(1)</script>"
    arms = {n: {"base": n, "coordinates": {}, "reference": None if n == "off" else "off"} for n in ("off", "<b>on")}
    folder = make_run(tmp_path / "run", worlds=2, steps=3, arms=arms, reference="off", name=name)
    text = report(folder).read_text(encoding="utf-8")
    assert Page(text).count("script") == 0
    assert "<b>on" not in text


def test_sweeps_are_drawn_against_their_key(tmp_path):
    arms = {"off": {"base": "off", "coordinates": {}, "reference": None}}
    for k in (0, 1, 2):
        for graph in ("ring", "none"):
            arms[f"on[k={k},graph={graph}]"] = {
                "base": "on",
                "coordinates": {"k": k, "graph": graph},
                "reference": "off",
            }
    folder = make_run(tmp_path / "run", worlds=3, steps=4, arms=arms, strength={"off": 0.0}, reference="off")
    page = report(folder).read_text(encoding="utf-8")
    top = page[page.index('id="answer"') : page.index("</section>")]
    labels = re.findall(r'<svg [^>]*aria-label="([^"]*)"', top)
    # Two keys make a heat map of each outcome, with the swept values on its axes and in words.
    assert "measure 0 at the end, on, over k and graph." in labels
    assert "k = 2, graph = " in top
    assert {"0", "1", "2", "ring", "none"} <= set(re.findall(r"<text[^>]*>([^<]*)</text>", top))


def test_worlds_add_sections_of_their_own(tmp_path, monkeypatch):
    toy = Manifest(id="populace/toy-v0", world="nowhere:Toy", report=f"{__name__}:toy_sections")
    monkeypatch.setitem(manifests._added, toy.id, toy)
    monkeypatch.setitem(sys.modules, __name__, sys.modules.get(__name__) or sys.modules["test_report"])
    page = report(make_run(tmp_path / "run", worlds=2, steps=2)).read_text(encoding="utf-8")
    assert "<h2>Own section</h2>" in page
    assert "<p>12 rows</p>" in page


def toy_sections(run):
    return [Section("Own section", f"<p>{run.steps['world'].nunique() * 6} rows</p>", "About rows.")]


def test_a_thousand_worlds_take_seconds(tmp_path):
    folder = make_run(tmp_path / "big", worlds=1000, steps=100, measures=10, tracked=10)
    began = time.perf_counter()
    out = report(folder)
    assert time.perf_counter() - began < 30  # about 4 s alone on one core; the machine may be shared
    assert out.stat().st_size < 2_000_000


def test_an_unwritable_target_is_said_in_words(folder, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match="cannot be written"):
        report(folder, tmp_path / "file" / "report.html")


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ((0.31234, 0.30, 0.325), "0.312 [0.300, 0.325]"),
        ((-1234.5, -1300.0, -1169.0), "\N{MINUS SIGN}1,234 [\N{MINUS SIGN}1,300, \N{MINUS SIGN}1,169]"),
        ((0.5, np.nan, np.nan), "0.500"),
        ((3.2e-7, 3.0e-7, 3.4e-7), "3.20e\N{MINUS SIGN}07 [3.00e\N{MINUS SIGN}07, 3.40e\N{MINUS SIGN}07]"),
        ((0.0, 0.0, 0.0), "0.00 [0.00, 0.00]"),
        ((0.4 / 3, 0.13333, 0.13334), "0.1333 [0.1333, 0.1333]"),
    ],
)
def test_numbers_show_as_many_digits_as_their_interval_allows(given, expected):
    assert style.with_interval(*given) == expected


@pytest.mark.skipif(CHROMIUM is None, reason="no Chromium on this machine")
@pytest.mark.parametrize("scheme", ["0", "1"])
def test_a_browser_draws_it_without_errors_or_network(folder, page, tmp_path, scheme):
    path = tmp_path / "report.html"
    path.write_text(page, encoding="utf-8")
    flags = "--headless --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    flags += "--disable-component-update --disable-sync --enable-logging=stderr --window-size=400,2000 --dump-dom "
    flags += f"--blink-settings=preferredColorScheme={scheme} --user-data-dir={tmp_path / 'profile'}"
    offline = "--host-resolver-rules=MAP * ~NOTFOUND"
    assert CHROMIUM is not None
    command = [CHROMIUM, *flags.split(), offline, path.as_uri()]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.count("<svg") == page.count("<svg") > 10
    assert "CONSOLE" not in done.stderr


def test_one_name_for_one_thing(page):
    assert 'title="distance of all users&#x27; mean values' in page[page.index('id="contrasts"') :]
    meaning = page[page.index('id="meaning"') : page.index('id="courses"')]
    names = re.findall(r'<th scope="row">(.*?)</th>', meaning)
    assert len(names) == len(set(names)) > 4


def test_a_world_explains_its_measures_through_run_json(tmp_path):
    about = {"measure 1": {"about": 'A line with "<b>" in it.'}}
    folder = make_run(tmp_path / "run", worlds=3, steps=3, measures=2, about_measures=about)
    page = report(folder).read_text(encoding="utf-8")
    assert '<abbr title="A line with &quot;&lt;b&gt;&quot; in it.">measure 1</abbr>' in page
    meaning = page[page.index('id="meaning"') : page.index('id="drift"')]
    assert "<td class='words'>A line with &quot;&lt;b&gt;&quot; in it.</td>" in meaning
    assert re.search(r"measure 0</th><td class='words'>Not declared by its world", meaning)


def test_intervals_hidden_by_their_lines_are_told(tmp_path):
    note = "The intervals are narrower than the lines (at most ±"
    wide = report(make_run(tmp_path / "wide", worlds=3, steps=8, noise=1.0, measures=1)).read_text(encoding="utf-8")
    fine = report(make_run(tmp_path / "fine", worlds=9, steps=8, noise=1e-4, measures=1)).read_text(encoding="utf-8")
    # Against the reference, the noise of 0.0001 is all there is to differ by, beside a move of 0.1.
    against = [text[text.index("Against the reference") : text.index('id="map"')] for text in (wide, fine)]
    assert note not in against[0]
    assert note in against[1]


def test_names_in_any_script_are_drawn_without_a_warning(tmp_path):
    folder = make_run(tmp_path / "run", worlds=2, steps=3)
    for name in ("run.json", "groups", "users"):
        if name == "run.json":
            (folder / name).write_text((folder / name).read_text().replace('"care"', '"\\u4ec1\\u611b"'))
            continue
        frame = pd.read_parquet(folder / f"{name}.parquet").rename(columns={"value/care": "value/仁愛"})
        if "variable" in frame:
            frame["variable"] = frame["variable"].astype(str).str.replace("care", "仁愛")
        frame.to_parquet(folder / f"{name}.parquet", index=False)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        page = report(folder).read_text(encoding="utf-8")
    assert re.search(r"<text[^>]*>[^<]*仁愛", page)


def test_a_folder_that_lost_its_measures_says_so(tmp_path):
    folder = make_run(tmp_path / "run", worlds=2, steps=3)
    assert load_run(folder).notice == ""
    (folder / "steps.parquet").unlink()
    assert "no steps.parquet" in load_run(folder).notice
    assert "no steps.parquet" in report(folder).read_text(encoding="utf-8")
    with pytest.warns(UserWarning, match=r"no steps\.parquet"):
        compare(load_run(folder))
