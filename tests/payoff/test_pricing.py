"""Prices, bills, and the published shift beside the exact optimum."""

import numpy as np
import pytest
import torch

from populace.envs.payoff import pricing
from populace.games.normal_form import preset


def test_the_published_shift_on_the_prompts_example():
    game = preset("gtalign_example")
    cheaper = pricing.shifted(game, assistant=0.0, user=-0.5)
    assert cheaper[..., 0].tolist() == [[3.8, 3.0, 1.4], [1.3, 0.7, 1.6]]
    assert cheaper[..., 1].tolist() == [[5.2, 3.1, 2.7], [3.0, 1.3, 2.5]]
    costly = pricing.shifted(game)  # both set: the user's shift is ignored
    assert torch.equal(costly, pricing.shifted(game, -2.0, 0.0))
    assert torch.allclose(costly[..., 0], torch.tensor([[4.3, 4.0, 2.9], [1.8, 1.7, 3.1]]).double())
    assert torch.allclose(costly[..., 1], torch.tensor([[2.2, 1.1, 0.2], [0.0, -0.7, 0.0]]).double())
    assert torch.equal(pricing.shifted(game, 0.0, 0.0), game)
    assert pricing.shift_act(game, 0.0, -0.5).item() == 0


def test_the_shift_reads_two_losses_as_a_gain_and_the_exact_optimum_does_not():
    # Clarifying a vague question is bad for both: (-2 - 2) (-3 + 0) = 12 beats (2.2 - 2) (2 + 1) = .6.
    cells = [[[2.2, 2.0], [1.0, 1.0], [1.0, 1.0]], [[1.0, 1.0], [-2.0, -3.0], [0.5, 0.5]]]
    game = torch.tensor(cells, dtype=torch.float64)
    assert pricing.shift_act(game, 0.0, -2.0).item() == 1
    assert pricing.solved_act(game, torch.tensor(0)).item() == 0
    assert pricing.solved_act(game, torch.tensor(1)).item() == 0


def test_bills_and_margins_by_hand():
    per_token = pricing.Pricing(policy="per_token", word_in=1.0, word_out=2.0, cost_word=0.5, cost_call=0.01)
    rates = torch.tensor(per_token.rates())
    paid, margin = pricing.bill(rates, torch.tensor(10.0), torch.tensor(100.0), torch.tensor(1.0))
    assert paid.item() == pytest.approx(0.01 + 0.2)
    assert margin.item() == pytest.approx(0.21 - 0.05 - 0.01)
    fee = torch.tensor(pricing.Pricing(policy="subscription", fee=0.3, cost_word=0, cost_call=0).rates())
    first = torch.tensor([1.0, 0.0])
    assert pricing.bill(fee, first, first, first)[0].tolist() == pytest.approx([0.3, 0.0])


def test_the_exact_optimum_follows_prices_where_the_shift_does_not():
    # Answering with a follow-up is a little better for both, and four times as long.
    game = torch.tensor(
        [[[0.50, 0.60], [0.30, 0.50], [0.55, 0.65]], [[0.30, 0.50], [0.45, 0.50], [0.50, 0.60]]]
    ).double()
    words = torch.tensor([15.0, 23.0, 58.0]).double().expand(2, 3)
    row = torch.tensor(0)
    acts = {}
    for price in (0.0, 1.0, 4.0):
        tariff = pricing.Pricing(policy="per_token", word_in=0, word_out=price, cost_word=0, cost_call=0)
        rates = torch.tensor(tariff.rates()).double()
        bills, margins = pricing.bill(rates, torch.zeros(2, 3), words, torch.ones(2, 3))
        exact = pricing.priced(game, bills, margins, torch.tensor(1.0), 0.0)
        acts[price] = pricing.solved_act(exact, row, torch.zeros(2)).item()
        # By hand: gain of act a is (u_a - price words_a / 1000) l_a.
        hand = [(game[0, a, 0] - price * words[0, a] / 1000) * game[0, a, 1] for a in range(3)]
        assert acts[price] == int(np.argmax(hand))
    assert acts == {0.0: 2, 1.0: 2, 4.0: 0}
    # The shift never sees the price: at one shift it gives one act, right at some prices and wrong at others.
    assert pricing.shift_act(game, 0.0, -0.1).item() == 0
