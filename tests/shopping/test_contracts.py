"""Contracts and monitoring: a strategic assistant stays loyal exactly where the closed forms say that it does."""

import itertools

import pytest
import torch
from shopping_stage import play

from populace.envs.agency import theory
from populace.envs.shopping.contracts import slack

GRID = list(itertools.product((0.2, 0.45, 0.55, 0.9), (0.0, 0.3, 1.0), (0.0, 0.2, 0.6), (0.0, 1.1, 3.1)))


@pytest.mark.parametrize(("loyalty", "commission", "chance", "penalty"), GRID)
def test_incentive_compatibility(loyalty, commission, chance, penalty):
    """Tin Men: the customer's product is worth 1 to it, the company's earns 1 for the company."""
    contract = {"commission": commission, "penalty": penalty, "flat": 0.5, "outside": 0.5}
    _, run, found = play(
        "strategic",
        users=2,
        catalogue="tin-men-loyalty",
        monitoring=chance,
        providers=({"loyalty": loyalty, "contract": contract},),
    )
    loyal, deviant = loyalty + 0.5, (1 - loyalty) + commission + 0.5 - chance * penalty
    participates, stays = slack(torch.tensor(loyal), torch.tensor(deviant), torch.tensor(0.5))
    assert participates >= 0
    assert found["override"].item() == float(stays < 0)
    # The same by the rule of monitoring: an audit deters iff m F >= the gain.
    gain = (1 - loyalty) + commission - loyalty
    assert found["override"].item() == float(not theory.deterred(gain, chance, penalty))


def test_common_agency_follows_the_heavier_weight():
    for loyalty, override in ((0.49, 1.0), (0.51, 0.0)):
        found = play("strategic", users=4, catalogue="tin-men-loyalty", providers=({"loyalty": loyalty},))[2]
        assert found["override"].item() == override


def test_the_penalty_is_charged_once():
    """Pay falls by m F on average: not by m times that, as a double count of the chance would have it."""
    n, chance = 100_000, 0.5
    provider = {"loyalty": 0.0, "contract": {"commission": 1.0, "penalty": 4.0}}
    _, run, found = play("tin-gpt4", users=n, catalogue="tin-men-loyalty", monitoring=chance, providers=(provider,))
    assert found["override"].item() == 1.0
    # Earns 1 and a commission of 1; expects to lose 4 half of the time.
    paid = run.state.outcome.paid.mean().item()
    assert abs(paid - (1.0 - chance * 4.0)) < 4.5 * 2.0 / n**0.5
    assert abs(found["found"].item() - chance) < 4.5 * 0.5 / n**0.5


def test_norms_are_kept_apart_from_interests():
    """With a norm that outweighs loyalty the harmful wish is refused; without one it is granted."""
    for norm, override in ((0.0, 0.0), (2.0, 1.0)):
        provider = {"loyalty": 1.0, "norm": norm}
        found = play("strategic", users=4, catalogue="tin-men-harm", providers=(provider,))[2]
        assert found["override/norm"].item() == override
        assert found["override/loyalty"].isnan().all()
