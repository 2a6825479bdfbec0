"""A tape is a regular file of recorded replies: nothing else is written to, and an estimate writes nothing at all."""

import json
import os
import socket
from pathlib import Path

import pytest
from typer.testing import CliRunner

from populace import trust
from populace.agents.llm import Ask, Backend, Reply, Tape
from populace.cli import app
from populace.errors import PopulaceError, RunError, ScenarioError
from populace.trust import NeedsWord

HEAD = {"schema": 1, "name": "t", "worlds": 1, "horizon": 1, "population": {"size": 1}}
SHELL = "$(echo this line is shell)"


@pytest.fixture(autouse=True)
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_CONFIG_HOME", str(tmp_path / "config"))
    (tmp_path / "given").mkdir()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")


class Yes(Backend):
    voice, greedy = "yes", True
    count = 0

    def complete(self, asks):
        for place, ask in enumerate(asks):
            self.count += 1
            yield place, Reply.of(ask, f"yes to {ask.messages[-1][1]}")


def asks(*texts):
    return [Ask((("user", text),), (), 1) for text in texts]


def scenario(tmp_path, tape, **options):
    path = tmp_path / "given" / "t.yaml"
    seat = {"policy": "llm/random", "persona": SHELL, "tape": str(tape), **options}
    path.write_text(json.dumps({**HEAD, "world": {"id": "populace/payoff-v0"}, "agents": {"assistant": seat}}))
    return path


def cli(*words):
    done = CliRunner().invoke(app, [str(word) for word in words])
    if done.exception is not None and not isinstance(done.exception, (SystemExit, PopulaceError)):
        raise done.exception
    return done


OTHERS = {
    "notes.sh": b"echo hello\n",
    "config.json": b'{"key": 3}\n',
    "data.jsonl": b'{"text": "a", "codes": []}\n',
    "image.png": b"\x89PNG\r\n\x1a\n\x00",
    "list.json": b"[]",
    "blank.txt": b"\n",
    "zero.bin": b"\0" * 100,
}


@pytest.mark.parametrize("name", OTHERS)
@pytest.mark.parametrize("words", [(), ("--dry-run",), ("--trust",)])
def test_a_file_that_is_no_tape_is_never_written_to(name, words, tmp_path):
    Path(name).write_bytes(OTHERS[name])
    done = cli("run", scenario(tmp_path, name), "--no-report", *words)
    assert isinstance(cli("validate", scenario(tmp_path, name)).exception, ScenarioError)
    with pytest.raises(RunError, match="is no tape"):
        Tape(Yes(), name)
    assert isinstance(done.exception, ScenarioError)
    assert "is no tape" in str(done.exception)
    assert Path(name).read_bytes() == OTHERS[name]


def test_a_new_tape_has_the_ending_of_one(tmp_path):
    for name in ("new.sh", "new", ".bash_profile", "x.desktop"):
        done = cli("run", scenario(tmp_path, name), "--no-report", "--trust")
        assert isinstance(done.exception, ScenarioError)
        assert "ends in .jsonl" in str(done.exception)
        assert not Path(name).exists()
    Path("empty.txt").touch()
    assert isinstance(cli("run", scenario(tmp_path, "empty.txt"), "--no-report").exception, ScenarioError)
    assert Path("empty.txt").read_bytes() == b""


def test_an_estimate_writes_nothing_and_asks_with_the_tape_what_is_on_it(tmp_path):
    path = scenario(tmp_path, "tape.jsonl")
    assert cli("run", path, "--dry-run").exit_code == 0
    assert cli("validate", path).exit_code == 0
    assert not any(Path().iterdir())
    assert cli("run", path, "--no-report", "--out", tmp_path / "out").exit_code == 0
    before = Path("tape.jsonl").read_bytes()
    assert before.startswith(b'{"key": "')
    assert cli("run", path, "--dry-run", "--set", "seed=3").exit_code == 0
    assert Path("tape.jsonl").read_bytes() == before


def special(kind, path):
    if kind == "fifo":
        os.mkfifo(path)
    elif kind == "folder":
        path.mkdir()
    elif kind == "socket":
        found = socket.socket(socket.AF_UNIX)
        found.bind(str(path))
        return found
    elif kind == "link to a device":
        path.symlink_to("/dev/zero")
    return None


@pytest.mark.parametrize("kind", ["fifo", "folder", "socket", "link to a device"])
@pytest.mark.timeout(60)
def test_pipes_devices_folders_and_sockets_are_no_tapes(kind, tmp_path, monkeypatch):
    path = Path("t.jsonl")
    kept = special(kind, path)
    for words in ((), ("--dry-run",)):
        done = cli("run", scenario(tmp_path, path, replay=False), "--no-report", "--trust", *words)
        assert isinstance(done.exception, ScenarioError), done.exception
    if kept:
        kept.close()


