import math

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from scipy import special, stats

from populace.agents.users import Distribution, PopulationSpec, SpecPopulation, sample
from populace.agents.users.quantiles import log_gamma, transform
from populace.draw import Draw

N = 200_000


def one(dist, n=N):
    people = sample({"size": n, "traits": {"x": dist}}, seed=1)
    return people.trait("x")[0].double().numpy()


@pytest.mark.parametrize(
    ("dist", "law"),
    [
        ({"uniform": {"low": -1, "high": 3}}, stats.uniform(-1, 4)),
        ({"normal": {"mean": 2, "sd": 0.5}}, stats.norm(2, 0.5)),
        ({"lognormal": {"mu": 1, "sigma": 0.7}}, stats.lognorm(0.7, scale=math.e)),
        ({"beta": {"a": 2, "b": 4}}, stats.beta(2, 4)),
        ({"beta": {"a": 0.2, "b": 0.3}}, stats.beta(0.2, 0.3)),
        ({"gamma": {"shape": 0.5, "scale": 2}}, stats.gamma(0.5, scale=2)),
        ({"gamma": {"shape": 9}}, stats.gamma(9)),
    ],
)
def test_continuous_samples_follow_their_law(dist, law):
    x = one(dist)
    # Kolmogorov-Smirnov: under the law the statistic exceeds 1.95 / sqrt(n) with probability 0.001.
    assert stats.kstest(x, law.cdf).statistic < 1.95 / math.sqrt(N)
    assert abs(x.mean() - law.mean()) < 4 * law.std() / math.sqrt(N)


@pytest.mark.parametrize(("a", "b"), [(0.1, 0.1), (0.1, 3), (2, 4), (100, 3), (100, 100)])
def test_beta_table_is_within_its_stated_error_of_scipy(a, b):
    normals = Draw.of(2, torch.tensor([0])).normal("z", N)
    z = normals.double().numpy()
    low, high = special.betaincinv(a, b, special.ndtr(z)), 1 - special.betaincinv(b, a, special.ndtr(-z))
    exact = np.where(z < 0, low, high)
    found = transform(Distribution(beta={"a": a, "b": b}), normals, {})
    assert np.abs(found.double().numpy() - exact).max() < 2e-6


@pytest.mark.parametrize("shape", [0.1, 0.5, 1, 3, 100])
def test_gamma_table_is_within_its_stated_error_of_scipy(shape):
    normals = Draw.of(2, torch.tensor([0])).normal("z", N)
    z = normals.double().numpy()
    low, high = special.gammaincinv(shape, special.ndtr(z)), special.gammainccinv(shape, special.ndtr(-z))
    exact = np.log(np.where(z < 0, low, high))
    assert np.abs(log_gamma(shape, normals).double().numpy() - exact).max() < 2e-5


def test_constants_and_bare_numbers():
    people = sample({"size": 3, "traits": {"a": 0.5, "b": {"constant": 2}}})
    assert people.trait("a").tolist() == [[0.5] * 3]
    assert people.trait("b").tolist() == [[2.0] * 3]


def test_categories_come_with_their_weights_and_labels():
    spec = PopulationSpec(
        size=N, traits={"age": {"categorical": {"labels": ["young", "none", "old"], "weights": [3, 0, 1]}}}
    )
    population = SpecPopulation(spec)
    found = torch.bincount(population.sample(Draw.of(0, torch.tensor([0]))).trait("age")[0].long(), minlength=3) / N
    assert population.labels == {"age": ("young", "none", "old")}
    assert found[1] == 0
    assert abs(found[0] - 0.75) < 4 * math.sqrt(0.75 * 0.25 / N)


def test_discrete_numbers():
    x = one({"discrete": {"options": [1, 2, 5], "weights": [0.2, 0.3, 0.5]}})
    assert set(x) == {1, 2, 5}
    assert abs(x.mean() - 3.3) < 4 * math.sqrt(0.2 + 1.2 + 12.5 - 3.3**2) / math.sqrt(N)


