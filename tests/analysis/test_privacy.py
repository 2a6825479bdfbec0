"""Survey rows are people: what of them reaches prompts, reports, downloads and exports, and what does not."""

import base64
import json
import re

import pandas as pd
import pytest
from matplotlib.text import Text
from typer.testing import CliRunner

from populace.analysis import load_run, report
from populace.analysis.privacy import public
from populace.cli import app
from populace.errors import RunError
from populace.population import FEW
from populace.scenarios import load, runner

NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
RARE, COMMON = "lighthouse-keepers", "townsfolk"


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run whose users are drawn from 40 respondents, three of whom are of a rare kind, with telling numbers."""
    place = tmp_path_factory.mktemp("people")
    rows = [{name: round(0.123457 + k * 0.0131 + j * 0.11, 6) for j, name in enumerate(NAMES)} for k in range(40)]
    for k, row in enumerate(rows):
        row["job"] = RARE if k < 3 else COMMON
    pd.DataFrame(rows).to_csv(place / "people.csv", index=False)
    population = {"size": 30, "data": {"file": "people.csv", "values": NAMES, "segment": "job"}}
    source = {
        "world": {"id": "populace/coevolution-v0", "noise": 0.0},
        "worlds": 4,
        "horizon": 3,
        "population": population,
        "agents": {"assistant": "lifelong"},
        "arms": {"a": {}, "b": {"agents.assistant": "mirror"}},
        "record": {"every": 1, "users": 12, "worlds": 4},
    }
    (place / "s.yaml").write_text(json.dumps(source))
    return runner.run(load(place / "s.yaml"), place / "run")


def everything(page):
    """A page with all that its links hold."""
    held = re.findall(r"base64,([A-Za-z0-9+/=]+)", page)
    return page + "".join(base64.b64decode(part).decode("latin-1") for part in held)


def test_a_report_and_its_downloads_show_no_person_and_no_small_cell(folder):
    text = everything(report(folder, folder.parent / "public.html").read_text())
    assert RARE not in text
    run = load_run(folder)
    shown = [f"{x:.6g}" for x in run.users[NAMES[0] if NAMES[0] in run.users else f"value/{NAMES[0]}"].unique()[:40]]
    assert len(shown) > 5
    assert not [x for x in shown if len(x) > 5 and x in text]


def test_with_their_consent_they_are_shown(folder):
    text = everything(report(folder, folder.parent / "all.html", individuals=True).read_text())
    assert RARE in text


def test_no_frame_that_is_public_has_a_cell_of_few(folder):
    run = public(load_run(folder))
    assert len(run.users) == 0
    groups = run.groups
    assert len(groups) > 0
    assert RARE not in set(groups["segment"].astype(str))
    assert (groups.groupby(["arm", "world", "step", "variable"], observed=True)["n"].sum() >= FEW).all()
    assert (groups["n"] >= FEW).all()


def spoken(monkeypatch):
    """Every text that matplotlib draws from now on."""
    said = []
    draw = Text.draw
    monkeypatch.setattr(Text, "draw", lambda self, renderer: (said.append(self.get_text()), draw(self, renderer))[1])
    return said


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A shop whose customers are such respondents, with every choice recorded."""
    place = tmp_path_factory.mktemp("shop")
    names = ["rating", "sponsored"]
    rows = [{name: round(0.223457 + k * 0.0131 + j * 0.11, 6) for j, name in enumerate(names)} for k in range(40)]
    for k, row in enumerate(rows):
        row["job"] = RARE if k < 3 else COMMON
    pd.DataFrame(rows).to_csv(place / "people.csv", index=False)
    source = {
        "world": {"id": "populace/shopping-v0", "catalogue": "shelf-of-eight", "phases": ["message"], "reveal": True},
        "worlds": 4,
        "horizon": 6,
        "population": {"size": 30, "data": {"file": "people.csv", "values": names, "segment": "job"}},
        "agents": {"assistant": "random"},
        "record": {"every": 1, "users": 12, "worlds": 4},
    }
    (place / "s.yaml").write_text(json.dumps(source))
    return runner.run(load(place / "s.yaml"), place / "run")


def test_no_output_of_any_kind_shows_a_person_a_small_segment_or_a_path(folder, shop, tmp_path, monkeypatch):
    """Terminal, JSON, pages and figures of every command that reads runs, searched for three people and a row."""
    drawn, told = spoken(monkeypatch), {}
    for run in (folder, shop):
        data, name = load_run(run), run.parent.name
        measures = list(dict.fromkeys(data.steps["measure"].astype(str)))[:2]
        measures += [str(v) for v in data.groups["variable"].astype(str).unique()[:1]]
        commands = [["report", run, "--out", tmp_path / f"{name}.html"]]
        commands += [["report", run, "--out", tmp_path / f"{name}.html", "--json"]]
        commands += [["compare", run, run, *more] for more in ([], ["--json"], ["--out", tmp_path / f"{name}-c.html"])]
        commands += [
            ["figure", run, "--measure", measure, "--out", tmp_path / f"{name}.{ending}", *more]
            for measure, ending in zip(measures, ("svg", "png", "pdf"), strict=True)
            for more in ([], ["--json"])
        ]
        if run == shop:
            commands += [["audit", "choice-logit", run, *more] for more in ([], ["--json"])]
        for words in commands:
            done = CliRunner().invoke(app, [str(word) for word in words])
            assert done.exit_code == 0, (words, done.output)
            told[str(words)] = done.output
    pages = {path.name: everything(path.read_text()) for path in tmp_path.iterdir() if path.suffix in (".html", ".svg")}
    pages["figures"] = " ".join(drawn)
    assert len(pages) == 2 + 2 + 2 + 1
    for run in (folder, shop):
        users = load_run(run).users
        floats = users.select_dtypes("float32").drop(columns=[c for c in users if c[-1].isdigit()])
        shown = {f"{x:.6g}" for x in floats.to_numpy().ravel() if abs(x) < 1}
        telling = [x for x in shown if len(x) > 7]
        assert len(telling) > 20
        for name, text in {**told, **pages}.items():
            assert RARE not in text, name
            assert not [x for x in telling if x in text], name
    for name, text in pages.items():
        assert str(folder.parent) not in text, name
        assert str(shop.parent) not in text, name


