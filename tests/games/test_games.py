"""Games from lists and other libraries, bad input, and the dynamics' closed forms."""

import math

import nashpy
import numpy as np
import pytest
import torch

from populace.errors import PopulaceError, UnknownName
from populace.games import dynamics
from populace.games import normal_form as nf


def test_games_from_lists_nashpy_and_openspiel_are_the_same():
    rows, columns = nf.PRESETS["prisoners_dilemma"]
    game = nf.preset("prisoners_dilemma")
    assert torch.equal(nf.from_nashpy(nashpy.Game(np.array(rows), np.array(columns))), game)
    assert torch.equal(nf.from_payoffs(game.tolist()), game)
    assert torch.equal(nf.symmetric(3, 0, 5, 1), game)
    assert nf.is_symmetric(game)
    assert not nf.is_symmetric(nf.preset("matching_pennies"))

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

    assert torch.equal(nf.from_openspiel(MatrixGame()), game)
    assert torch.equal(nf.from_openspiel(TensorGame()), game)
    with pytest.raises(PopulaceError, match="neither"):
        nf.from_openspiel(object())


@pytest.mark.parametrize(
    ("make", "text"),
    [
        (
            lambda: nf.from_bimatrix([[1, 2], [3]], [[1, 2], [3, 4]]),
            "row player's payoffs: row 2 has 1 entries",
        ),
        (lambda: nf.from_bimatrix([[1, 2], [3, math.nan]], [[1, 2], [3, 4]]), "row 2, column 2: nan"),
        (lambda: nf.from_bimatrix([[1, 2]], [["x", 2]]), "column player's payoffs: row 1, column 1: 'x'"),
        (lambda: nf.from_bimatrix([[1, 2]], [[1], [2]]), "1 x 2 and the column player's 2 x 1"),
        (lambda: nf.from_bimatrix([], [[1]]), "rows, the row player.s payoffs: expected a list of rows"),
        (lambda: nf.from_payoffs([[[1, 2], [3, None]]]), "row 1, column 2, player 2: None"),
        (lambda: nf.from_payoffs([[[1, 2], [3]]]), "row 1, column 2: expected a list of 2"),
        (lambda: nf.from_payoffs([[1, 2], [3, 4]]), "nested 2 deep"),
        (lambda: nf.checked(torch.zeros(5, 2, 3, 2), (3, 3)), r"must be \[..., 3, 3, 2\], got \[5, 2, 3, 2\]"),
        (
            lambda: nf.checked(torch.tensor([[[0.0, 1.0], [math.inf, 0.0]]])),
            "row 1, column 2: the row player's",
        ),
    ],
)
def test_bad_games_are_named_by_row_and_column(make, text):
    with pytest.raises(PopulaceError, match=text):
        make()


def test_unknown_presets_suggest_the_nearest():
    with pytest.raises(UnknownName, match="prisoners_dilemma"):
        nf.preset("prisoner_dilema")


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
