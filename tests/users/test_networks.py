import math
from itertools import pairwise

import networkx as nx
import numpy as np
import pytest
import torch

from populace.agents.users import PopulationSpec, SpecPopulation, graphs, sample
from populace.agents.users.networks import NetworkSpec, build
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName


def draw(*worlds, seed=0):
    return Draw.of(seed, torch.tensor(worlds)).scope("population")


def as_networkx(network, users, graph=0):
    kept = network.weight[graph] > 0
    g = nx.Graph()
    g.add_nodes_from(range(users))
    g.add_edges_from(zip(network.source[graph][kept].tolist(), network.target[graph][kept].tolist(), strict=True))
    return g


@pytest.mark.parametrize("kind", ["ring", "watts-strogatz", "barabasi-albert", "erdos-renyi", "stochastic-block"])
@pytest.mark.parametrize("users", [40, 5000])
def test_edges_go_both_ways_once_without_loops_sorted_by_target(kind, users):
    groups = torch.arange(users).remainder(3).expand(2, -1)
    network = build(NetworkSpec(kind=kind, degree=8), users, draw(0, 1), groups)
    for graph in range(len(network.source)):
        kept = network.weight[graph] > 0
        source, target = network.source[graph][kept], network.target[graph][kept]
        assert source.min() >= 0
        assert source.max() < users
        code = target * users + source
        assert (code.diff() > 0).all()  # sorted, and none twice
        assert torch.equal(code, (source * users + target).sort().values)  # both ways
        assert (source != target).all()
        assert (network.target[graph].diff() >= 0).all()  # padding keeps the order


def test_ring_and_rewired_ties_at_the_two_ends():
    ring = as_networkx(build(NetworkSpec(kind="ring", degree=4), 30, draw(0)), 30)
    assert nx.utils.graphs_equal(ring, nx.watts_strogatz_graph(30, 4, 0))
    kept = as_networkx(build(NetworkSpec(kind="watts-strogatz", degree=4, rewire=0), 30, draw(0)), 30)
    assert nx.utils.graphs_equal(ring, kept)


