"""People label texts of a run: blind, resumable, and compared with readers and with each other."""

import json

import pytest
from typer.testing import CliRunner

import populace
from populace.agents.llm.interpret import labelling
from populace.agents.llm.interpret.agreement import Label
from populace.analysis import privacy
from populace.cli import app
from populace.dialogue import Coding
from populace.envs.drift.dialogue import DriftDialogue
from populace.envs.drift.free import FreeAssistant
from populace.errors import PopulaceError

CODING = Coding("colours", "Which colour is named?", {"red": "It is red.", "blue": "It is blue."}, False, {}, {})


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    scenario = {"schema": 1, "name": "t", "extends": "talk-drift", "worlds": 2, "horizon": 3, "population": {"size": 6}}
    return populace.simulate(scenario, out=tmp_path_factory.mktemp("label") / "r")


def label(run, out, typed, *more, role="assistant"):
    words = ["label", run.path, "--role", role, "--out", out, "--texts", "4", *more]
    return CliRunner().invoke(app, [str(word) for word in words], input=typed)


def test_labels_are_kept_and_gone_on_with(run, tmp_path):
    out = tmp_path / "anna.jsonl"
    done = label(run, out, "1\nnonsense\n2\nq\n")
    assert done.exit_code == 0, done.output
    assert "'nonsense' is not a number from 1 to" in done.stdout
    kept = [json.loads(line) for line in out.read_text().splitlines()]
    assert [len(line["codes"]) for line in kept] == [1, 1]
    chosen = labelling.sample(run.talk[run.talk["role"] == "assistant"]["text"], 4)
    assert [line["text"] for line in kept] == chosen[:2]
    for arm in run.info["arms"]:
        assert arm not in done.stdout.replace(str(run.path), "").replace(str(out), "").split()
    more = label(run, out, "1\n1\n")
    assert "[3 of 4]" in more.stdout
    assert len(out.read_text().splitlines()) == 4
    assert "rules: " in more.stdout
    again = label(run, out, "", "--compare", out)
    assert "anna.jsonl and anna.jsonl: 1.00 of 4 texts agree" in again.stdout


def test_what_is_no_answer_is_told():
    assert labelling.parse(" 2 ", CODING) == ["blue"]
    for wrong in ("", "3", "0", "1 2", "red", "\N{SUPERSCRIPT TWO}"):
        with pytest.raises(PopulaceError):
            labelling.parse(wrong, CODING)


def test_kappa_of_two_coders():
    """Cohen (1960): p_o = .5 and p_e = .5 x .5 + .5 x .5 = .5 give kappa 0; equal labels give 1."""
    texts = ["a", "b", "c", "d"]
    one = [Label(text, frozenset([code])) for text, code in zip(texts, ("red", "red", "blue", "blue"), strict=True)]
    other = [Label(text, frozenset([code])) for text, code in zip(texts, ("red", "blue", "red", "blue"), strict=True)]
    assert labelling.between(CODING, one, other) == labelling.Coders(4, 0.5, 0.0)
    assert labelling.between(CODING, one, one).kappa == 1.0
    with pytest.raises(PopulaceError, match="no text in common"):
        labelling.between(CODING, one, [Label("z", frozenset(["red"]))])


def test_roles_without_words_are_told(run, tmp_path, monkeypatch):
    faces = {"assistant": FreeAssistant}
    monkeypatch.setattr(DriftDialogue, "free", lambda self, role: faces[role](self.wordings) if role in faces else None)
    done = label(run, tmp_path / "x.jsonl", "", role="asistant")
    assert isinstance(done.exception, PopulaceError)
    assert "did you mean 'assistant'" in str(done.exception)
    done = label(run, tmp_path / "x.jsonl", "", role="user")
    assert "the words of 'user' are not coded in this world with these options" in str(done.exception)
    assert "those of assistant are" in str(done.exception)
    assert not (tmp_path / "x.jsonl").exists()
    done = label(run, tmp_path / "x.jsonl", "", "--compare", tmp_path / "nobody.jsonl")
    assert "there is no file" in str(done.exception)


def test_a_run_of_real_people_is_not_labelled_or_written_out_without_the_users_word(run, tmp_path, monkeypatch):
    monkeypatch.setattr(privacy, "public", lambda run: privacy.PublicRun(run.path, run.info))
    for words in (["label", run.path, "--role", "assistant"], ["chats", run.path]):
        done = CliRunner().invoke(app, [*map(str, words), "--out", str(tmp_path / "y.jsonl")])
        assert "--individuals" in str(done.exception)
        assert not (tmp_path / "y.jsonl").exists()