def test_dirichlet_has_its_moments_and_adds_up_to_one():
    alphas = [0.1, 0.5, 2.4]
    people = sample({"size": N, "traits": {"w": {"dirichlet": {"alpha": alphas, "names": ["a", "b", "c"]}}}})
    w = torch.stack([people.trait(n)[0] for n in "abc"], -1).double()
    assert torch.allclose(w.sum(-1), torch.ones(N, dtype=torch.float64), atol=1e-6)
    for k, law in enumerate(stats.beta(a, 3 - a) for a in alphas):  # the margins of a Dirichlet are beta
        assert abs(w[:, k].mean() - law.mean()) < 4 * law.std() / math.sqrt(N)
        assert abs(w[:, k].std() / law.std() - 1) < 0.02


def test_correlated_block_with_normal_and_other_marginals():
    block = {
        "names": ["income", "age", "trust"],
        "means": [0, 40, 0],
        "sds": [1, 12, 1],
        "correlation": [[1, 0.5, 0.3], [0.5, 1, -0.2], [0.3, -0.2, 1]],
        "marginals": {"income": {"lognormal": {"mu": 10, "sigma": 0.5}}, "trust": {"beta": {"a": 2, "b": 2}}},
    }
    people = sample({"size": N, "traits": {"finances": {"correlated": block}}})
    income, age, trust = (people.trait(n)[0].double().numpy() for n in block["names"])
    assert stats.kstest(income, stats.lognorm(0.5, scale=math.exp(10)).cdf).statistic < 1.95 / math.sqrt(N)
    assert stats.kstest(trust, stats.beta(2, 2).cdf).statistic < 1.95 / math.sqrt(N)
    assert abs(age.mean() - 40) < 4 * 12 / math.sqrt(N)
    for x, y, r in ((income, age, 0.5), (income, trust, 0.3), (age, trust, -0.2)):
        # Spearman's of a Gaussian copula is 6 / pi asin(r / 2); its standard error is below 1.1 / sqrt(n).
        assert abs(stats.spearmanr(x, y).statistic - 6 / math.pi * math.asin(r / 2)) < 4 * 1.1 / math.sqrt(N)


def test_singular_correlations_are_allowed():
    people = sample({"size": 100, "traits": {"t": {"correlated": {"names": ["a", "b"], "correlation": 1}}}})
    assert torch.allclose(people.trait("a"), people.trait("b"), atol=1e-5)


@pytest.mark.parametrize(
    ("spec", "loc", "words"),
    [
        ({"traits": {"x": {"nomal": {}}}}, ("traits", "x", "nomal"), "not permitted"),
        ({"traits": {"x": {"beta": {"a": -1, "b": 2}}}}, ("traits", "x", "beta", "a"), "greater than 0"),
        ({"traits": {"x": "high"}}, ("traits", "x"), "'high' is no distribution"),
        ({"traits": {"x": {"normal": {}, "constant": 1}}}, ("traits", "x"), "constant and normal"),
        ({"traits": {"x": {"uniform": {"low": 2, "high": 1}}}}, ("traits", "x", "uniform"), "low must not be above"),
        ({"traits": {"x": {"dirichlet": {"alpha": 1}}}}, ("traits",), "needs names"),
        ({"values": "progresgym"}, ("values", "system"), "did you mean 'progressgym'"),
        ({"values": {"names": ["a"], "each": {"b": 1}}}, ("values",), "unknown value dimension 'b'"),
        ({"segments": {"a": {"share": 0.6}, "b": {"share": 0.6}}}, ("segments",), "0.6 + 0.6 = 1.2"),
        ({"segments": {"a": {"share": 1, "traits": {"y": 2}}}, "traits": {"yy": 1}}, ("segments",), "'yy'"),
        ({"survey": "human-value-de"}, ("survey",), "did you mean 'human-values-de'"),
        ({"network": {"kind": "ring", "degree": 3}}, ("network", "degree"), "even degree"),
        ({"network": {"kind": "wattz"}}, ("network", "kind"), "watts-strogatz"),
        (
            {"traits": {"x": {"correlated": {"names": ["a", "b"], "correlation": [[1, 2], [2, 1]]}}}},
            ("traits", "x", "correlated", "correlation"),
            "eigenvalue",
        ),
        ({"traits": {"x": {"empirical": {"file": "no.csv", "column": "c"}}}}, ("traits", "x", "empirical", "file"), ""),
    ],
)
def test_mistakes_are_told_with_their_place(spec, loc, words):
    with pytest.raises(ValidationError) as caught:
        PopulationSpec.model_validate(spec)
    error = caught.value.errors()[0]
    assert error["loc"] == loc
    assert words in error["msg"]
