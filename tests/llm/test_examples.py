"""Chats as examples to train on: what is read, what is refused, and how scores tell good from bad."""

import json

import pytest
from typer.testing import CliRunner

from populace.agents.llm.learning.examples import Example, example_of, read, rows
from populace.cli import app
from populace.errors import PopulaceError

ASKED = [{"role": "user", "content": "how?"}]


def line(reply="so", score=None, **more):
    told = {"messages": [*ASKED, {"role": "assistant", "content": reply}], **more}
    return json.dumps(told if score is None else {**told, "score": score})


def test_lines_are_read(tmp_path):
    path = tmp_path / "chats.jsonl"
    path.write_text("\n".join([line(role="user"), "", line("no", 2, role="assistant")]))
    assert read(path) == [Example(tuple(ASKED), "so"), Example(tuple(ASKED), "no", 2.0)]
    assert read(path, ["assistant"]) == [Example(tuple(ASKED), "no", 2.0)]
    with pytest.raises(PopulaceError, match="holds no chats of nobody"):
        read(path, ["nobody"])


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("{", "line 2: it is no JSON"),
        ("[]", "no list of messages"),
        (json.dumps({"messages": ASKED * 2}), "last message is not the assistant's"),
        (json.dumps({"messages": [*ASKED, {"role": "assistant"}]}), "no role and content"),
        (json.dumps({"messages": [{"role": "root", "content": ""}] * 2}), "role 'root'"),
        (line(score="high"), "score is no number"),
        (line(score=float("nan")), "score is no number"),
        ("[" * 100_000, "line 2"),
    ],
)
def test_what_is_no_chat_is_told_with_its_line(tmp_path, text, match):
    path = tmp_path / "chats.jsonl"
    path.write_text(f"{line()}\n{text}\n")
    with pytest.raises(PopulaceError, match=match):
        read(path)


def scored(*pairs):
    return [Example(tuple(ASKED), reply, score) for reply, score in pairs]


def test_the_best_share_is_imitated_and_told_from_the_worst():
    four = scored(("a", 1.0), ("b", 2.0), ("c", 3.0), ("d", 4.0))
    assert [row["completion"][0]["content"] for row in rows(four, "sft", 0.25)] == ["d"]
    told = {row["completion"][0]["content"]: row["label"] for row in rows(four, "kto", 0.5)}
    assert told == {"a": False, "b": False, "c": True, "d": True}
    tied = scored(("a", 1.0), ("b", 2.0), ("c", 2.0), ("d", 3.0))  # neither good nor bad in the middle
    assert {row["completion"][0]["content"] for row in rows(tied, "kto", 0.5)} == {"a", "d"}


def test_preferences_are_of_the_same_prompt():
    other = Example(({"role": "user", "content": "why?"},), "z", 9.0)
    found = rows([*scored(("a", 1.0), ("b", 2.0), ("b", 2.5), ("c", 4.0)), other], "dpo")
    pairs = [(row["chosen"][0]["content"], row["rejected"][0]["content"]) for row in found]
    assert pairs == [("c", "a")]  # b against b says nothing
    with pytest.raises(PopulaceError, match="no prompt has two of different scores"):
        rows([scored(("a", 1.0))[0], other], "dpo")


@pytest.mark.parametrize("method", ["kto", "dpo"])
def test_without_scores_there_is_nothing_to_compare(method):
    with pytest.raises(PopulaceError, match="no chat has a score"):
        rows([example_of(json.loads(line()))], method)
    assert len(rows([example_of(json.loads(line()))], "sft")) == 1


def test_equal_scores_tell_nothing():
    with pytest.raises(PopulaceError, match="same score"):
        rows(scored(("a", 1.0), ("b", 1.0)), "kto")


def run(*arguments):
    return CliRunner().invoke(app, [str(one) for one in arguments])


def test_demonstrations_are_written(tmp_path):
    out = tmp_path / "chats.jsonl"
    done = run("demonstrate", "talk-drift", "--out", out, "--worlds", 1, "--ticks", 1, "--set", "population.size=4")
    assert done.exit_code == 0, done.output
    assert {json.loads(told)["role"] for told in out.read_text().splitlines()} >= {"assistant", "user"}
    assert len(read(out, ["assistant"])) >= 4


def test_mistakes_are_told_before_anything_is_loaded(tmp_path):
    (tmp_path / "chats.jsonl").write_text(line())
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "a").touch()
    for arguments, match in (
        (("train", tmp_path / "chats.jsonl", "--out", tmp_path / "full"), "is there already"),
        (("train", tmp_path / "chats.jsonl", "--out", tmp_path / "new", "--model", tmp_path), "a folder with a model"),
        (("train", tmp_path / "chats.jsonl", "--out", tmp_path / "new", "--by", "rating"), "are for run folders"),
        (("demonstrate", "talk-drift", "--out", tmp_path / "c.jsonl", "--arm", "nobody"), "nobody"),
    ):
        done = run(*arguments)
        assert done.exit_code != 0
        assert match in str(done.exception)
    assert not (tmp_path / "new").exists()
