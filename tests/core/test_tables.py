"""The one reader of tables: what it takes as it stands, what it refuses, and where it says so."""

import datetime

import numpy as np
import pandas as pd
import pytest

from populace.errors import PopulaceError, UnknownName
from populace.files import FileError
from populace.tables import PLAIN, Table, TableFormat, parse, read_table


def table(text, **format):
    return parse(text, "t.csv", TableFormat(**format))


def words(found, column, **more):
    index, names = found.words(column, **more)
    return [names[k] if k >= 0 else None for k in index]


# ---------------------------------------------------------------------- what is read


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-32"])
def test_byte_order_marks_are_known(tmp_path, encoding):
    (tmp_path / "t.csv").write_bytes("name,é\nZoë,1.5\n".encode(encoding))
    found = read_table(tmp_path / "t.csv")
    assert found.header == ("name", "é")
    assert words(found, "name") == ["Zoë"]
    assert found.numbers("é").tolist() == [1.5]


@pytest.mark.parametrize("encoding", ["latin-1", "cp1252", "utf-16-le"])
def test_other_encodings_are_told_with_their_remedy(tmp_path, encoding):
    (tmp_path / "t.csv").write_bytes("name,x\nZoë,1\n".encode(encoding))
    with pytest.raises(FileError, match=r"t\.csv.*format: \{encoding: cp1252\}"):
        read_table(tmp_path / "t.csv")
    named = "utf-16" if encoding == "utf-16-le" else encoding
    assert words(read_table(tmp_path / "t.csv", TableFormat(encoding=named)), "name") == ["Zoë"]


def test_the_line_and_column_of_a_foreign_byte(tmp_path):
    (tmp_path / "t.csv").write_bytes("a,b\n1,2\nx,é\n".encode("latin-1"))
    with pytest.raises(FileError, match=r"t\.csv:3:3: byte 0xe9 is no UTF-8 text"):
        read_table(tmp_path / "t.csv")


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_line_ends_quotes_and_spaces(end):
    text = end.join(['a, b ,"c,d"', '1, x ,"said ""no"""', '+2.5e1,"x",', ""])
    found = table(text)
    assert found.header == ("a", "b", "c,d")
    assert found.numbers("a").tolist() == [1, 25]
    assert words(found, "b") == ["x", "x"]
    assert words(found, "c,d", missing=True) == ['said "no"', None]


def test_words_that_look_missing_are_words_and_empty_cells_are_missing():
    found = table('v,w\n1,NA\n2,None\n3,null\n4,n/a\n5,\n6,""\n7,nan\n')
    assert words(found, "w", missing=True) == ["NA", "None", "null", "n/a", None, None, "nan"]
    with pytest.raises(PopulaceError, match=r"t\.csv, line 6, column 'w': missing; expected a word"):
        found.words("w")


def test_missing_codes_hold_in_all_columns():
    found = table("v,w,x\n99,99,1\n-9,low,2\n1,-9.0,-9\n2,NA,99\n")
    codes = (99, -9, "NA")
    assert np.isnan(found.numbers("v", missing=True, codes=codes)).tolist() == [True, True, False, False]
    assert words(found, "w", missing=True, codes=codes) == [None, "low", None, None]
    assert np.isnan(found.numbers("x", missing=True, codes=codes)).tolist() == [False, False, True, True]


def test_words_that_are_numbers_are_sorted_as_numbers():
    assert table("a,b\n10,x\n9,x\n2,x\n").words("a")[1] == ("2", "9", "10")
    assert table("a,b\n10,x\n9,x\nA,x\n").words("a")[1] == ("10", "9", "A")


@pytest.mark.parametrize(
    ("cell", "format", "number"),
    [
        ("1,5", {"separator": ";", "decimal": ","}, 1.5),
        ("1.234,5", {"separator": ";", "decimal": ",", "thousands": "."}, 1234.5),
        ("-1,234.5", {"separator": ";", "thousands": ","}, -1234.5),
        ("1 234", {"separator": ";", "thousands": " "}, 1234),
        ("1\u00a0234", {"separator": ";", "thousands": " "}, 1234),
        ("1'234", {"separator": ";", "thousands": "'"}, 1234),
        (".5", {"separator": ";"}, 0.5),
        ("007", {"separator": ";"}, 7),
    ],
)
def test_numbers_are_read_as_the_format_says(cell, format, number):
    assert table(f"a;b\n{cell};1\n", **format).numbers("a").tolist() == [number]


