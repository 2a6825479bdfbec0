import math

import pytest
import torch
from scipy import stats

from populace.agents.users import (
    Items,
    Preferences,
    PreferenceSpec,
    SpecPopulation,
    chance,
    compare,
    respond,
    sample,
    utility,
)
from populace.agents.users.spec import PopulationSpec
from populace.draw import Draw
from populace.errors import PopulaceError
from populace.population import People


def draw(seed=0):
    return Draw.of(seed, torch.tensor([0]), check=True)


def people(values, **traits):
    values = torch.tensor(values, dtype=torch.float32).unsqueeze(0)
    shape = values.shape[:2]
    return People(
        values,
        torch.zeros(shape, dtype=torch.int64),
        {name: torch.as_tensor(t, dtype=torch.float32).expand(shape) for name, t in traits.items()},
    )


# Label noise of the linear family, unit weights and features N(0, I), so that differences have variance 2:
# E[sigma(-|gap|)] with gap ~ N(0, 2 beta^2), integrated exactly.
@pytest.mark.parametrize(
    ("beta", "noise"), [(0.25, 0.4309), (0.5, 0.3689), (1, 0.2748), (2, 0.1720), (4, 0.0941), (8, 0.0484)]
)
def test_label_noise_table(beta, noise):
    users, pairs, d = 400, 250, 16
    crowd = sample({"size": users, "values": [f"v{k}" for k in range(d)]}, seed=5)
    preferences = Preferences.of(crowd, PreferenceSpec(family="linear", beta=beta))
    a, b = draw(1).normal("a", 1, pairs, d), draw(1).normal("b", 1, pairs, d)
    label = compare(preferences, a, b, draw(2))
    best = (utility(preferences, a) < utility(preferences, b)).long()
    assert abs((label != best).float().mean() - noise) < 0.01


def test_chance_is_the_frequency_of_choices_with_flips_and_position_bias():
    n = 200_000
    crowd = people([[1.0]] * n, flip=0.1, position_bias=0.5)
    preferences = Preferences.of(crowd, PreferenceSpec(beta=2))
    a, b = torch.tensor([[0.3]]), torch.tensor([[0.0]])
    p = 1 / (1 + math.exp(-(2 * 0.3 + 0.5)))
    expected = 0.9 * p + 0.1 * (1 - p)
    assert float(chance(preferences, a, b)[0, 0, 0]) == pytest.approx(expected, abs=1e-6)
    first = (compare(preferences, a, b, draw()) == 0).double().mean()
    assert abs(first - expected) < 4 * math.sqrt(expected * (1 - expected) / n)


def test_position_bias_follows_the_place_not_the_answer():
    preferences = Preferences.of(people([[1.0]], position_bias=0.7), PreferenceSpec(beta=0))
    a, b = torch.tensor([[0.3]]), torch.tensor([[-2.0]])
    assert torch.equal(chance(preferences, a, b), chance(preferences, b, a))


def test_ties_are_abstained_from():
    preferences = Preferences.of(people([[1.0]]), PreferenceSpec(beta=1e6, tie=0.5))
    a, b = torch.tensor([[0.4], [0.6], [-0.6], [0.0]]), torch.zeros(4, 1)
    assert compare(preferences, a, b, draw()).tolist() == [[[2, 0, 1, 2]]]


def test_linear_scales_values_to_length_one_unless_told_otherwise():
    x = torch.tensor([[1.0, 2.0]])
    crowd = people([[3.0, 4.0]])
    assert utility(Preferences.of(crowd, PreferenceSpec()), x).item() == pytest.approx(3 / 5 + 8 / 5)
    assert utility(Preferences.of(crowd, PreferenceSpec(unit=False)), x).item() == pytest.approx(11)


def test_ideal_point():
    preferences = Preferences.of(people([[1.0, 0.0], [0.0, 2.0]]), PreferenceSpec(family="ideal-point"))
    x = torch.tensor([[1.0, 1.0], [0.0, 2.0]])
    assert torch.allclose(utility(preferences, x), torch.tensor([[[-1.0, -5.0], [-2.0, 0.0]]]))


