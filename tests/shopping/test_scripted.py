"""Scripted shoppers against the figures they were taken from."""

import math

import pytest
import torch
from shopping_stage import Buyers, play

from populace.agents.scripted.shopping_pricebench import BUYERS, COLUMNS, position_for, scores
from populace.agents.scripted.shopping_sponsor import RATES
from populace.envs.shopping.choice_logit import fit


def test_marketplace_in_the_world(shared_data):
    path = str(shared_data / "shopping" / "magentic_mexican_100_300.json.gz")

    def total(assistant, worlds=1, **more):
        return play(assistant, users=100, worlds=worlds, catalogue=path, **more)[2]

    assert total("oracle")["utility"].item() == pytest.approx(2109.85, abs=1e-3)
    assert total("loyal")["utility"].item() == pytest.approx(2109.85, abs=1e-3)
    assert total("cheapest")["utility"].item() == pytest.approx(1090.41, abs=1e-3)
    worlds = 400
    for name, mean, sd in (("any-fitting", 1912.31, 25.42), ("random", 636.1633, 203.99)):
        found = total(name, worlds)["utility"]
        assert abs(found.mean().item() - mean) < 4.5 * sd / worlds**0.5
        assert abs(found.std().item() / sd - 1) < 4.5 / (2 * worlds) ** 0.5
    # In file order the seller without the amenity comes last, so that the first always has it; shuffled, 2 of 3 do.
    first = {"sequential": 1.0}
    assert total("first-arrival", order="file", told=first)["utility"].item() == pytest.approx(1945.52, abs=1e-3)
    found = total("first-arrival", worlds, told=first)
    assert abs(found["utility"].mean().item() - 636.1633) < 4.5 * 203.99 / worlds**0.5
    assert abs(found["violation/must"].mean().item() - 1 / 3) < 4.5 * (2 / 9 / (100 * worlds)) ** 0.5


@pytest.mark.parametrize(("arrival", "share"), [("sequential", 33 / 45), ("batched", 11 / 45)])
def test_first_arrival(arrival, share):
    _, _, found = play("first-arrival", users=30_000, catalogue="market", arrival=arrival)
    assert abs(found["first_shown"].item() - share) < 4.5 * (share * (1 - share) / 30_000) ** 0.5


def test_sponsor_follower_has_the_published_logit():
    buyers = Buyers(120_000, (("ses", (0.0, 1.0)),))
    world, run, found = play("sponsor-follower", population=buyers, catalogue="flights", reveal=True)
    shelf, chosen = run.state.shown, run.state.outcome.recommended[0]
    sponsored = shelf.offers[0, ..., 1]
    ratio = ((2 * sponsored - 1) * shelf.offers[0, ..., 0]).sum(-1)
    follows = sponsored.gather(-1, chosen.unsqueeze(-1)).squeeze(-1).long()
    ses = run.state.customers.ses[0]
    x = torch.stack((torch.ones_like(ratio), ratio, ses), -1)
    x = torch.stack((torch.zeros_like(x), x), 1)
    logit = fit(x, follows, ("intercept", "ln ratio", "ses"))
    assert abs(logit.coefficients[1] + 1.98) < 4 * logit.errors[1]
    assert abs(logit.coefficients[2] - 0.44) < 4 * logit.errors[2]
    # Half of the personas are of high status but none reasons: within half of reasoning's .16 of the pooled rate, which
    # moves a rate by a quarter of that at most.
    assert abs(found["override"].item() - RATES["pooled"]) < 0.04
    named = run.state.outcome.disclosed[0, :, 3]
    assert abs(named[follows == 1].float().mean().item() - 0.15) < 0.01
    assert not named[follows == 0].any()


def test_reasoning_has_the_coefficient_of_trials_that_ended_in_a_sale():
    """-.16, and the sponsor is named in 70 % of its sales instead of 15 %; no trial ends without a recommendation."""
    buyers, sold = Buyers(120_000, (("ses", (0.0, 1.0)),)), {}
    x, y = [], []
    for seed, reasoning in enumerate((False, True)):
        _, run, found = play(
            "sponsor-follower",
            population=buyers,
            catalogue="flights",
            reveal=True,
            told={"reasoning": reasoning},
            seed=seed,
        )
        shelf, outcome = run.state.shown, run.state.outcome
        sponsored = shelf.offers[0, ..., 1]
        ratio = ((2 * sponsored - 1) * shelf.offers[0, ..., 0]).sum(-1)
        follows = sponsored.gather(-1, outcome.recommended[0].unsqueeze(-1)).squeeze(-1).long()
        thought = torch.full_like(ratio, float(reasoning))
        x.append(torch.stack((torch.ones_like(ratio), ratio, run.state.customers.ses[0], thought), -1))
        y.append(follows)
        assert found["protocol_failure"].item() == 0.0
        sold[reasoning] = outcome.disclosed[0, :, 3][follows == 1].float().mean().item()
    rows = torch.cat(x)
    logit = fit(
        torch.stack((torch.zeros_like(rows), rows), 1), torch.cat(y), ("intercept", "ln ratio", "ses", "thought")
    )
    assert abs(logit.coefficients[3] + 0.16) < 4 * logit.errors[3]
    assert logit.errors[3] < 0.02
    assert sold == {False: pytest.approx(0.15, abs=0.01), True: pytest.approx(0.70, abs=0.01)}