def test_numbers_are_the_nearest_doubles():
    rng = np.random.default_rng(0)
    given = rng.normal(size=2000) * 10.0 ** rng.integers(-30, 30, 2000)
    found = table("a,b\n" + "".join(f"{x!r},0\n" for x in given.tolist())).numbers("a")
    assert (found == given).all()


def test_tables_of_other_kinds_hold_the_same(tmp_path):
    frame = pd.DataFrame(
        {"x": [1, 2.5, None], "w": ["NA", None, "b"], "flag": [True, False, True], "k": pd.Categorical(["u", "v", "u"])}
    )
    frame.to_parquet(tmp_path / "t.parquet")
    frame.to_csv(tmp_path / "t.csv.gz", index=False)
    kinds = [Table.of_frame(frame), read_table(tmp_path / "t.parquet"), read_table(tmp_path / "t.csv.gz")]
    for found in kinds:
        assert np.allclose(found.numbers("x", missing=True), [1, 2.5, np.nan], equal_nan=True)
        assert words(found, "w", missing=True) == ["NA", None, "b"]
        assert words(found, "k") == ["u", "v", "u"]
    assert [found.numbers("flag").tolist() for found in kinds[:2]] == [[1, 0, 1]] * 2


# ---------------------------------------------------------------------- what is refused, and where

SHAPES = {
    "a row too long": ("a,b\n1,2\n3,4,5\n", r"line 3 \(row 2 below the header\), column 3: it has 3 cells"),
    "a row too short": ("a,b,c\n1,2,3\n4,5\n", r"line 3 \(row 2 below the header\), column 'c': it has 2 cells"),
    "an empty cell beyond the header": ("a,b\n1,2,\n", r"line 2 .*column 3"),
    "row names": ('"a","b"\n"1",0.5,0.7\n', r"line 2 .*column 3: .*row names"),
    "an open quote": ('a,b\n"1,2\n3,4\n', r"line 2 .*quotation mark is opened and not closed"),
    "a name twice": ("a,b,a\n1,2,3\n", r"columns 1 and 3 are both called 'a'"),
    "a name twice but for spaces": ("a,b, a\n1,2,3\n", r"columns 1 and 3 are both called 'a'"),
    "the header again": ("a,b\n1,2\na,b\n3,4\n", r"line 3: the header stands there once more"),
    "an empty line in one column": ("a\n1\n\n2\n", r"line 3: the line is empty"),
    "semicolons": ("a;b\n1,5;2\n", r"more semicolons than commas.*format: \{separator: \";\"\}.*decimal"),
    "tabs": ("a\tb\n1\t2\n", r"more tabs than commas.*separator: \"\\t\""),
    "nothing": ("", "it is empty"),
    "lines of nothing": ("\n\n \n", "it is empty"),
    "a control character in a name": ("a\x1b,b\n1,2\n", r"the name of column 1 holds U\+001B"),
    "zero bytes": ("a,b\n1,\x00\n", "zero bytes"),
}


@pytest.mark.parametrize("what", SHAPES)
def test_shapes_that_are_refused(tmp_path, what):
    text, why = SHAPES[what]
    (tmp_path / "t.csv").write_text(text)
    with pytest.raises(PopulaceError, match=why):
        read_table(tmp_path / "t.csv")


def test_lines_are_counted_as_an_editor_counts_them():
    text = 'a,b\n\n1,"two\nlines"\n\n\nfoo,4\n'
    with pytest.raises(PopulaceError, match="line 7, column 'a': 'foo' is no number"):
        table(text).numbers("a")
    with pytest.raises(PopulaceError, match=r"line 7 \(row 2 below the header\)"):
        table(text.replace("foo", "5,6"))


CELLS = {
    "-inf": "infinite",
    "1e999": "infinite",
    "Infinity": "infinite",
    "1e39": "too large",
    "nan": "missing_codes",
    "NA": "missing_codes",
    "?": "missing_codes",
    ".": "missing_codes",
    "2020-01-31": "a date",
    "31.1.2020": "a date",
    "1,200": "thousands",
    "1.200,5": "thousands",
    "12%": "leave out the sign",
    "0x1F": "no number",
    "1_000": "no number",
    "١٢": "no number",
    "": "missing",
}


