"""Rows of a survey that are left out are told: by validate, by the run, in run.json, and on the page."""

import json

import pytest
from typer.testing import CliRunner

from populace.cli import app
from populace.envs.culture import SurveyOptions, load

ROWS = "care,order,age,w\n" + "\n".join(
    # Of 30 rows: two lack care (one of them order too), one lacks age, three weigh nothing (one of them lacks care).
    f"{'' if k in (3, 4) else k},{'' if k == 4 else 2 * k},{'NA' if k == 7 else 40},{0 if k in (3, 20, 21) else 1}"
    for k in range(30)
)


def scenario(tmp_path, **data):
    (tmp_path / "people.csv").write_text(ROWS)
    given = {
        "schema": 1,
        "name": "left-out",
        "world": {"id": "populace/coevolution-v0", "history": {"series": "walk"}},
        "worlds": 2,
        "horizon": 2,
        "population": {
            "size": 20,
            "data": {
                "file": "people.csv",
                "values": ["care", "order"],
                "traits": ["age"],
                "weights": "w",
                "missing": "drop",
                "missing_codes": ["NA"],
                **data,
            },
        },
    }
    (tmp_path / "left-out.yaml").write_text(json.dumps(given))
    return tmp_path / "left-out.yaml"


def cli(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    assert done.exit_code == 0, done.exception
    return done


def test_rows_that_are_left_out_are_told_by_validate_the_run_and_the_page(tmp_path):
    path = scenario(tmp_path)
    said = (
        "people: 5 of 30 rows of people.csv are left out: 2 with no entry in column 'care', 1 with no entry in column "
        "'age', 2 with a weight of 0"
    )
    assert f"note: {said}\n" in cli("validate", path).stdout
    done = cli("run", path, "--out", tmp_path / "out")
    assert f"note: {said}\n" in done.stderr
    info = json.loads((tmp_path / "out" / "run.json").read_text())
    assert said in info["notes"]
    data = info["societies"][0]["provenance"]["data"]
    assert (data["rows"], data["used_rows"], sum(data["dropped"].values())) == (30, 25, 5)
    page = (tmp_path / "out" / "report.html").read_text()
    assert said.replace("'", "&#39;") in page


def test_entries_that_are_filled_in_are_told(tmp_path):
    out = cli("validate", scenario(tmp_path, traits=[], missing="mean", weights=None)).stdout
    assert "people: 3 missing entries of people.csv are replaced by the mean of their column" in out
    assert "left out" not in out


def test_nothing_is_told_where_all_rows_are_used(tmp_path):
    assert "people:" not in cli("validate", scenario(tmp_path, values=["w"], traits=[], weights=None)).stdout


def test_a_column_of_a_trait_tells_too(tmp_path):
    path = scenario(tmp_path)
    given = json.loads(path.read_text())
    drawn = {"empirical": {"file": "people.csv", "column": "order", "missing": "drop"}}
    given["population"] = {"size": 20, "values": {"names": ["care"]}, "traits": {"order": drawn}}
    path.write_text(json.dumps(given))
    said = "people: 1 of 30 rows of people.csv (column 'order') are left out: 1 with no entry in column 'order'"
    assert said in cli("validate", path).stdout


def test_cultures_without_a_number_are_told(tmp_path):
    (tmp_path / "places.csv").write_text("country,care,order\nAA,1,2\nBB,3,4\nCC,,5\nDD,6,\n")
    survey = load(SurveyOptions(source="table", file=str(tmp_path / "places.csv")))
    assert survey.cultures == ("AA", "BB")
    assert survey.left_out == (
        "survey.file: 2 culture(s) without a number in some dimension of places.csv left out: CC, DD",
    )
    named = load(SurveyOptions(source="table", file=str(tmp_path / "places.csv"), cultures=("AA", "BB")))
    assert named.left_out == ()  # as the scenario says it


@pytest.mark.parametrize("share", ["0", "0.5"])
def test_questions_that_nobody_was_asked_are_told(tmp_path, share):
    rows = [f"{culture},{question},{option},{0.5 if question == 'Q1' else share}"
            for culture in ("AA", "BB") for question in ("Q1", "Q2") for option in (1, 2)]  # fmt: skip
    (tmp_path / "shares.csv").write_text("\n".join(["culture,question,option,share", *rows]))
    survey = load(SurveyOptions(source="shares", file=str(tmp_path / "shares.csv")))
    told = ("survey.file: 1 question(s) without any share in shares.csv left out: Q2",) if share == "0" else ()
    assert survey.left_out == told