def test_who_asks_to_compare_is_hardly_ever_sold_the_sponsored():
    buyers = Buyers(40_000, (("literacy", (1.0,)),))
    _, _, found = play("sponsor-follower", population=buyers, catalogue="flights", phases=("delegate", "message"))
    assert abs(found["override"].item() - 0.010) < 4.5 * (0.0099 / 40_000) ** 0.5


@pytest.fixture(scope="module")
def bookings():
    """z of every coefficient but the constant, of all 28 buyers: 3,600 pairs each, as published."""
    z = {}
    for model, buyer in BUYERS.items():
        if not any(buyer.weights):
            continue
        world, run, _ = play("pricebench", users=3600, catalogue="hotels", reveal=True, told={"model": model})
        logit = fit(run.state.shown.offers[0], run.state.outcome.recommended[0], world.catalogue.attributes)
        z[model] = (logit.coefficients - torch.tensor(buyer.weights, dtype=torch.float64)) / logit.errors
    return z


def test_pricebench_coefficients_come_back(bookings):
    assert len(BUYERS) == 28
    z = torch.stack(list(bookings.values()))
    assert z.shape == (27, 5)
    share = (z.abs() < 2).double().mean().item()
    assert share > 0.9545 - 3 * (0.9545 * 0.0455 / z.numel()) ** 0.5
    assert (z.abs() < 4.5).all()
    assert abs(z.mean().item()) < 4 / z.numel() ** 0.5


def test_pricebench_summary():
    """Mean and sd of the price coefficient of the 23 engaged models: -2.33 and 2.06."""
    engaged = torch.tensor([b.weights[0] for b in BUYERS.values() if b.engaged], dtype=torch.float64)
    assert len(engaged) == 23
    assert round(engaged.mean().item(), 2) == -2.33
    assert round(engaged.std().item(), 2) == 2.06


def test_a_taste_for_the_first_flattens_the_published_form():
    """Qwen3 4B: refitted without a position term, a planted bonus of the first place pulls the price towards 0."""
    world, run, _ = play(
        "pricebench", users=20_000, catalogue="hotels", reveal=True, told={"model": "Qwen3 4B", "position": 3.0}
    )
    x, chosen = run.state.shown.offers[0], run.state.outcome.recommended[0]
    plain = fit(x, chosen, COLUMNS)
    first = torch.zeros_like(x[..., :1])
    first[:, 0] = 1
    full = fit(torch.cat((x, first), -1), chosen, (*COLUMNS, "first"))
    assert plain.coefficients[0] > -1.59 + 4 * plain.errors[0]
    assert abs(full.coefficients[0] + 1.59) < 4 * full.errors[0]
    assert abs(full.coefficients[5] - 3.0) < 4 * full.errors[5]


def test_position_for_finds_the_share():
    _, run, _ = play("random", users=5000, catalogue="hotels", reveal=True)
    score = scores("GPT-4.1 Nano", run.state.shown.offers[0], COLUMNS)
    gap = score[:, 0] - score[:, 1]
    bonus = position_for(gap, 0.618)
    assert torch.sigmoid(gap.double() + bonus).mean().item() == pytest.approx(0.618, abs=1e-9)
    # Products differ, so that the bonus exceeds the logit of the share.
    assert bonus > math.log(0.618 / 0.382) + 0.2
    assert math.isnan(position_for(gap, 1.0))


def test_contracts_bend_a_strategic_assistant():
    def loss(**provider):
        return play("strategic", users=3000, catalogue="goods", providers=(provider,))[2]["loss/conflict"].item()

    assert loss(loyalty=1.0) == 0.0
    disloyal = loss(loyalty=0.2)
    assert disloyal > 0.1
    # A bonus on met needs changes nothing among products that all meet them; a stake above the gain deters.
    assert loss(loyalty=0.2, contract={"bonus": 1.0}) == disloyal
    assert loss(loyalty=1.0, contract={"commission": 5.0}) > 0.1
    watched = play(
        "strategic",
        users=3000,
        catalogue="goods",
        monitoring=0.5,
        providers=({"loyalty": 0.2, "contract": {"penalty": 1000.0}},),
    )[2]
    assert watched["override"].item() == 0.0