@pytest.mark.parametrize("cell", CELLS)
def test_cells_that_are_no_numbers(cell):
    with pytest.raises(PopulaceError, match=rf"t\.csv, line 3, column 'a': .*{CELLS[cell]}"):
        table(f'a,b\n1,1\n"{cell}",1\n').numbers("a")


def test_a_column_holds_numbers_or_words():
    assert table("a,b\n1,x\n2,y\n").numeric("a")
    assert not table("a,b\n1,x\n2,y\n").numeric("b")
    assert table(
        "a,b\n1,x\n.,y\n",
    ).numeric("a", codes=(".",))
    with pytest.raises(PopulaceError, match="line 4, column 'a': 'refused' is no number"):
        table("a,b\n25,1\n31,1\nrefused,1\n").numeric("a")
    with pytest.raises(PopulaceError, match="line 4, column 'a': '-9' is a number among words"):
        table("a,b\nlow,1\nhigh,1\n-9,1\n").numeric("a")
    with pytest.raises(PopulaceError, match="line 2, column 'a': '2020-01-01' is a date"):
        table("a,b\n2020-01-01,1\n2020-01-02,1\n").numeric("a")


def test_dates_of_frames_and_parquet_files_are_told(tmp_path):
    frame = pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2021-01-01"]), "d": [datetime.date(2020, 1, 1)] * 2})
    frame.to_parquet(tmp_path / "t.parquet")
    for found in (Table.of_frame(frame), read_table(tmp_path / "t.parquet")):
        with pytest.raises(PopulaceError, match=r"row 1, column 'a': .* is a date, not a number"):
            found.numbers("a")
        with pytest.raises(PopulaceError, match=r"row 1, column 'd': .* is a date"):
            found.numeric("d")


def test_ranges_are_told_with_what_was_expected():
    found = table("a,b\n1,0.5\n0,2\n")
    with pytest.raises(PopulaceError, match="line 3, column 'a': '0' is out of range; expected a number above 0"):
        found.numbers("a", low=0, above=True)
    with pytest.raises(PopulaceError, match=r"line 2, column 'b': '0\.5' is out of range; users are the whole numbers"):
        found.numbers("b", whole=True, what="users are the whole numbers 0 to 9")


def test_a_file_of_another_kind_keeps_its_content_to_itself():
    secret = table("root:x:0:0:root\nme:$6$salt$hash:1000\n")
    with pytest.raises(UnknownName) as caught:
        secret.need("source", "target")
    assert "root" not in str(caught.value)
    with pytest.raises(UnknownName, match="'target'; expected one of: note, source"):
        table("source,note\n0,x\n").need("source", "target")


def test_a_name_almost_right_is_told():
    with pytest.raises(UnknownName, match="'Weight'; did you mean 'weight'"):
        table("source,target,Weight\n0,1,2\n").only("source", "target", "weight")
    table("source,target,weight,Weight\n0,1,2,3\n").only("source", "target", "weight")


def test_frames_with_a_column_twice_or_lists_in_cells_are_refused():
    with pytest.raises(PopulaceError, match="columns 1 and 2 are both called 'a'"):
        Table.of_frame(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(PopulaceError, match="column 'a': holds complex numbers"):
        Table.of_frame(pd.DataFrame({"a": [1j]})).numbers("a")


def test_control_characters_in_words_are_refused_at_their_line():
    with pytest.raises(PopulaceError, match=r"line 3, column 'b': it holds U\+001B, a control character"):
        table("a,b\n1,x\n2,\x1b[31mred\n").words("b")


def test_formats_that_could_mean_two_numbers_are_refused():
    with pytest.raises(ValueError, match="numbers would be ambiguous"):
        TableFormat(decimal=",", thousands=",")
    assert TableFormat() == PLAIN


def test_an_entry_of_words_is_bounded():
    with pytest.raises(PopulaceError, match=r"line 3, column 'a': it has 10,001 letters"):
        parse("a\nshort\n" + "x" * 10_001 + "\n", "t.csv").words("a")
