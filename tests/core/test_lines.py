"""Lines that are appended: a changed byte of any of them is told with its place, and a torn last line is no damage."""

import json

import pytest

from populace.errors import RunError
from populace.lines import Lines, after_a_cut, sealed

HELD = [{"key": "a", "reply": 'say "check": "x"'}, {"key": "b", "reply": "é 中", "mass": 0.1}, {"key": "c", "n": 3}]


def lines(path, cut=True):
    return Lines(path, lambda path: path.open("rb"), "restore it", cut=cut)


def append(path, raw):
    with path.open("a+b") as file:
        after_a_cut(file)
        file.write(raw)


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "x.jsonl"
    for held in HELD:
        append(path, sealed(held))
    return path


def test_what_was_written_is_read_with_or_without_checksums(file, tmp_path):
    assert list(lines(file).fresh()) == HELD
    assert all(json.loads(line).keys() - {"check"} == held.keys() for line, held in zip(file.open(), HELD, strict=True))
    bare = tmp_path / "bare.jsonl"
    bare.write_text("".join(json.dumps(held) + "\n" for held in HELD))
    assert list(lines(bare).fresh()) == HELD
    append(bare, sealed(HELD[0]))
    assert list(lines(bare).fresh()) == [*HELD, HELD[0]]
    file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
    assert list(lines(file).fresh()) == HELD


def test_no_flipped_bit_of_a_line_is_passed_over(file):
    raw = file.read_bytes()
    for place in range(len(raw)):
        for bit in (0, 3, 5):
            changed = raw[:place] + bytes([raw[place] ^ (1 << bit)]) + raw[place + 1 :]
            file.write_bytes(changed)
            if place == len(raw) - 1:  # the last line seems not to have ended yet
                assert list(lines(file).fresh()) == HELD[:2]
                continue
            with pytest.raises(RunError, match=r"x\.jsonl:[123] .*; restore it"):
                list(lines(file).fresh())


def test_a_line_that_was_lost_in_part_is_told(file):
    raw = file.read_bytes()
    for place in range(len(raw) - 1):
        file.write_bytes(raw[:place] + raw[place + 7 :])
        if b"\n" not in raw[place : place + 7]:
            with pytest.raises(RunError, match=r"x\.jsonl:[123] "):
                list(lines(file).fresh())


@pytest.mark.parametrize("bare", [False, True])
def test_a_torn_last_line_is_passed_over_wherever_it_was_torn(tmp_path, bare):
    whole = sealed({"key": "b", "reply": "{}"})
    for length in range(1, len(whole)):
        path = tmp_path / f"{length}.jsonl"
        append(path, (json.dumps(HELD[0]) + "\n").encode() if bare else sealed(HELD[0]))
        append(path, whole[:length])
        reader = lines(path, cut=False)
        assert list(reader.fresh()) == [HELD[0]]
        append(path, sealed(HELD[2]))
        assert list(reader.fresh()) == [HELD[2]]
        assert list(lines(path, cut=False).fresh()) == [HELD[0], HELD[2]]


def test_after_a_line_with_a_checksum_every_line_has_one(file):
    append(file, b'{"key": "d", "reply": "mine"}\n')
    with pytest.raises(RunError, match=r"x\.jsonl:4 has no checksum"):
        list(lines(file).fresh())


def test_a_line_that_an_older_version_left_unfinished_is_passed_over(tmp_path):
    path = tmp_path / "old.jsonl"
    path.write_bytes(b'{"key": "a"}\n{"key": "b", "re\n\n{"key": "c"}\n')
    assert list(lines(path).fresh()) == [{"key": "a"}, {"key": "c"}]
    with pytest.raises(RunError, match=r"old\.jsonl:2 holds no JSON object"):
        list(lines(path, cut=False).fresh())
