"""The agency games as played: equilibrium play comes to the closed forms, and leaving it does not pay."""

import pytest
from agency_stage import game

from populace.testing import check_world


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("contract", {"cost": 2.0, "risk_aversion": 0.5, "noise": 0.3}),
        ("cheap-talk", {"bias": 0.05}),
        ("delegation-cap", {"bias": 0.2}),
        ("delegation-cap", {"bias": 0.7}),
        ("screening", {}),
        ("signalling", {}),
        ("signalling", {"cost_low": 0.8}),
        ("audit", {"audit": 0.2}),
        ("audit", {"audit": 0.2, "forfeit": True}),
        ("reputation", {}),
    ],
)
def test_play_comes_to_theory(name, options):
    pairs, worlds = 40_000, 4
    found = game(name, pairs=pairs, worlds=worlds, **options)
    compared = [key for key in found if isinstance(key, str) and key.startswith("theory/")]
    assert compared
    for key in compared:
        # No payoff has a standard deviation above 1.
        played = found[key.removeprefix("theory/")][-1].mean()
        assert abs(played - found[key][-1].mean()) < 4.5 / (pairs * worlds) ** 0.5


def test_lemons_unravel():
    found = game("lemons", ticks=6, pairs=200_000, worlds=1)
    for t, price in enumerate(found["price"]):
        assert price.item() == pytest.approx(0.75**t, rel=0.02)
    kept = game("lemons", ticks=6, pairs=200_000, worlds=1, multiplier=2.4)
    assert kept["price"][-1].item() == pytest.approx(1.2, rel=0.02)
    assert kept["traded"][-1].item() == 1.0


@pytest.mark.parametrize("shift", [-0.1, 0.1])
def test_leaving_equilibrium_does_not_pay(shift):
    def payoff(name, role, key, **more):
        return game(name, pairs=40_000, **more)[f"utility/{role}"][-1].mean().item()

    for name, role, change in (
        ("contract", "assistant", {"assistant": {"move": shift}}),
        ("cheap-talk", "customer", {"customer": {"answer": shift}}),
        ("delegation-cap", "customer", {"customer": {"terms": (shift, 0, 0, 0)}}),
    ):
        assert payoff(name, role, shift, **change) < payoff(name, role, shift)


def test_a_lower_price_to_the_high_type_costs_and_a_higher_one_loses_it():
    best = game("screening")["profit"][-1].mean()
    assert game("screening", customer={"terms": (0, 0, 0, -0.05)})["profit"][-1].mean() < best
    lost = game("screening", customer={"terms": (0, 0, 0, 0.05)})
    assert lost["profit"][-1].mean() < best
    assert lost["quantity/high"][-1].mean() < 1.0


def test_audits_just_below_the_least_do_not_deter():
    for forfeit, least in ((False, 0.25), (True, 0.2)):
        assert game("audit", audit=least + 0.01, forfeit=forfeit)["deviates"][-1].max() == 0
        below = game("audit", audit=least - 0.01, forfeit=forfeit)
        assert below["deviates"][-1].min() == 1
        assert below["deviating_pays"][-1].mean() > 0


@pytest.mark.parametrize("discount", [0.6, 0.72])
def test_reputation_pays_when_the_future_counts(discount):
    """Rent .5, gain 1: honesty pays iff delta >= 2/3."""

    def earned(cheat):
        return game("reputation", ticks=40, pairs=10, discount=discount, assistant={"move": cheat})[
            "discounted/assistant"
        ][-1]

    honest = (game("reputation", discount=discount)["cheats"][-1] == 0).all().item()
    assert honest == (discount >= 2 / 3)
    move = 1.0 if honest else -1.0
    assert (earned(0.0) > earned(move)).all()


def test_the_world_keeps_the_contract():
    check_world("populace/agency-v0", options={"game": "cheap-talk"})
    check_world("populace/agency-v0", options={"game": "reputation"})
