"""Files of people and of their ties: what happened to them silently, and is told now."""

import networkx as nx
import numpy as np
import pandas as pd
import pytest

from populace.agents.users import PopulationSpec, SpecPopulation, from_dataframe, option_shares, sample
from populace.agents.users.networks import NetworkSpec, read_edges
from populace.errors import OptionError, PopulaceError, UnknownName


def population(tmp_path, text, size=9, name="p.csv", **data):
    (tmp_path / name).write_text(text)
    spec = {"size": size, "data": {"file": name, **data}}
    return SpecPopulation(PopulationSpec.model_validate(spec, context={"folder": tmp_path}))


# ---------------------------------------------------------------------- people


@pytest.mark.parametrize("mark", ["?", ".", "refused", "1,200", "NA"])
def test_one_text_among_numbers_is_refused_at_its_line(tmp_path, mark):
    text = f'v,age\n1,25\n2,31\n3,9\n2,100\n1,"{mark}"\n'
    with pytest.raises(OptionError, match=r"line 6, column 'age': .* is no number") as caught:
        population(tmp_path, text, values={"v": "v"}, traits=["age"])
    assert caught.value.keys == (("population", "data", "file"),)
    if mark != "1,200":
        found = population(tmp_path, text, values=["v"], traits=["age"], missing="drop", missing_codes=[mark])
        assert sorted(found.table.rows[:, 1]) == [9, 25, 31, 100]
    worded = population(tmp_path, text, values=["v"], traits=["age"], words=["age"])
    assert worded.labels["age"] == tuple(sorted(["25", "31", "9", "100", mark]))


def test_words_option_names_traits_of_the_data(tmp_path):
    with pytest.raises(ValueError, match="'agee' is no trait of the data; did you mean 'age'"):
        population(tmp_path, "v,age\n1,2\n", values=["v"], traits=["age"], words=["agee"])


def test_shifted_columns_are_refused(tmp_path):
    with pytest.raises(PopulaceError, match=r"line 2 \(row 1 below the header\), column 4: it has 4 cells"):
        population(tmp_path, "warm,open,note\n1,20,300,\n2,40,300,\n", values=["warm", "open"])


NAMIBIA = "v,country,religion\n1,NA,None\n2,ZA,Hindu\n3,ZA,None\n2,NA,Muslim\n1,BW,Hindu\n"


@pytest.mark.parametrize("missing", ["error", "drop"])
def test_namibia_and_no_religion_are_there(tmp_path, missing):
    found = population(tmp_path, NAMIBIA, values=["v"], traits=["religion"], segment="country", missing=missing)
    assert found.census.segments == ("BW", "NA", "ZA")
    assert found.labels["religion"] == ("Hindu", "Muslim", "None")
    assert found.provenance["data"]["used_rows"] == 5
    assert found.shares == pytest.approx({"BW": 0.2, "NA": 0.4, "ZA": 0.4})


def test_a_missing_segment_obeys_missing(tmp_path):
    text = "v,country\n1,ZA\n2,\n3,BW\n"
    with pytest.raises(PopulaceError, match=r"1 entries are missing, the first in line 3, column 'country'; .*'drop'"):
        population(tmp_path, text, values=["v"], segment="country")
    with pytest.raises(PopulaceError, match="line 3, column 'country': missing, and segments have no mean"):
        population(tmp_path, text, values=["v"], segment="country", missing="mean")
    found = population(tmp_path, text, values=["v"], segment="country", missing="drop")
    assert (found.census.segments, found.provenance["data"]["missing"]) == (("BW", "ZA"), 1)


def test_missing_codes_hold_for_words_and_segments(tmp_path):
    text = "v,region,educ\n1,1,low\n2,2,high\n3,99,-9\n2,1,-9\n"
    data = {"values": ["v"], "traits": ["educ"], "segment": "region", "missing": "drop", "missing_codes": [99, -9]}
    found = population(tmp_path, text, **data)
    assert found.labels["educ"] == ("high", "low")
    assert found.census.segments == ("1", "2")
    assert found.provenance["data"]["missing"] == 3


@pytest.mark.parametrize("number", ["-inf", "inf", "1e400", "1e39"])
@pytest.mark.parametrize("part", [{"values": ["a", "b"]}, {"values": ["b"], "traits": ["a"]}])
def test_infinite_numbers_are_refused_at_line_and_column(tmp_path, number, part):
    with pytest.raises(OptionError, match="line 4, column 'a'"):
        population(tmp_path, f"a,b\n1,2\n0.5,1\n{number},0.2\n0.1,0.3\n", **part)


def test_infinite_weights_and_weights_whose_sum_is(tmp_path):
    for weight in ("inf", "1e308", "-1", "x", ""):
        with pytest.raises(OptionError, match="line 2, column 'w'"):
            population(tmp_path, f"a,w\n1,{weight}\n3,1\n", values=["a"], weights="w")


