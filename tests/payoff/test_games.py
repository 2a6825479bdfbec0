"""Games from lists and other libraries, bad input, pricing and the dynamics' closed forms."""

import math

import nashpy
import numpy as np
import pytest
import torch

from populace.envs.payoff import dynamics, games, pricing
from populace.errors import PopulaceError, UnknownName


def test_games_from_lists_nashpy_and_openspiel_are_the_same():
    rows, columns = games.PRESETS["prisoners_dilemma"]
    game = games.preset("prisoners_dilemma")
    assert torch.equal(games.from_nashpy(nashpy.Game(np.array(rows), np.array(columns))), game)
    assert torch.equal(games.from_payoffs(game.tolist()), game)
    assert torch.equal(games.symmetric(3, 0, 5, 1), game)
    assert games.is_symmetric(game)
    assert not games.is_symmetric(games.preset("matching_pennies"))

    class MatrixGame:
        def num_rows(self):
            return 2

        def num_cols(self):
            return 2

        def row_utility(self, i, j):
            return rows[i][j]

        def col_utility(self, i, j):
            return columns[i][j]

    class TensorGame:
        def shape(self):
            return [2, 2]

        def player_utilities(self, player):
            return np.array((rows, columns)[player], dtype=float)

    assert torch.equal(games.from_openspiel(MatrixGame()), game)
    assert torch.equal(games.from_openspiel(TensorGame()), game)
    with pytest.raises(PopulaceError, match="neither"):
        games.from_openspiel(object())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (lambda: games.from_bimatrix([[1, 2], [3]], [[1, 2], [3, 4]]), "row player's payoffs: row 2 has 1 entries"),
        (lambda: games.from_bimatrix([[1, 2], [3, math.nan]], [[1, 2], [3, 4]]), "row 2, column 2: nan"),
        (lambda: games.from_bimatrix([[1, 2]], [["x", 2]]), "column player's payoffs: row 1, column 1: 'x'"),
        (lambda: games.from_bimatrix([[1, 2]], [[1], [2]]), "1 x 2 and the column player's 2 x 1"),
        (lambda: games.from_bimatrix([], [[1]]), "rows, the row player.s payoffs: expected a list of rows"),
        (lambda: games.from_payoffs([[[1, 2], [3, None]]]), "row 1, column 2, player 2: None"),
        (lambda: games.from_payoffs([[[1, 2], [3]]]), "row 1, column 2: expected a list of 2"),
        (lambda: games.from_payoffs([[1, 2], [3, 4]]), "nested 2 deep"),
        (lambda: games.checked(torch.zeros(5, 2, 3, 2), (3, 3)), r"must be \[..., 3, 3, 2\], got \[5, 2, 3, 2\]"),
        (lambda: games.checked(torch.tensor([[[0.0, 1.0], [math.inf, 0.0]]])), "row 1, column 2: the row player's"),
    ],
)
def test_bad_games_are_named_by_row_and_column(make, text):
    with pytest.raises(PopulaceError, match=text):
        make()


def test_unknown_presets_suggest_the_nearest():
    with pytest.raises(UnknownName, match="prisoners_dilemma"):
        games.preset("prisoner_dilema")


# ------------------------------------------------------------------------------------------------------- pricing


def test_the_published_shift_on_the_prompts_example():
    game = games.preset("gtalign_example")
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


# ------------------------------------------------------------------------------------------------------ dynamics


def test_the_replicator_meets_its_closed_forms():
    share = torch.tensor([0.1, 0.9], dtype=torch.float64)
    payoffs = torch.tensor([1.5, 1.0]).double()
    for _ in range(10):
        share = dynamics.replicator(share, payoffs, 0.3)
    # x / (1 - x) grows as exp(gap * time): gap .5, time 3.
    assert torch.log(share[0] / share[1]).item() == pytest.approx(math.log(1 / 9) + 0.5 * 3.0, abs=1e-12)
    # Hawk and dove with value 2 and cost 4: half hawks, from anywhere inside.
    own = torch.tensor([[-1.0, 2.0], [0.0, 1.0]]).double()
    share = torch.tensor([0.05, 0.95], dtype=torch.float64)
    for _ in range(2000):
        share = dynamics.replicator(share, dynamics.act_payoffs(own, share), 0.1)
    assert share.tolist() == pytest.approx([0.5, 0.5], abs=1e-9)


def test_the_logit_dynamic_meets_its_closed_form():
    share, noise = torch.tensor([0.9, 0.1], dtype=torch.float64), 0.5
    payoffs = torch.tensor([1.0, 2.0]).double()
    rest = 1 / (1 + math.exp(1.0 / noise))
    for t in range(1, 6):
        share = dynamics.logit(share, payoffs, noise, 0.2)
        assert share[0].item() == pytest.approx(rest + (0.9 - rest) * 0.8**t, abs=1e-12)