def test_an_audit_of_fewer_than_ten_people_is_refused(shop, tmp_path):
    source = json.loads((shop.parent / "s.yaml").read_text())
    source["record"]["users"] = 3
    (shop.parent / "few.yaml").write_text(json.dumps(source))
    run = runner.run(load(shop.parent / "few.yaml"), tmp_path / "few")
    done = CliRunner().invoke(app, ["audit", "choice-logit", str(run)])
    assert done.exit_code != 0
    assert "--individuals" in str(done.exception)
    done = CliRunner().invoke(app, ["audit", "choice-logit", str(run), "--individuals"], catch_exceptions=False)
    assert done.exit_code == 0


@pytest.mark.parametrize("words", [("compare",), ("figure",)])
def test_what_commands_print_and_draw_holds_no_small_segment(words, folder, tmp_path):
    given = ["compare", folder, folder] if words == ("compare",) else ["figure", folder, "--out", tmp_path / "f.svg"]
    if words == ("figure",):
        given += ["--measure", str(load_run(folder).steps["measure"].iloc[0])]
    done = CliRunner().invoke(app, [str(word) for word in given])
    text = done.output + "".join(path.read_text() for path in tmp_path.glob("*.svg"))
    assert done.exit_code == 0, done.output
    assert RARE not in text


@pytest.mark.parametrize(
    ("persona", "told", "left"),
    [
        ("{{ values.religion }}", {"religion"}, {"democracy", "job"}),
        ("You are of {{ segment }}.", {"job"}, {"religion"}),
        ("{% for name, x in values.items() %}{{ name }}{% endfor %}", set(NAMES), {"job"}),
        ("{{ values['items'] }}", {"kept"}, {"religion", "job"}),
        ("A person.", set(), {"religion", "job", "kept"}),
        ("", set(), {"religion", "job", "kept"}),
    ],
)
def test_validate_says_which_columns_reach_which_host(persona, told, left, tmp_path):
    frame = pd.DataFrame({name: range(12) for name in (*NAMES, "kept")})
    frame["job"] = COMMON
    frame.to_csv(tmp_path / "people.csv", index=False)
    values = {**{name: name for name in NAMES}, "items": "kept"}
    user = {"policy": "llm/openai", "model": "m", "base_url": "http://models.example:8000/v1", "persona": persona}
    source = {
        "world": {"id": "populace/coevolution-v0", "history": {"series": "walk"}},
        "worlds": 1,
        "horizon": 1,
        "population": {"size": 12, "data": {"file": "people.csv", "values": values, "segment": "job"}},
        "agents": {"user": user},
    }
    (tmp_path / "s.yaml").write_text(json.dumps(source))
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "s.yaml"), "--json"], catch_exceptions=False)
    (note,) = [note for note in json.loads(done.stdout)["notes"] if note.startswith("people:")]
    assert "models.example:8000" in note
    said = note.split("the world's prompts")[0]
    assert all(re.search(rf"\b{column}\b", said) for column in told)
    assert not any(re.search(rf"\b{column}\b", said) for column in left)


@pytest.mark.parametrize("name", ["$x^{$", "$_{^$", "<b>(red)", "a_b^c%"])
def test_names_are_data_in_a_report(name, tmp_path):
    source = {
        "world": {"id": "populace/coevolution-v0", "history": {"series": "walk"}},
        "worlds": 3,
        "horizon": 3,
        "population": {"size": 12, "values": {"names": ["a", "$y_{$"]}},
        "arms": {name: {}, "other": {"agents": {"assistant": "mirror"}}},
    }
    folder = runner.run(load(source), tmp_path / "run")
    text = report(folder).read_text()
    assert "<b>(red)" not in text


def test_of_fewer_than_ten_people_commands_say_that_nothing_may_be_shown(tmp_path):
    pd.DataFrame({"warmth": [1.0, -0.2, 0.7, 0.1], "order": [0.3, 1.1, 0.4, -0.6]}).to_csv(tmp_path / "few.csv")
    data = {"file": "few.csv", "values": {"warmth": "warmth", "order": "order"}}
    source = {
        "world": {"id": "populace/coevolution-v0", "history": {"series": "walk"}},
        "worlds": 2,
        "horizon": 2,
        "population": {"size": 12, "data": data},
    }
    (tmp_path / "s.yaml").write_text(json.dumps(source))
    folder = str(runner.run(load(tmp_path / "s.yaml"), tmp_path / "run"))
    done = CliRunner().invoke(app, ["compare", folder, folder], catch_exceptions=False)
    assert done.exit_code == 0
    assert "nothing of A and B may be shown" in done.output
    assert "--individuals" in done.output
    with pytest.raises(RunError, match=r"fewer than 10 people.*--individuals"):
        CliRunner().invoke(
            app, ["figure", folder, "--measure", "drift", "--out", str(tmp_path / "f.svg")], catch_exceptions=False
        )
    assert not (tmp_path / "f.svg").exists()