def test_numbers_as_other_countries_write_them(tmp_path):
    text = "a;b\n1,5;2.000\n2,5;3.000\n"
    with pytest.raises(OptionError, match="more semicolons than commas"):
        population(tmp_path, text, values=["a", "b"])
    written = {"separator": ";", "decimal": ",", "thousands": "."}
    found = population(tmp_path, text, values=["a", "b"], format=written)
    assert found.table.rows.tolist() == [[1.5, 2000], [2.5, 3000]]


def test_a_column_of_numbers_alone_is_read_the_same_way(tmp_path):
    (tmp_path / "p.csv").write_text("age\n30\n-inf\n")
    spec = {"size": 4, "traits": {"age": {"empirical": {"file": "p.csv", "column": "age"}}}}
    with pytest.raises(OptionError, match="line 3, column 'age'"):
        SpecPopulation(PopulationSpec.model_validate(spec, context={"folder": tmp_path}))


def test_licence_and_consent_stand_in_the_provenance_and_no_path_does(tmp_path):
    found = population(tmp_path, "v\n1\n2\n", values=["v"], source="S", licence="CC BY 4.0", consent="for research")
    provenance = found.provenance["data"]
    assert (provenance["source"], provenance["licence"], provenance["consent"]) == ("S", "CC BY 4.0", "for research")
    assert str(tmp_path) not in str(found.describe())


def test_segments_of_few_respondents_are_known(tmp_path):
    text = "v,s\n" + "1,many\n" * 10 + "2,few\n" * 9
    assert population(tmp_path, text, values=["v"], segment="s").provenance["data"]["few"] == ["few"]


def test_frames_are_read_by_the_same_rules():
    with pytest.raises(PopulaceError, match="columns 1 and 2 are both called 'a'"):
        from_dataframe(pd.DataFrame([[1, 2], [3, 4.0]], columns=["a", "a"]), 10, values=["a"])
    with pytest.raises(PopulaceError, match="is a date"):
        from_dataframe(pd.DataFrame({"a": pd.to_datetime(["2020-01-01", "2021-01-01"])}), 10, values=["a"])
    with pytest.raises(PopulaceError, match="row 2, column 'a': 'inf' is infinite"):
        from_dataframe(pd.DataFrame({"a": [1, np.inf]}), 10, values=["a"])
    mixed = pd.DataFrame({"v": [1, 2, 3], "t": [25, 31, "refused"]})
    with pytest.raises(PopulaceError, match="row 3, column 't': 'refused' is no number"):
        from_dataframe(mixed, 10, values=["v"], traits=["t"])


def test_shares_that_are_missing_are_told():
    frame = pd.DataFrame({"i": ["q", "q", "r"], "o": [1, 2, 1], "s": [0.2, None, 1.0], "land": ["A", "A", "B"]})
    with pytest.raises(PopulaceError, match="row 2, column 's': missing"):
        option_shares(frame, item="i", option="o", share="s")
    assert list(option_shares(frame, item="i", option="o", share="s", where={"land": "B"})) == ["r"]


def test_names_that_no_terminal_should_see_are_refused(tmp_path):
    with pytest.raises(PopulaceError, match=r"U\+001B"):
        population(tmp_path, "v,s\n1,\x1bc\n", values=["v"], segment="s")
    with pytest.raises(ValueError, match=r"U\+000A"):
        PopulationSpec.model_validate({"values": ["a\nb"]})
    with pytest.raises(PopulaceError, match=r"U\+202E"):
        SpecPopulation(PopulationSpec.model_validate({"segments": {"a\u202eb": {"share": 1}}})).census  # noqa: B018


# ---------------------------------------------------------------------- ties


def edges(file, users=4, **options):
    pairs, weights = read_edges(NetworkSpec(kind="file", file=file, **options), users)
    return sorted(zip(*pairs.tolist(), weights.tolist(), strict=True))


@pytest.mark.parametrize("name", [str, "n{}".format])
def test_whole_number_nodes_are_the_users(tmp_path, name):
    graph = nx.Graph()
    graph.add_weighted_edges_from([(3, 1, 0.5), (1, 0, 2.0), (0, 2, 1.0)])
    nx.write_graphml(nx.relabel_nodes(graph, name), tmp_path / "g.graphml")
    nx.to_pandas_edgelist(graph).to_csv(tmp_path / "g.csv", index=False)
    assert edges(tmp_path / "g.graphml") == edges(tmp_path / "g.csv")
    assert (3, 1, 0.5) in edges(tmp_path / "g.graphml")
    with pytest.raises(PopulaceError, match=r"node 3 is no user: .*0 to 2.*population\.size to 4"):
        edges(tmp_path / "g.graphml", users=3)