def test_prompt_dependent_ideal_point():
    crowd = people([[0.0, 0.0], [0.0, 0.0]], **{"weight/0": [1.0, 0.25], "weight/1": [0.0, 0.75]})
    spec = PreferenceSpec(family="prompt-ideal-point", prompt_dims=3)
    preferences = Preferences.of(crowd, spec, draw(3))
    prompt, x = draw(4).normal("q", 5, 3)[0], draw(4).normal("x", 5, 2)[0]
    found = utility(preferences, x, prompt)
    for user, weights in enumerate(([1.0, 0.0], [0.25, 0.75])):
        for pair in range(5):
            ideal = sum(w * preferences.maps[0, k] @ prompt[pair] for k, w in enumerate(weights))
            assert found[0, user, pair].item() == pytest.approx(-(x[pair] - ideal).square().sum().item(), abs=1e-4)
    with pytest.raises(PopulaceError, match="prompts"):
        utility(preferences, x)
    with pytest.raises(PopulaceError, match="hierarchy"):
        Preferences.of(people([[0.0]]), spec, draw())


def test_lexical_users_never_take_a_risk_they_do_not_allow():
    spec = PopulationSpec.model_validate(
        {"size": 20_000, "preference": {"family": "lexical", "beta": 50, "risks": {"harm": 0.25, "law": 0.0}}}
    )
    crowd = SpecPopulation(spec).sample(draw())
    preferences = Preferences.of(crowd, spec.preference)
    allows = crowd.trait("allows/harm")[0]
    assert abs(allows.mean() - 0.25) < 4 * math.sqrt(0.25 * 0.75 / 20_000)
    assert crowd.trait("allows/law").sum() == 0
    # helpful but harmful (then unlawful) against of little help but safe
    a, b = torch.tensor([[1.0, 1, 0], [1.0, 0, 1]]), torch.tensor([[0.2, 0, 0], [0.2, 0, 0]])
    choice = compare(preferences, a, b, draw(1))[0]
    assert torch.equal(choice[:, 0], (1 - allows).long())
    assert (choice[:, 1] == 1).all()


def test_graded_responses_have_the_models_shares():
    n = 100_000
    theta = torch.full((1, n, 2), 0.4)
    items = Items(
        torch.tensor([1, 1]),
        torch.tensor([1.5, 1.5]),
        torch.tensor([[-2.0, -0.5, 0.5, 1.5]] * 2),
        torch.tensor([1.0, -1.0]),
    )
    answers = respond(theta, items, draw())[0]
    for item, at in ((0, 0.4), (1, -0.4)):
        above = [1.0, *(1 / (1 + math.exp(-1.5 * (at - step))) for step in (-2.0, -0.5, 0.5, 1.5)), 0.0]
        for k in range(5):
            share = above[k] - above[k + 1]
            found = (answers[:, item] == k + 1).double().mean()
            assert abs(found - share) < 4 * math.sqrt(share * (1 - share) / n)


def test_noise_may_differ_between_users_and_segments():
    spec = PopulationSpec.model_validate(
        {
            "size": 50_000,
            "preference": {"flip": {"beta": {"a": 2, "b": 8}}},
            "segments": {"careful": {"share": 0.5, "traits": {"flip": 0}}, "hasty": {"share": 0.5}},
        }
    )
    crowd = SpecPopulation(spec).sample(draw())
    hasty = crowd.segment[0] == 1
    assert crowd.trait("flip")[0][~hasty].max() == 0
    assert stats.kstest(crowd.trait("flip")[0][hasty].numpy(), stats.beta(2, 8).cdf).statistic < 1.95 / math.sqrt(
        24_000
    )


def test_a_world_chooses_the_same_alone_and_in_a_batch():
    spec = {"size": 70, "values": "schwartz", "preference": {"beta": 1.5}}
    x = draw(8).normal("x", 2, 37, 10)[0]
    ids = torch.arange(5)
    kind = PopulationSpec.model_validate(spec)

    def chosen(worlds):
        root = Draw.of(0, worlds)
        crowd = SpecPopulation(kind).sample(root.scope("population"))
        return chance(Preferences.of(crowd, kind.preference), x[0], x[1])

    assert torch.equal(chosen(ids)[3:4], chosen(ids[3:4]))


def test_features_must_fit_the_values():
    with pytest.raises(PopulaceError, match="3 features for 2 values"):
        utility(Preferences.of(people([[1.0, 2.0]]), PreferenceSpec()), torch.zeros(4, 3))


@pytest.mark.parametrize("wrong", [{"flip": 1.5}, {"beta": -1}, {"family": "lexical"}, {"risks": {"harm": 0.5}}])
def test_impossible_preferences_are_refused(wrong):
    with pytest.raises(ValueError, match=r"between 0 and 1|negative|risks"):
        PreferenceSpec.model_validate(wrong)
