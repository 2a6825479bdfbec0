"""How traits change: Axelrod, Centola, bounded confidence, layers, and the assistant's voice."""

import networkx as nx
import pytest
import torch
from culture_stage import play, stage

from populace.draw import Draw
from populace.envs.culture import CultureOptions, Layer
from populace.envs.culture import dynamics as d
from populace.envs.culture import networks as n
from populace.envs.culture.state import Ties
from populace.errors import PopulaceError
from populace.population import Network, People
from populace.run import start

TORUS = [{"name": "near", "kind": "grid", "width": 10}]


def _draw(worlds=3):
    return Draw.of(0, torch.arange(worlds))


def test_axelrods_transition_from_one_culture_to_many():
    regions = []
    for traits in (2, 15, 60):
        survey = {"questions": 5, "options": traits, "between": 0.0}
        _, keep = play(1000, 32, survey=survey, layers=TORUS, asked=1, measures=["regions"])
        regions.append(keep.series["largest_region"][-1].mean().item())
    assert regions[0] >= 0.95
    assert regions[2] <= 0.12
    assert regions[0] > regions[1] > regions[2]


def test_overlap_is_the_chance_to_copy_and_strangers_stay():
    own = torch.tensor([0, 0, 0, 0], dtype=torch.uint8).expand(1, 40_000, 4)
    theirs = torch.tensor([0, 0, 0, 1], dtype=torch.uint8).expand(1, 40_000, 4)
    there = torch.ones(1, 40_000, dtype=torch.bool)
    uniform = _draw(1).uniform("copy", 40_000)
    new, strangers = d._copy(own, theirs, there, uniform)
    assert (new != own).any(-1).float().mean().item() == pytest.approx(0.75, abs=0.01)  # 4 standard errors
    assert not strangers.any()
    new, strangers = d._copy(own, own + 1, there, uniform)
    assert (new == own).all()
    assert strangers.all()
    # One differing trait is copied, each as often.
    theirs = torch.tensor([0, 1, 1, 1], dtype=torch.uint8).expand(1, 40_000, 4)
    new, _ = d._copy(own, theirs, there, uniform)
    copied = (new != own).float().mean(1)[0]
    assert copied[0] == 0
    assert copied[1:].tolist() == pytest.approx([1 / 12] * 3, abs=0.006)
    assert ((new != own).sum(-1) <= 1).all()


def test_centola_leaves_strangers_and_nobody_else():
    world, policies, population = stage(
        people=30, rule="centola", survey={"questions": 2, "options": 40, "between": 0.0}, layers=TORUS
    )
    run = start(world, policies, population, seed=0, worlds=3)
    state = run.state
    ties = state.ties[0]
    assert ties is not None
    assert ties.source.shape[0] == 3  # a graph of one's own, as it changes
    layer, where = torch.zeros(3, 30, dtype=torch.int64), _draw().uniform("partner", 30)
    other, place, _ = n.partner(ties, where, 30)
    traits, after = d.meet(world.options, state.traits, (ties,), layer, where, _draw())
    held = d.options_of(state.traits[:, :, 0], state.tables.sizes)
    theirs = held.gather(1, other.unsqueeze(-1).expand_as(held))
    strangers = (held != theirs).all(-1)
    changed = (after[0].source != ties.source).reshape(-1)[place]
    assert not (changed & ~strangers).any()
    assert changed[strangers].float().mean() > 0.9  # a new neighbour may be the old one by chance
    assert (traits[:, :, 0][strangers] == state.traits[:, :, 0][strangers]).all()
    assert (n.partner(after[0], where, 30)[0] != torch.arange(30)).all()


def test_bounded_confidence_moves_within_reach_only():
    options = CultureOptions(rule="bounded", confidence=0.3, pull=0.25)
    traits = torch.tensor([[0.0, 0.2], [0.2, 0.9]]).view(1, 2, 1, 2)
    layer, where = torch.zeros(1, 2, dtype=torch.int64), torch.zeros(1, 2)
    new, _ = d.meet(options, traits, (None,), layer, where, _draw(1))
    assert new[0, :, 0].tolist() == [pytest.approx([0.05, 0.2]), pytest.approx([0.15, 0.9])]


def test_bounded_confidence_ends_in_consensus_or_clusters():
    layers = [{"name": "all", "kind": "complete"}]
    spread = {}
    for confidence in (0.1, 1.0):
        run, _ = play(
            200, rule="bounded", confidence=confidence, survey={"questions": 1}, layers=layers, people=200, asked=1
        )
        spread[confidence] = (run.state.traits.amax(1) - run.state.traits.amin(1)).mean().item()
    assert spread[1.0] < 0.01
    assert spread[0.1] > 0.5


def test_coupling_carries_traits_between_layers_only():
    layers = [Layer(name="a"), Layer(name="b")]
    options = CultureOptions(coupling=1.0, layers=tuple(layers))
    traits = torch.tensor([[0, 0, 0], [1, 1, 1]], dtype=torch.uint8).expand(2, 5000, 2, 3)
    new = d.couple(options, traits, _draw(2))
    changed = new != traits
    assert (changed.flatten(2).sum(-1) == 1).all()  # one trait of each person, taken from its other layer
    assert changed.float().mean((0, 1)).flatten().tolist() == pytest.approx([1 / 6] * 6, abs=0.02)
    real = torch.tensor([[0.0], [1.0]]).expand(1, 1, 2, 1)
    half = d.couple(options.model_copy(update={"coupling": 0.5}), real, _draw(1))
    assert half.flatten().tolist() == pytest.approx([0.25, 0.75])
    assert d.couple(options.model_copy(update={"coupling": 0.0}), traits, _draw(2)) is traits