def test_nodes_are_numbers_or_names_not_both(tmp_path):
    nx.write_graphml(nx.path_graph([0, 1, "ann"]), tmp_path / "g.graphml")
    with pytest.raises(PopulaceError, match="the node 'ann' is no whole number though others are"):
        edges(tmp_path / "g.graphml")


@pytest.mark.parametrize("name", ["Weight", "weights", "WEIGHT", " Weight "])
def test_a_column_almost_called_weight_is_told(tmp_path, name):
    (tmp_path / "e.csv").write_text(f"source,target,{name}\n0,1,0.2\n")
    with pytest.raises(UnknownName, match="did you mean 'weight'"):
        edges(tmp_path / "e.csv")


def test_an_attribute_almost_called_weight_is_told(tmp_path):
    graph = nx.Graph()
    graph.add_edge(0, 1, Weight=0.2)
    nx.write_graphml(graph, tmp_path / "g.graphml")
    with pytest.raises(UnknownName, match="did you mean 'weight'"):
        edges(tmp_path / "g.graphml")


def test_two_weights_of_one_tie_are_refused(tmp_path):
    both_ways, twice = "source,target,weight\n0,1,1\n2,3,1\n1,0,5\n", "source,target,weight\n0,1,1\n0,1,5\n"
    (tmp_path / "b.csv").write_text(both_ways)
    (tmp_path / "t.csv").write_text(twice)
    with pytest.raises(PopulaceError, match=r"the weight 1 in line 2 and 5 in line 4.*directed: true"):
        edges(tmp_path / "b.csv")
    assert edges(tmp_path / "b.csv", directed=True) == [(0, 1, 1.0), (1, 0, 5.0), (2, 3, 1.0)]
    for directed in (False, True):
        with pytest.raises(PopulaceError, match="the weight 1 in line 2 and 5 in line 3"):
            edges(tmp_path / "t.csv", directed=directed)
    (tmp_path / "s.csv").write_text("source,target,weight\n0,1,5\n1,0,5\n0,1,5\n")
    assert edges(tmp_path / "s.csv") == [(0, 1, 5.0), (1, 0, 5.0)]


def test_two_weights_of_one_tie_in_graphml_are_refused(tmp_path):
    graph = nx.MultiGraph()
    graph.add_edge(0, 1, weight=1.0)
    graph.add_edge(1, 0, weight=2.0)
    nx.write_graphml(graph, tmp_path / "g.graphml")
    with pytest.raises(PopulaceError, match="the weight 1 in edge 1 and 2 in edge 2"):
        edges(tmp_path / "g.graphml")


@pytest.mark.parametrize("weight", [float("inf"), float("nan"), -1.0])
def test_weights_of_graphml_are_numbers_of_0_or_more(tmp_path, weight):
    graph = nx.Graph()
    graph.add_edge(0, 1, weight=weight)
    nx.write_graphml(graph, tmp_path / "g.graphml")
    with pytest.raises(PopulaceError, match="the edge from '0' to '1' has the weight"):
        edges(tmp_path / "g.graphml")


@pytest.mark.parametrize("cell", ["0.5", "-1", "4", "inf", "x", ""])
def test_ends_of_ties_are_users(tmp_path, cell):
    (tmp_path / "e.csv").write_text(f"source,target\n0,1\n{cell},1\n")
    with pytest.raises(PopulaceError, match=r"line 3, column 'source': .*users are the whole numbers 0 to 3"):
        edges(tmp_path / "e.csv")


def test_a_graph_that_is_none_tells_its_file_and_no_content(tmp_path):
    (tmp_path / "g.graphml").write_text("secret words")
    with pytest.raises(PopulaceError, match=r"g\.graphml as GraphML") as caught:
        edges(tmp_path / "g.graphml")
    assert "secret" not in str(caught.value)


def test_people_are_the_same_from_every_kind_of_file(tmp_path):
    frame = pd.DataFrame({"a": [1.5, 2.5, 4.0], "w": ["x", "y", "x"], "s": ["NA", "B", "NA"]})
    frame.to_csv(tmp_path / "p.csv", index=False)
    frame.to_csv(tmp_path / "p.csv.gz", index=False)
    frame.to_csv(tmp_path / "bom.csv", index=False, encoding="utf-8-sig")
    frame.to_parquet(tmp_path / "p.parquet")
    crowds = [
        sample({"size": 50, "data": {"file": tmp_path / name, "values": ["a"], "traits": ["w"], "segment": "s"}})
        for name in ("p.csv", "p.csv.gz", "bom.csv", "p.parquet")
    ]
    for crowd in crowds[1:]:
        assert (crowd.values == crowds[0].values).all()
        assert (crowd.traits["w"] == crowds[0].traits["w"]).all()
        assert (crowd.segment == crowds[0].segment).all()
