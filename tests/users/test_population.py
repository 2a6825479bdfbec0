import json
import math
import time

import pytest
import torch

from populace import tree
from populace.agents.users import SYSTEMS, PopulationSpec, SpecPopulation, render, sample
from populace.draw import Draw
from populace.errors import PopulaceError, UnknownName

EVERYTHING = {
    "size": 300,
    "values": {"system": "schwartz", "each": {"power": {"beta": {"a": 2, "b": 5}}}},
    "segments": {
        "settled": {"share": 0.7},
        "searching": {
            "share": 0.3,
            "values": {"distribution": {"normal": {"mean": 3, "sd": 0.1}}},
            "traits": {"susceptibility": {"beta": {"a": 4, "b": 2}}, "beta": 0.5},
        },
    },
    "traits": {
        "susceptibility": {"beta": {"a": 2, "b": 4}},
        "age": {"categorical": {"labels": ["young", "old"], "weights": [1, 2]}},
        "w": {"dirichlet": {"alpha": 0.3, "names": ["w/a", "w/b"]}},
    },
    "preference": {"family": "linear", "beta": 4},
    "network": {"kind": "watts-strogatz", "degree": 8, "rewire": 0.1},
}


def draw(*worlds, seed=0):
    return Draw.of(seed, torch.tensor(worlds), check=True).scope("population")


def test_census_names_what_is_sampled():
    population = SpecPopulation(PopulationSpec.model_validate(EVERYTHING))
    people, census = population.sample(draw(0, 1)), population.census
    assert people.values.shape == (2, census.size, len(census.values)) == (2, 300, 10)
    assert set(people.traits) == set(census.traits)
    assert census.segments == ("settled", "searching")
    assert census.networked
    assert people.segment.max() < len(census.segments)
    json.dumps(population.describe())


@pytest.mark.parametrize("hierarchy", [False, True])
def test_a_world_is_the_same_alone_and_in_a_batch(hierarchy):
    spec = dict(EVERYTHING)
    if hierarchy:
        spec["values"], spec["hierarchy"] = "schwartz", {"cultures": 3}
    population = SpecPopulation(PopulationSpec.model_validate(spec))
    batch, alone = population.sample(draw(3, 5, 9, 11)), population.sample(draw(9))
    ours = tree.take(batch, torch.tensor([2]))
    for a, b in zip(tree.tensors(ours, shared=False), tree.tensors(alone, shared=False), strict=True):
        assert torch.equal(a, b)
    assert torch.equal(batch.network.source[2], alone.network.source[0])
    assert not torch.equal(batch.network.source[2], batch.network.source[1])


def test_a_person_does_not_depend_on_the_number_of_users():
    small = sample(EVERYTHING | {"size": 50}, worlds=2)
    large = sample(EVERYTHING | {"size": 301}, worlds=2)
    assert torch.equal(small.values, large.values[:, :50])
    assert torch.equal(small.segment, large.segment[:, :50])
    for name in small.traits:
        assert torch.equal(small.traits[name], large.traits[name][:, :50])


def test_segments_have_their_shares_and_their_own_distributions():
    n = 100_000
    people = sample(EVERYTHING | {"size": n, "network": None})
    searching = people.segment[0] == 1
    assert abs(searching.float().mean() - 0.3) < 4 * math.sqrt(0.3 * 0.7 / n)
    susceptibility = people.trait("susceptibility")[0]
    for part, mean in ((searching, 4 / 6), (~searching, 2 / 6)):
        # The standard deviation of beta(2, 4) and beta(4, 2) is sqrt(8 / 252).
        assert abs(susceptibility[part].mean() - mean) < 4 * math.sqrt(8 / 252 / part.sum())
    assert set(people.trait("beta")[0][searching].tolist()) == {0.5}
    assert set(people.trait("beta")[0][~searching].tolist()) == {4.0}
    values = people.values[0]
    assert (values[searching].mean(0) - 3).abs().max() < 5 * 0.1 / math.sqrt(0.3 * n)
    power = SYSTEMS["schwartz"].index("power")
    assert abs(values[~searching][:, power].mean() - 2 / 7) < 4 * math.sqrt(10 / 392 / (0.7 * n))


def test_an_override_keeps_a_persons_quantile():
    base = {"size": 1000, "traits": {"x": {"normal": {"mean": 0, "sd": 1}}}}
    moved = base | {"segments": {"a": {"share": 1, "traits": {"x": {"normal": {"mean": 5, "sd": 1}}}}}}
    assert torch.allclose(sample(moved).trait("x"), sample(base).trait("x") + 5)


@pytest.mark.parametrize("size", [10, 100, 1000, 12345])
def test_even_segments_stay_within_a_few_users_of_their_share(size):
    spec = {
        "size": size,
        "assign": "even",
        "segments": {"a": {"share": 0.02}, "b": {"share": 0.38}, "c": {"share": 0.6}},
    }
    people = sample(spec, worlds=20)
    for index, share in enumerate((0.02, 0.38, 0.6)):
        count = (people.segment == index).sum(-1).double()
        # The discrepancy of a golden-ratio sequence of n points is below 3 + log(n) / log(golden ratio) / 2.
        assert (count - share * size).abs().max() < 3 + math.log(size)


def test_a_million_users_in_one_world_take_seconds_and_little_memory():
    spec = {
        "size": 1_000_000,
        "values": "progressgym",
        "traits": {"susceptibility": {"beta": {"a": 2, "b": 4}}, "patience": {"gamma": {"shape": 2}}},
    }
    population = SpecPopulation(PopulationSpec.model_validate(spec))
    start = time.perf_counter()
    people = population.sample(draw(0))
    assert time.perf_counter() - start < 20
    assert population.bytes_per_user() == 19 * 4 + 8 + 2 * 4
    assert tree.nbytes(people) == 1_000_000 * population.bytes_per_user()


def test_values_can_be_named_and_correlated():
    spec = {
        "size": 100_000,
        "values": {
            "names": ["a", "b"],
            "distribution": {"correlated": {"means": [1, 2], "sds": [1, 3], "correlation": 0.6}},
        },
    }
    x = sample(spec).values[0].double()
    assert abs(torch.corrcoef(x.T)[0, 1] - 0.6) < 4 * (1 - 0.36) / math.sqrt(100_000)
    assert abs(x[:, 1].std() - 3) < 4 * 3 / math.sqrt(200_000)
    assert sample({"size": 2, "values": ["a", "b", "c"]}).values.shape == (1, 2, 3)


def test_a_profile_in_words():
    population = SpecPopulation(PopulationSpec.model_validate(EVERYTHING))
    people = population.sample(draw(0))
    profile = render(people, 0, 7, population)
    assert profile["age"] in ("young", "old")
    assert profile["segment"] in ("settled", "searching")
    assert profile["power"] == pytest.approx(float(people.values[0, 7, SYSTEMS["schwartz"].index("power")]))
    with pytest.raises(PopulaceError, match="300 users"):
        render(people, 0, 300, population)


def test_blocks_by_a_trait_that_is_not_there():
    spec = PopulationSpec.model_validate({"network": {"kind": "stochastic-block", "by": "agee"}, "traits": {"age": 1}})
    with pytest.raises(UnknownName, match="did you mean 'age'"):
        SpecPopulation(spec)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no GPU here")
def test_the_same_people_on_the_gpu():
    here, there = sample(EVERYTHING, worlds=3), sample(EVERYTHING, worlds=3, device="cuda")
    assert there.values.is_cuda
    assert torch.allclose(here.values, there.values.cpu(), atol=1e-5)
    assert (here.segment == there.segment.cpu()).float().mean() > 0.999
