"""What a population refuses when it is specified or built, and the key of the scenario that it names."""

import re

import pytest
from pydantic import ValidationError

from populace.agents.users import PopulationSpec, SpecPopulation
from populace.errors import OptionError


def refused(given, folder=None):
    """The error of building `given`."""
    with pytest.raises(OptionError) as caught:
        SpecPopulation(PopulationSpec.model_validate({"size": 10, **given}, context={"folder": folder}))
    return caught.value


@pytest.mark.parametrize("values", [["a", "a"], {"names": ["a", "b", "a"]}])
def test_value_names_are_given_once(values):
    with pytest.raises(ValidationError, match="given twice: 'a'"):
        PopulationSpec.model_validate({"values": values})


@pytest.mark.parametrize("part", ["values", "traits"])
def test_columns_are_listed_once(part, tmp_path):
    (tmp_path / "p.csv").write_text("a\n1\n")
    with pytest.raises(ValidationError, match="columns are given twice"):
        PopulationSpec.model_validate({"data": {"file": tmp_path / "p.csv", part: ["a", "a"]}})


def test_sizes_end_at_a_billion():
    assert PopulationSpec(size=10**9).size == 10**9
    for size in (10**9 + 1, 99999999999999999999):
        with pytest.raises(ValidationError):
            PopulationSpec(size=size)


BAD_TABLES = {
    "empty": ("", "cannot read"),
    "header": ("a,w\n", "no row is left"),
    "ragged": ("a,w\n1,2\n1,2,3,4\n", "line 3 .row 2 below the header., column 3: it has 4 cells and the header 2"),
    "words": ("a,w\n1,1\nhigh,1\n", "line 3.*no number"),
    "weights": ("a,w\n1,1\n2,much\n", "line 3, column .w.: .much. is no number: weights are numbers of 0 or more"),
}


@pytest.mark.parametrize("name", BAD_TABLES)
def test_bad_tables_name_the_key_of_the_file(name, tmp_path):
    text, why = BAD_TABLES[name]
    (tmp_path / "p.csv").write_text(text)
    error = refused({"data": {"file": "p.csv", "values": ["a"], "weights": "w"}}, tmp_path)
    assert error.keys == (("population", "data", "file"),)
    assert re.search(why, str(error))


def test_a_bad_column_names_its_trait(tmp_path):
    (tmp_path / "p.csv").write_text("")
    error = refused({"traits": {"age": {"empirical": {"file": "p.csv", "column": "a"}}}}, tmp_path)
    assert error.keys == (("population", "traits", "age", "empirical", "file"),)


BAD_EDGES = {
    "empty": ("", "cannot read"),
    "column": ("from,target\n0,1\n", "unknown column .* 'source'"),
    "stranger": (
        "source,target\n0,99\n",
        "line 2, column .target.: .99. is out of range; users are the",
    ),
    "weight": ("source,target,weight\n0,1,heavy\n", "line 2, column .weight.: .heavy. is no number"),
    "negative": (
        "source,target,weight\n0,1,-1\n",
        "line 2, column .weight.: .-1. is out of range; weights are",
    ),
}


@pytest.mark.parametrize("name", BAD_EDGES)
def test_bad_edge_lists_are_refused_before_anyone_is_sampled(name, tmp_path):
    text, why = BAD_EDGES[name]
    (tmp_path / "e.csv").write_text(text)
    error = refused({"network": {"kind": "file", "file": "e.csv"}}, tmp_path)
    assert error.keys == (("population", "network", "file"),)
    assert re.search(why, str(error))


def test_a_broken_graph_is_refused(tmp_path):
    (tmp_path / "g.graphml").write_text("<graphml><graph")
    assert "as GraphML" in str(refused({"network": {"kind": "file", "file": "g.graphml"}}, tmp_path))


def test_an_impossible_degree_names_its_key():
    assert refused({"network": {"kind": "ring", "degree": 20}}).keys == (("population", "network", "degree"),)


def test_bounds_of_traits_over_all_segments(tmp_path):
    """What the kinds can give by definition; a column of a file is bounded by its numbers."""
    (tmp_path / "p.csv").write_text("x\n-2\n3\n")
    traits = {
        "constant": 7,
        "uniform": {"uniform": {"low": 0.2, "high": 0.4}},
        "beta": {"beta": {"a": 2, "b": 4}},
        "normal": {"normal": {"sd": 5}},
        "gamma": {"gamma": {"shape": 2}},
        "discrete": {"discrete": {"options": [0, 5]}},
        "column": {"empirical": {"file": "p.csv", "column": "x"}},
        "both": {"correlated": {"names": ["left", "right"], "marginals": {"left": {"uniform": {}}}}},
    }
    segments = {"a": {"share": 0.5, "traits": {"uniform": 0.9}}, "b": {"share": 0.5}}
    spec = PopulationSpec.model_validate({"traits": traits, "segments": segments}, context={"folder": tmp_path})
    inf = float("inf")
    assert SpecPopulation(spec).census.bounds == {
        "constant": (7, 7),
        "uniform": (0.2, 0.9),
        "beta": (0, 1),
        "normal": (-inf, inf),
        "gamma": (0, inf),
        "discrete": (0, 5),
        "column": (-2, 3),
        "left": (0, 1),
        "right": (-inf, inf),
    }


def test_a_trait_comes_from_one_place(tmp_path):
    (tmp_path / "p.csv").write_text("age\n30\n")
    error = refused({"data": {"file": "p.csv", "traits": ["age"]}, "traits": {"age": 40}}, tmp_path)
    assert error.keys[0] == ("population", "traits", "age")