def _hear(susceptibility, references, listen="perspectives", final=True):
    options = CultureOptions(listen=listen)
    traits = torch.full((1, 20_000, 1, 2), 4, dtype=torch.uint8)
    said, merged = torch.tensor([[[0], [1], [2]]]), torch.tensor([[3]])
    cited, asked = torch.tensor([[references]]), torch.tensor([[1]])
    sizes = torch.tensor([5, 5])
    done = torch.tensor([final])
    new = d.hear(options, traits, sizes, susceptibility, asked, said, merged, cited, done, _draw(1))
    assert (new[..., 0] == 4).all()  # nobody asked about the other feature
    return torch.bincount(new[0, :, 0, 1].long(), minlength=5) / 20_000


def test_people_hear_perspectives_by_their_share_of_references():
    assert _hear(0.4, [3, 1, 0]).tolist() == pytest.approx([0.3, 0.1, 0, 0, 0.6], abs=0.014)
    assert _hear(1.0, [0, 0, 0])[3] == 1  # no reference: the merged answer
    assert _hear(1.0, [3, 1, 0], "merged")[3] == 1
    assert _hear(0.0, [3, 1, 0])[4] == 1
    assert _hear(1.0, [3, 1, 0], final=False)[4] == 1
    each = torch.full((1, 20_000), 0.4)
    assert _hear(each, [3, 1, 0]).tolist() == _hear(0.4, [3, 1, 0]).tolist()


def test_the_largest_region_against_networkx():
    draw = _draw(6)
    for layer in (Layer(name="g", kind="grid"), Layer(name="r", kind="random", degree=2)):
        people = People(torch.zeros(6, 63, 0), torch.zeros(6, 63, dtype=torch.int64))
        ties, _ = n.build(layer, people, draw.scope(layer.name))
        options = draw.integers(f"{layer.name}/options", 0, 2, 63, 1)
        found = d.largest_region(options, ties)
        for w in range(6):
            g = w if ties.source.shape[0] > 1 else 0
            graph = nx.Graph()
            graph.add_nodes_from(range(63))
            for i in range(63):
                first = int(ties.first[g, i])
                for j in ties.source[g, first : first + int(ties.count[g, i])].tolist():
                    if options[w, i, 0] == options[w, j, 0]:
                        graph.add_edge(i, j)
            assert found[w].item() == pytest.approx(max(map(len, nx.connected_components(graph))) / 63)


def test_a_long_chain_is_one_region():
    chain = torch.arange(1, 1000)
    ties = n.of_edges(Network(chain[None], chain[None] - 1, torch.ones(1, 999)), 1000)
    assert d.largest_region(torch.zeros(1, 1000, 3, dtype=torch.int64), ties).item() == 1


def test_padding_of_edges_is_nobody():
    network = Network(torch.tensor([[1, 2]]), torch.tensor([[0, 0]]), torch.tensor([[1.0, 0.0]]))
    ties = n.of_edges(network, 3)
    assert ties.count.tolist() == [[1, 0, 0]]
    assert d.largest_region(torch.zeros(1, 3, 1, dtype=torch.int64), ties).item() == pytest.approx(2 / 3)
    other, _, there = n.partner(ties, torch.full((1, 3), 0.99), 3)
    assert other[0, 0] == 1
    assert there.tolist() == [[True, False, False]]


def test_lattices():
    torus = n.of_table(n.grid(100, 10, True, "x"))
    assert (torus.count == 4).all()
    border = n.of_table(n.grid(100, 10, False, "x"))
    assert sorted(border.count[0].unique().tolist()) == [2, 3, 4]
    assert border.count.sum() == 360
    assert n.ring(6, 2).tolist()[0] == [1, 5]
    assert n.ring(3, 8).shape == (3, 2)
    assert n.ring(1, 8).shape == (1, 0)
    random: Ties = n.random(50, 3, "x", _draw(2))
    assert (random.source.view(2, 50, 3) != torch.arange(50).view(1, -1, 1)).all()
    other, _, _ = n.partner(None, _draw(2).uniform("p", 50), 50)
    assert (other != torch.arange(50)).all()


def test_mistakes_in_layers(tmp_path):
    path = tmp_path / "ties.csv"
    path.write_text("source,target\n0,1\n2,9\n")
    layers = [{"name": "work", "kind": "file", "file": str(path)}]
    wanted = r"'work': .*ties\.csv, line 3, column 'target': '9' is out of range; .* 0 to 8"
    with pytest.raises(PopulaceError, match=wanted):
        play(1, people=9, layers=layers)
    run, _ = play(1, people=10, layers=layers)
    assert run.state.graphs[0].count[0].tolist() == [0, 1, 0, 0, 0, 0, 0, 0, 0, 1]
    with pytest.raises(PopulaceError, match="10 users do not fill a grid of width 4"):
        play(1, people=10, layers=[{"name": "x", "kind": "grid", "width": 4}])
    with pytest.raises(PopulaceError, match="the population has none"):
        play(1, people=10, layers=[{"name": "x", "kind": "people"}])
    for wrong, message in (
        ({"layers": []}, "one is needed"),
        ({"layers": [Layer(name="a"), Layer(name="a")]}, "names must differ"),
        ({"speaks_on": "radio"}, "no layer is called 'radio'"),
        ({"susceptibility": 1.5}, "less than or equal to 1"),
        ({"funded": 13}, "leaves nothing to choose"),
    ):
        with pytest.raises(ValueError, match=message):
            CultureOptions(**wrong)
