import math

import pytest
import torch
from scipy import stats

from populace.agents.users import PopulationSpec, SpecPopulation, sample
from populace.draw import Draw


def between_share(values, group, groups):
    """Share of the variance of [users, values], summed over values, that lies between groups."""
    total = (values - values.mean(0)).square().sum()
    between = sum(
        (group == g).sum() * (values[group == g].mean(0) - values.mean(0)).square().sum() for g in range(groups)
    )
    return float(between / total)


@pytest.mark.parametrize("rho", [0.0, 0.12, 0.5, 1.0])
@pytest.mark.parametrize(("alpha", "tau"), [(0.1, 0.0), (1.0, 0.5)])
def test_the_share_of_variance_between_cultures_is_rho(rho, alpha, tau):
    users, cultures = 50_000, 5
    spec = {
        "size": users,
        "values": "progressgym",
        "hierarchy": {"cultures": cultures, "rho": rho, "alpha": alpha, "tau": tau},
    }
    people = sample(spec, worlds=2, seed=3)
    for world in range(2):
        x, c = people.values[world].double(), people.segment[world]
        # With culture parts m_c and culture means e_c of the rest, the largest error is 2 sum p_c m_c e_c, whose
        # variance is 4 / users * trace(M S) <= 4 rho (1 - rho) / users; chance adds (cultures - 1) / users.
        bound = 2 * math.sqrt(rho * (1 - rho) / users)
        assert abs(between_share(x, c, cultures) - rho) < 3 * bound + 4 * (cultures - 1) / users
        # Total variance is 1: squared lengths have a standard deviation near their mean, hence 1 / sqrt(users) each.
        assert abs(x.var(0).mean() - 1) < 4 * (bound + 1 / math.sqrt(users))


def test_ground_truth_rebuilds_the_values_without_noise():
    spec = PopulationSpec.model_validate(
        {"size": 50, "values": "schwartz", "hierarchy": {"tau": 0, "rho": 0.2, "alpha": 0.5, "groups": 3}}
    )
    population = SpecPopulation(spec)
    draw = Draw.of(0, torch.tensor([4, 7]))
    people, truth = population.sample(draw), population.truth(draw)
    w = torch.stack([people.trait(f"weight/{k}") for k in range(3)], -1)
    culture = people.trait("culture").long()
    scale = (3 * 0.5 + 1) ** 0.5  # s for tau = 0
    for world in range(2):
        mixed = (w[world].unsqueeze(-1) * truth["prototypes"][world]).sum(-2)
        theta = 0.2**0.5 * truth["cultures"][world][culture[world]] + 0.8**0.5 * scale * mixed
        assert torch.allclose(people.values[world], theta, atol=1e-5)
    assert torch.equal(people.trait("group").long(), w.argmax(-1))
    assert torch.equal(people.segment, culture)
    assert population.labels["culture"] == population.census.segments == tuple(f"culture_{c}" for c in range(5))


def test_small_alpha_gives_near_pure_types_and_mean_and_sd_apply():
    spec = {
        "size": 5000,
        "values": {"names": list("abcd"), "distribution": {"normal": {"mean": 10, "sd": 2}}},
        "hierarchy": {"alpha": 0.01, "shares": [0.5, 0.2, 0.1, 0.1, 0.1], "segment_by": "group"},
    }
    people = sample(spec)
    largest = torch.stack([people.trait(f"weight/{k}") for k in range(4)], -1).amax(-1)
    # Above one half only one weight can be, and each is beta(alpha, 3 alpha): P(largest > .99) = 4 P(beta > .99).
    pure = 4 * stats.beta(0.01, 0.03).sf(0.99)
    assert abs((largest > 0.99).double().mean() - pure) < 4 * math.sqrt(pure * (1 - pure) / 5000)
    share = (people.trait("culture") == 0).float().mean()
    assert abs(share - 0.5) < 4 * 0.5 / math.sqrt(5000)
    assert abs(people.values.var(1).mean().sqrt() - 2) < 0.1
    assert torch.equal(people.segment, people.trait("group").long())


def test_a_hierarchy_needs_normal_values():
    with pytest.raises(ValueError, match="normal"):
        PopulationSpec.model_validate({"values": {"system": "schwartz", "distribution": 1}, "hierarchy": {}})
