"""What is opened, and what is not: kinds of files, sizes, links, and the user's word."""

import gzip
import os
import socket
import threading

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from populace import files, trust
from populace.files import FileError
from populace.names import pathless
from populace.tables import read_table


def odd_files(folder):
    """Kind -> a path of something that is no regular file."""
    os.mkfifo(folder / "pipe.csv")
    (folder / "folder.csv").mkdir()
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(folder / "s.csv"))
    (folder / "link.csv").symlink_to("/dev/zero")
    return {
        "a named pipe": folder / "pipe.csv",
        "a folder": folder / "folder.csv",
        "a socket": folder / "s.csv",
        "a device": folder / "link.csv",
        "no such file": folder / "none.csv",
        "not": folder / ("x" * 300 + ".csv"),
    }


def test_only_regular_files_are_opened_and_nothing_blocks(tmp_path):
    found = []

    def look():
        for kind, path in odd_files(tmp_path).items():
            with pytest.raises(FileError) as caught:
                files.read(path)
            found.append((kind, str(caught.value)))

    thread = threading.Thread(target=look, daemon=True)
    thread.start()
    thread.join(20)
    assert not thread.is_alive(), "opening one of them blocks"
    assert len(found) == 6
    assert all(kind == "not" or kind in text for kind, text in found)


def test_zero_bytes_in_names_are_no_traceback():
    assert not files.is_file("a\0.csv")
    with pytest.raises(FileError):
        files.read("a\0.csv")


@pytest.fixture
def small(monkeypatch):
    monkeypatch.setenv(files.SETTING, "0.01")


