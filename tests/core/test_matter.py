"""`populace.matter`: a world's own table or a user's file, and cells that are refused with their place."""

import os
import re

import pytest

from populace import matter, trust
from populace.errors import PopulaceError, UnknownName
from populace.table import Table
from populace.tables import parse


def table(text: str) -> Table:
    return parse(text, "t.csv")


def source(lines=None):
    return matter.Source("populace.envs.drift.matter", "claims", lambda t: (t.name, t.header, t.rows), lines)


def test_the_packages_own_table_is_found_by_its_name():
    name, header, rows = source()("claims")
    assert name == "claims.csv"
    assert "claim" in header
    assert rows > 10


def test_a_file_is_found_by_its_path_and_read_anew_only_when_it_has_changed(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("a,b\n1,2\n")
    reads = []
    own = matter.Source("populace.envs.drift.matter", "claims", lambda t: reads.append(t.rows) or t.rows)
    assert (own(str(file)), own(str(file)), reads) == (1, 1, [1])
    file.write_text("a,b\n1,2\n3,4\n")
    os.utime(file, ns=(1, 1))
    assert own(str(file)) == 2


def test_lines_are_read_where_a_world_takes_them(tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text("{}\n{}\n")
    assert source(lambda text, path: (path, text.count("\n")))(str(file)) == (str(file), 2)
    with pytest.raises(PopulaceError, match=r"own\.jsonl: a table is a \.csv"):
        source()(str(file))


def test_a_strangers_scenario_may_not_name_a_file_elsewhere(tmp_path):
    file = tmp_path / "own.csv"
    file.write_text("a\n1\n")
    source()(str(file))  # once read, it is in the cache, and is asked for all the same
    with trust.speaking(trust.Word(read=False)), pytest.raises(trust.NeedsWord):
        source()(str(file))


def test_texts_have_single_spaces_and_a_missing_one_is_refused_with_its_line():
    assert matter.texts(table("a,b\nx,1\n  y   z ,2\n"), "a") == ["x", "y z"]
    assert matter.texts(table("a,b\n,1\ny,2\n"), "a", missing=True) == ["", "y"]
    with pytest.raises(PopulaceError, match=re.escape("t.csv, line 3, column 'a': missing; expected a word")):
        matter.texts(table("a,b\nx,1\n,2\n"), "a")


def test_words_of_another_kind_are_refused_with_their_line():
    assert matter.one_of(table("a,b\nlow,1\nhigh,2\n"), "a", ("high", "low")) == [1, 0]
    assert matter.yes(table("a,b\nyes,1\nno,2\n"), "a") == [True, False]
    with pytest.raises(PopulaceError, match=re.escape("t.csv, line 2, column 'a': 'maybe' is none of yes, no")):
        matter.yes(table("a,b\nmaybe,1\n"), "a")


def test_a_key_that_stands_twice_is_refused_with_both_lines():
    twice = table("a,b\nx,1\ny,2\nx,3\n")
    matter.once(twice, "a", [1, 2, 3], "claim")
    with pytest.raises(
        PopulaceError, match=re.escape("t.csv, line 4, column 'a': this claim stands in line 2 already")
    ):
        matter.once(twice, "a", ["x", "y", "x"], "claim")


def test_places_are_padded_and_counted():
    place, count = matter.places([[[3, 1], []], [[0], [2]]])
    assert place.tolist() == [[[3, 1], [0, 0]], [[0, 0], [2, 0]]]
    assert count.tolist() == [[2, 0], [1, 1]]


def test_long_cells_and_names_are_quoted_by_their_beginning():
    long = "word " * 2000
    with pytest.raises(PopulaceError) as refused:
        matter.one_of(table(f"{'n' * 5000},b\n{long},2\n"), "n" * 5000, ["yes", "no"])
    assert "'word word" in str(refused.value)
    assert len(str(refused.value)) < 400
    assert len(str(UnknownName("policy", long, ["honest"]))) < 200
    assert len(str(UnknownName("policy", "honest", [long, f"{long}!"]))) < 300