def test_a_tape_outside_the_two_folders_needs_the_word(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    Path("link.jsonl").symlink_to(outside / "new.jsonl")
    for tape in (outside / "t.jsonl", "../outside/t.jsonl", "link.jsonl", "/root/.bashrc.jsonl"):
        path = scenario(tmp_path, tape)
        for words in (("run", path), ("run", path, "--dry-run")):
            done = cli(*words)
            assert isinstance(done.exception, NeedsWord), tape
            assert "write to" in str(done.exception)
        assert "not checked" in cli("validate", path).output
    assert not any(outside.iterdir())
    path = scenario(tmp_path, outside / "t.jsonl")
    assert cli("run", path, "--no-report", "--allow", outside, "--out", tmp_path / "a").exit_code == 0
    assert (outside / "t.jsonl").exists()
    path = scenario(tmp_path, "in.jsonl")
    given = f"agents.assistant.tape={outside / 'set.jsonl'}"
    assert cli("run", path, "--no-report", "--set", given, "--out", tmp_path / "b").exit_code == 0
    assert (outside / "set.jsonl").exists()


def line(**changes):
    held = {"key": "a" * 64, "voice": "yes", "greedy": True, "seed": 1, "messages": [], "options": [],
            "reply": "x", "kind": 0, "tokens": [1, 1], "faults": []}  # fmt: skip
    return json.dumps({**held, **changes}).encode() + b"\n"


@pytest.mark.parametrize(
    "changes", [{"tokens": 3}, {"tokens": ["a", 1]}, {"kind": 99}, {"kind": "x"}, {"faults": 3}, {"tokens": [1]}]
)
def test_a_line_that_is_no_reply_is_told_by_its_place_not_its_words(changes, tmp_path):
    tape = tmp_path / "a.jsonl"
    tape.write_bytes(line() + line(reply="do not show", **changes))
    with pytest.raises(RunError, match=r"a\.jsonl:2 holds no reply") as told:
        Tape(None, tape)
    assert "do not show" not in str(told.value)


def test_a_line_that_was_cut_off_or_nested_without_end_is_passed_over(tmp_path):
    tape = tmp_path / "a.jsonl"
    tape.write_bytes(line() + line()[:40] + b"\n" + b'{"key": "' + b"[" * 100_000 + b"\n" + line(key="b" * 64))
    assert len(Tape(None, tape)._known) == 2


def test_a_byte_of_a_reply_that_was_flipped_is_told_with_its_line(tmp_path):
    tape = tmp_path / "a.jsonl"
    said = dict(Tape(Yes(), tape).complete(asks("a", "b")))
    assert [reply.text for reply in dict(Tape(None, tape).complete(asks("a", "b"))).values()] == [
        "yes to a",
        "yes to b",
    ]
    whole = tape.read_bytes()
    tape.write_bytes(whole.replace(b"yes to b", b"yes to c"))
    for made in (lambda: Tape(None, tape), lambda: Tape(Yes(), tape)):
        with pytest.raises(RunError, match=r"a\.jsonl:2 was changed or damaged .* delete this line") as told:
            made()
        assert "yes to" not in str(told.value)
    tape.write_bytes(whole.split(b"\n")[0] + b"\n")
    again = Yes()
    assert dict(Tape(again, tape).complete(asks("a", "b"))) == said
    assert again.count == 1


def test_a_tape_without_checksums_is_played_and_continued(tmp_path):
    tape = tmp_path / "a.jsonl"
    _ = list(Tape(Yes(), tape).complete(asks("a")))
    held = json.loads(tape.read_text())
    held.pop("check")
    tape.write_text(json.dumps(held) + "\n")
    backend = Yes()
    assert len(list(Tape(backend, tape).complete(asks("a", "b")))) == 2
    assert backend.count == 1
    assert len(list(Tape(None, tape).complete(asks("a", "b")))) == 2
    with tape.open("a") as file:
        file.write(json.dumps(held) + "\n")
    with pytest.raises(RunError, match=r"a\.jsonl:3 has no checksum, .* remove the entry `check` from all its lines"):
        Tape(None, tape)


def test_a_stranger_s_word_is_all_a_python_caller_needs(tmp_path):
    assert trust.current().demand_write(tmp_path / "x.jsonl") == tmp_path / "x.jsonl"