def test_sizes_are_limited_before_and_after_unpacking(tmp_path, small):
    (tmp_path / "large.csv").write_bytes(b"a,b\n" + b"1,2\n" * 3000)
    (tmp_path / "bomb.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 10**6))
    (tmp_path / "fits.csv.gz").write_bytes(gzip.compress(b"a,b\n" + b"1,2\n" * 2000))
    for name, what in (("large.csv", "has 0.012 MB"), ("bomb.csv.gz", "unpacks to more than 0.01 MB")):
        with pytest.raises(FileError, match=what) as caught:
            read_table(tmp_path / name)
        assert "--max-file-mb" in str(caught.value)
        assert files.SETTING in str(caught.value)
    assert read_table(tmp_path / "fits.csv.gz").rows == 2000


def test_sparse_files_are_not_read_at_all(tmp_path):
    with (tmp_path / "sparse.csv").open("wb") as file:
        file.truncate(10**13)
    with pytest.raises(FileError, match="has 10,000,000 MB"):
        read_table(tmp_path / "sparse.csv")


def test_parquet_bombs_are_told_by_what_they_say_they_hold(tmp_path, small):
    same = pa.table({"a": pa.array([1.0] * 100_000)})
    pq.write_table(same, tmp_path / "run.parquet", compression="zstd")
    assert (tmp_path / "run.parquet").stat().st_size < 10_000
    with pytest.raises(FileError, match=r"unpacks to 0\.8 MB"):
        read_table(tmp_path / "run.parquet")
    (tmp_path / "no.parquet").write_bytes(b"PAR1 no PAR1")
    with pytest.raises(FileError, match="as a Parquet file"):
        read_table(tmp_path / "no.parquet")


def test_long_words_that_a_parquet_file_repeats_take_no_room(tmp_path, monkeypatch):
    """100,000 times the same 10 kB are 1 GB of text, and some kB in the file."""
    word = "x" * 10_000
    column = pa.DictionaryArray.from_arrays(pa.array([0] * 100_000, pa.int32()), pa.array([word]))
    pq.write_table(pa.table({"w": column, "v": [1.0] * 100_000}), tmp_path / "w.parquet")
    monkeypatch.setenv(files.SETTING, "2")
    index, words = read_table(tmp_path / "w.parquet").words("w")
    assert words == (word,)
    assert len(index) == 100_000


def test_gzip_files_that_are_none_or_cut_off(tmp_path):
    whole = gzip.compress(b"a,b\n" * 100)
    for name, raw, why in (("cut", whole[:-5], "cut off"), ("none", b"a,b\n", "not a complete gzip file")):
        (tmp_path / f"{name}.csv.gz").write_bytes(raw)
        with pytest.raises(FileError, match=why) as caught:
            read_table(tmp_path / f"{name}.csv.gz")
        assert "b'" not in str(caught.value)


@pytest.mark.parametrize("given", ["many", "-1", "0", "nan", "inf"])
def test_a_limit_that_is_none_is_told(monkeypatch, given):
    monkeypatch.setenv(files.SETTING, given)
    with pytest.raises(files.PopulaceError, match=f"{files.SETTING} is '{given}'"):
        files.limit()


def test_outside_the_folder_needs_the_users_word(tmp_path):
    home, away = tmp_path / "home", tmp_path / "away"
    home.mkdir()
    away.mkdir()
    (home / "in.csv").write_text("a,b\n1,2\n")
    (away / "secret.csv").write_text("secret,words\n1,2\n")
    (home / "link.csv").symlink_to(away / "secret.csv")
    (home / "near.csv").symlink_to("in.csv")
    with trust.speaking(trust.opening("0" * 64, home)):
        pass  # Python's own word: all may be read
    with trust.speaking(trust.guarded()), trust.speaking(trust.opening("0" * 64, home)):
        assert read_table(home / "in.csv").rows == 1
        assert read_table(home / "near.csv").rows == 1
        for path in (away / "secret.csv", home / "link.csv", home / ".." / "away" / "secret.csv"):
            with pytest.raises(trust.NeedsWord) as caught:
                read_table(path)
            assert "words" not in str(caught.value).replace("your word", "")
            with pytest.raises(ValueError, match="needs your word"):
                files.named(path)
    with trust.speaking(trust.guarded(allow=[away])), trust.speaking(trust.opening("0" * 64, home)):
        assert read_table(home / "link.csv").rows == 1


def test_links_inside_a_run_folder_are_not_followed(tmp_path):
    run = tmp_path / "run"
    run.mkdir()
    (tmp_path / "secret").write_text("{}")
    (run / "run.json").symlink_to(tmp_path / "secret")
    with pytest.raises(FileError, match="it is a link"):
        files.text(run / "run.json", within=run)
    (tmp_path / "latest").symlink_to(run)
    (run / "own.json").write_text("{}")
    assert files.text(tmp_path / "latest" / "own.json", within=tmp_path / "latest") == "{}"


def test_a_link_to_itself_and_an_endless_name_are_told_with_the_file(tmp_path):
    (tmp_path / "loop.csv").symlink_to("loop.csv")
    for name, told in (("loop.csv", r"loop\.csv: Too many"), ("x" * 5000 + ".csv", r"\.\.\.x+\.csv: File name too")):
        with pytest.raises(ValueError, match=told) as caught:
            files.named(tmp_path / name)
        assert len(str(caught.value)) < 400
        with pytest.raises(FileError, match=told):
            files.opened(tmp_path / name)


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("cannot read /home/me/data/p.csv, line 3", "cannot read .../p.csv, line 3"),
        ("'~/data/p.csv'", "'.../p.csv'"),
        ("C:\\Users\\me\\p.csv is gone", ".../p.csv is gone"),
        ("C:\\Users\\Jane Doe\\p.csv and D:/Jane Doe/q.csv", ".../p.csv and .../q.csv"),
        (r"\\server\Jane Doe\p.csv", ".../p.csv"),
        ("cannot read /home/Jane Doe/her (old) data, 2/p.csv: no", "cannot read .../p.csv: no"),
        ("file: /home/Jane's data/p.csv", "file: .../p.csv"),
        ("see /a/b.csv, /c/d.csv and /e/f.csv", "see .../b.csv, .../d.csv and .../f.csv"),
        (f"  file: /home/{'long ' * 15}folder\n    of Jane/p.csv\n  other: 1", "  file: .../p.csv\n  other: 1"),
        ("https://host.org/a/b/c", "https://host.org/a/b/c"),
        ("../a/b/c.csv and/or/x, 1/2/3", "../a/b/c.csv and/or/x, 1/2/3"),
    ],
)
def test_full_paths_are_cut_to_their_names(given, shown):
    assert pathless({"a": [given]}) == {"a": [shown]}
