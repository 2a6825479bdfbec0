"""Where a user's files lie is told by nothing that is shown or passed on: pages, figures, tables, prompts, run.json."""

import base64
import json
import re

import pandas as pd
import pytest
from typer.testing import CliRunner

from populace.cli import app

FOLDER = "Zoë's (cellarium) work, part 2"
NAMES = ["a", "b"]


def _worlds(folder):
    """A scenario of each kind of file, every one named by its full path."""
    head = {"schema": 1, "worlds": 2, "horizon": 2, "population": {"size": 12}, "record": {"talk": "all"}}
    data = {
        "size": 12,
        "data": {"file": str(folder / "people.csv"), "values": NAMES, "segment": "job", "source": "a survey"},
    }
    network = {"kind": "file", "file": str(folder / "edges.csv")}
    seat = {"policy": "llm/random", "persona": str(folder / "persona.j2"), "tape": str(folder / "tape.jsonl")}
    return {
        "people": {
            **head,
            "world": {"id": "populace/coevolution-v0", "history": {"series": str(folder / "series.csv")}},
            "population": {**data, "network": network},
        },
        "talk": {
            **head,
            "world": {
                "id": "populace/drift-v0",
                "topics": ["therapy"],
                "probes": 0,
                "matter": str(folder / "claims.csv"),
            },
            "agents": {"assistant": seat},
        },
        "swept": {
            **head,
            "world": {"id": "populace/coevolution-v0", "history": {"series": "walk"}},
            "population": data,
            "sweep": {"grid": {"population.data.file": [str(folder / "people.csv"), str(folder / "others.csv")]}},
        },
    }


@pytest.fixture
def folder(tmp_path, monkeypatch):
    place = tmp_path / FOLDER / "d"
    place.mkdir(parents=True)
    people = "a,b,job\n" + "".join(f"{k % 7 / 10},{k % 5 / 10},x\n" for k in range(40))
    claims = "".join(f"therapy,{truth},claim {truth},it is {truth},it is not {truth}\n" for truth in ("yes", "no"))
    for name, text in {
        "people.csv": people,
        "others.csv": people.replace("0.3", "0.4"),
        "edges.csv": "source,target\n" + "".join(f"{k},{(k + 1) % 12}\n" for k in range(12)),
        "series.csv": "a,b\n0.1,0.2\n0.3,0.1\n",
        "persona.j2": "You are {{ role }}.",
        "claims.csv": "topic,truth,claim,honest,pleasing\n" + claims,
    }.items():
        (place / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    return place


def cli(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.output


@pytest.mark.parametrize("kind", ["people", "talk", "swept"])
def test_nothing_that_is_passed_on_tells_where_files_lie(kind, folder, tmp_path):
    (folder / "s.yaml").write_text(json.dumps({"name": kind, **_worlds(folder)[kind]}))
    shown = {}
    for run in ("one", "two"):
        cli("run", folder / "s.yaml", "--out", run, "-q", *(["--set", "seed=7"] if run == "two" else []))
        shown[f"{run}/report.html"] = _whole((tmp_path / run / "report.html").read_text(encoding="utf-8"))
        shown[f"{run}/run.json"] = (tmp_path / run / "run.json").read_text(encoding="utf-8")
        for table in (tmp_path / run).glob("*.parquet"):
            shown[f"{run}/{table.name}"] = pd.read_parquet(table).to_csv() + str(pd.read_parquet(table).attrs)
    shown["report --individuals"] = cli("report", "one", "--individuals", "--out", "all.html")
    shown["all.html"] = _whole((tmp_path / "all.html").read_text(encoding="utf-8"))
    shown["report --json"] = cli("report", "one", "--json")
    shown["compare"] = cli("compare", "one", "two", "--out", "c.html")
    shown["c.html"] = _whole((tmp_path / "c.html").read_text(encoding="utf-8"))
    shown["compare --json"] = cli("compare", "one", "two", "--json")
    measure = pd.read_parquet(tmp_path / "one" / "steps.parquet").dropna(subset="value")["measure"].iloc[0]
    for ending in ("svg", "pdf"):
        shown[f"figure {ending}"] = cli("figure", "one", "--measure", measure, "--out", f"f.{ending}")
        shown[f"f.{ending}"] = (tmp_path / f"f.{ending}").read_bytes().decode("latin-1")
    shown["verify"] = cli("verify", "one")
    shown["verify --json"] = cli("verify", "one", "--json")
    for place, text in shown.items():
        for secret in ("cellarium", "part 2", str(tmp_path)):
            assert secret not in text, f"{place}: ...{text[max(0, text.index(secret) - 90) :][:180]!r}"


def _whole(page):
    """A page with all that its links hold."""
    held = re.findall(r"base64,([A-Za-z0-9+/=]+)", page)
    return page + "".join(base64.b64decode(part).decode("latin-1") for part in held)