@pytest.mark.parametrize("rewire", [0.1, 0.5, 1.0])
def test_watts_strogatz_has_the_degrees_and_clustering_of_networkx(rewire):
    n, k = 3000, 8
    ours = [
        as_networkx(build(NetworkSpec(kind="watts-strogatz", degree=k, rewire=rewire), n, draw(w)), n) for w in range(3)
    ]
    theirs = [nx.watts_strogatz_graph(n, k, rewire, seed=s) for s in range(3)]
    assert all(g.number_of_edges() == n * k // 2 for g in ours)
    # Exact for large n: the variance of the degree is that of kept ends plus that of arrivals, k/2 (2 p - p^2).
    spread = k / 2 * (2 * rewire - rewire**2)
    for g in ours:
        degrees = np.array([d for _, d in g.degree])
        assert abs(degrees.var() - spread) < 5 * spread * math.sqrt(3 / n)
    clustering = [[nx.average_clustering(g) for g in graphs_] for graphs_ in (ours, theirs)]
    assert abs(np.mean(clustering[0]) - np.mean(clustering[1])) < 0.01
    histograms = [
        np.mean([np.bincount([d for _, d in g.degree], minlength=60)[:60] for g in gs], 0) / n for gs in (ours, theirs)
    ]
    assert np.abs(histograms[0] - histograms[1]).max() < 5 * math.sqrt(0.25 / n / 3)


def test_barabasi_albert_has_the_degrees_and_clustering_of_networkx():
    n, m = 6000, 4
    ours = [as_networkx(build(NetworkSpec(kind="barabasi-albert", degree=2 * m), n, draw(w)), n) for w in range(4)]
    theirs = [nx.barabasi_albert_graph(n, m, seed=s) for s in range(4)]
    assert all(g.number_of_edges() == m * (n - m) for g in ours)
    assert all(min(d for _, d in g.degree) >= 1 for g in ours)
    shares = [
        np.mean([np.bincount([d for _, d in g.degree], minlength=400)[:400] for g in gs], 0) / n
        for gs in (ours, theirs)
    ]
    for k in range(m, 12):
        # Limit for large n: P(k) = 2 m (m + 1) / (k (k + 1) (k + 2)) (Dorogovtsev, Mendes and Samukhin 2000).
        exact = 2 * m * (m + 1) / (k * (k + 1) * (k + 2))
        assert abs(shares[0][k] - exact) < 5 * math.sqrt(exact / n / 4) + 2 / n
        assert abs(shares[0][k] - shares[1][k]) < 5 * math.sqrt(2 * exact / n / 4)
    clustering = [np.mean([nx.average_clustering(g) for g in gs]) for gs in (ours, theirs)]
    assert abs(clustering[0] - clustering[1]) < 0.15 * clustering[1]
    largest = [np.mean([max(d for _, d in g.degree) for g in gs]) for gs in (ours, theirs)]
    assert 0.6 < largest[0] / largest[1] < 1.7  # the largest degree varies by a quarter from graph to graph


@pytest.mark.parametrize(("n", "degree"), [(2000, 6), (400, 120)])
def test_erdos_renyi_has_binomial_degrees(n, degree):
    chance = degree / (n - 1)
    g = as_networkx(build(NetworkSpec(kind="erdos-renyi", degree=degree), n, draw(0)), n)
    degrees = np.array([d for _, d in g.degree])
    assert abs(degrees.mean() - degree) < 4 * math.sqrt(2 * degree * (1 - chance) / n)
    spread = degree * (1 - chance)
    assert abs(degrees.var() - spread) < 5 * spread * math.sqrt(2 / n)
    assert abs(nx.transitivity(g) - chance) < 0.008


def test_every_pair_of_the_triangle_can_be_drawn():
    ties = graphs.erdos_renyi(50, 1.0, np.random.default_rng(0))
    assert sorted(map(tuple, ties.tolist())) == sorted((i, j) for i in range(50) for j in range(i))


def test_blocks_have_the_homophily_asked_for():
    spec = {
        "size": 4000,
        "segments": {"a": {"share": 0.25}, "b": {"share": 0.75}},
        "network": {"kind": "stochastic-block", "degree": 20, "homophily": 0.6},
    }
    people = sample(spec)
    kept = people.network.weight[0] > 0
    source, target = people.network.source[0][kept], people.network.target[0][kept]
    segment = people.segment[0]
    for index in (0, 1):
        heard = segment[target] == index
        members = int((segment == index).sum())
        degree = heard.sum() / members
        assert abs(degree - 20) < 5 * math.sqrt(2 * 20 / members)
        own = (segment[source[heard]] == index).double().mean()
        # homophily, and of the rest as many as there are
        assert abs(own - (0.6 + 0.4 * members / 4000)) < 5 * math.sqrt(0.25 / (members * 10))


def test_blocks_by_a_trait():
    base = {"size": 2000, "traits": {"income": {"lognormal": {}}, "sex": {"categorical": {"labels": ["f", "m"]}}}}
    for by, groups in (("income", 4), ("sex", 2)):
        network = {"kind": "stochastic-block", "degree": 10, "homophily": 1.0, "by": by}
        people = sample(base | {"network": network})
        kept = people.network.weight[0] > 0
        g = nx.Graph()
        g.add_edges_from(
            zip(people.network.source[0][kept].tolist(), people.network.target[0][kept].tolist(), strict=True)
        )
        trait = people.trait(by)[0]
        parts = sorted(nx.connected_components(g), key=lambda part: float(trait[list(part)].min()))[:groups]
        big = [p for p in nx.connected_components(g) if len(p) > 100]
        assert len(big) == groups
        if by == "income":  # quarters by rank: no overlap
            for low, high in pairwise(parts):
                assert trait[list(low)].max() <= trait[list(high)].min()


def test_a_graph_depends_on_its_world_only_and_a_shared_one_on_the_seed_only():
    for kind in ("watts-strogatz", "barabasi-albert", "erdos-renyi"):
        spec = NetworkSpec(kind=kind, degree=4)
        batch, alone = build(spec, 100, draw(1, 6, 2)), build(spec, 100, draw(6))
        kept = batch.weight[1] > 0
        assert torch.equal(batch.source[1][kept], alone.source[0])
        assert not torch.equal(batch.source[0], batch.source[1])
        shared = NetworkSpec(kind=kind, degree=4, shared=True)
        one, two = build(shared, 100, draw(1, 6)), build(shared, 100, draw(5))
        assert len(one.source) == 1
        assert torch.equal(one.source, two.source)
        assert not torch.equal(one.source, build(shared, 100, draw(5, seed=1)).source)


def test_complete_keeps_no_edges():
    people = sample({"size": 100_000, "network": {"kind": "complete"}}, worlds=3)
    assert people.network.complete
    assert people.network.source.shape == (1, 0)


def test_edge_lists(tmp_path):
    (tmp_path / "e.csv").write_text("source,target,weight\n0,1,0.5\n3,2,2\n")
    both = build(NetworkSpec(kind="file", file=tmp_path / "e.csv"), 4, draw(0))
    assert both.source.tolist() == [[1, 0, 3, 2]]
    assert both.target.tolist() == [[0, 1, 2, 3]]
    assert both.weight.tolist() == [[0.5, 0.5, 2, 2]]
    one_way = build(NetworkSpec(kind="file", file=tmp_path / "e.csv", directed=True), 4, draw(0))
    assert (one_way.source.tolist(), one_way.target.tolist()) == ([[0, 3]], [[1, 2]])
    with pytest.raises(PopulaceError, match=r"e.csv, line 3, column 'source': '3' is out of range.*0 to 2"):
        build(NetworkSpec(kind="file", file=tmp_path / "e.csv"), 3, draw(0))
    (tmp_path / "f.csv").write_text("from,target\n0,1\n")
    with pytest.raises(UnknownName, match="'source'"):
        build(NetworkSpec(kind="file", file=tmp_path / "f.csv"), 3, draw(0))


def test_graphml(tmp_path):
    nx.write_graphml(nx.path_graph(["ann", "bob", "cleo"]), tmp_path / "g.graphml")
    network = build(NetworkSpec(kind="file", file=tmp_path / "g.graphml"), 3, draw(0))
    assert network.source.tolist() == [[1, 0, 2, 1]]
    assert network.target.tolist() == [[0, 1, 1, 2]]
    with pytest.raises(PopulaceError, match="3 nodes for 2 users"):
        build(NetworkSpec(kind="file", file=tmp_path / "g.graphml"), 2, draw(0))


def test_impossible_networks_are_refused():
    with pytest.raises(PopulaceError, match="degree 8 among 8 users"):
        SpecPopulation(PopulationSpec.model_validate({"size": 8, "network": {"kind": "watts-strogatz", "degree": 8}}))
    with pytest.raises(ValueError, match="needs a file"):
        NetworkSpec(kind="file")
    with pytest.raises(ValueError, match="cannot be shared"):
        NetworkSpec(kind="stochastic-block", shared=True)
    few = {"size": 100, "assign": "even", "segments": {"a": {"share": 0.03}, "b": {"share": 0.97}}}
    with pytest.raises(PopulaceError, match=r"too few for 7\.2 ties"):
        sample(few | {"network": {"kind": "stochastic-block", "degree": 8, "homophily": 0.9}})


def test_nearly_everyone_tied_to_nearly_everyone():
    network = build(NetworkSpec(kind="watts-strogatz", degree=8, rewire=0.5), 9, draw(0))
    assert network.weight.sum() == 9 * 8
