"""Solvers against nashpy's vertex enumeration, closed forms and definitions."""

from pathlib import Path

import nashpy
import numpy as np
import pandas as pd
import pytest
import torch

from populace.errors import PopulaceError
from populace.games import bargaining, correlated, linear, metrics, mixed, pure

DATA = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "payoff"
needs_data = pytest.mark.skipif(not DATA.is_dir(), reason=f"the stated games are not at {DATA}")
KEYS = ["DQ_DA", "DQ_CQ", "DQ_AQ", "VQ_DA", "VQ_CQ", "VQ_AQ"]


def bimatrix(rows, columns):
    return torch.stack((torch.tensor(rows), torch.tensor(columns)), -1).double()


def symmetric(rows):
    return bimatrix(rows, list(map(list, zip(*rows, strict=True))))


PRISONERS = symmetric([[3.0, 0.0], [5.0, 1.0]])
STAG = symmetric([[4.0, 0.0], [3.0, 2.0]])
HARMONY = symmetric([[4.0, 3.0], [2.0, 1.0]])
CHICKEN = symmetric([[6.0, 2.0], [7.0, 0.0]])
PENNIES = bimatrix([[1.0, -1.0], [-1.0, 1.0]], [[-1.0, 1.0], [1.0, -1.0]])
SEXES = bimatrix([[2.0, 0.0], [0.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]])


def random_games(number, m, k, seed=0):
    return torch.tensor(np.random.default_rng(seed).normal(size=(number, m, k, 2)))


@pytest.fixture(scope="module")
def stated():
    if not DATA.is_dir():
        pytest.skip(f"the stated games are not at {DATA}")
    games = pd.read_csv(DATA / "model_payoff_matrices.csv.gz")
    columns = [f"{key}_{who}" for key in KEYS for who in ("user", "LLM")]
    return torch.tensor(games[columns].to_numpy().reshape(-1, 2, 3, 2)), torch.tensor(games["count"].to_numpy())


# ------------------------------------------------------------------------------------------------ Nash equilibria


@pytest.mark.parametrize(("m", "k", "number"), [(2, 3, 1000), (3, 3, 60), (2, 2, 100)])
def test_all_equilibria_of_random_games_are_those_of_vertex_enumeration(m, k, number):
    games = random_games(number, m, k, seed=m + k)
    found = mixed.mixed_nash(games)
    for g in range(number):
        oracle = nashpy.Game(games[g, ..., 0].numpy(), games[g, ..., 1].numpy()).vertex_enumeration()
        theirs = sorted(tuple(np.concatenate(pair).round(6) + 0.0) for pair in oracle)
        ours = torch.cat((found.row[g], found.column[g]), -1)[found.found[g]].numpy().round(6) + 0.0
        assert len(ours) == len(theirs)
        assert np.allclose(sorted(map(tuple, ours)), theirs, atol=2e-6)


def test_every_equilibrium_found_is_one_by_its_definition():
    games = random_games(200, 4, 4)
    found = mixed.mixed_nash(games)
    expanded = games.unsqueeze(1).expand(-1, found.found.shape[1], -1, -1, -1)
    off = metrics.nash_conv(expanded, (found.row, found.column))[found.found]
    assert off.abs().max() < 1e-8
    # Wilson (1971): all but degenerate games have an odd number of equilibria.
    assert (found.count % 2 == 1).all()


def test_mixed_equilibria_by_hand():
    found = mixed.mixed_nash(torch.stack((SEXES, PENNIES, PRISONERS)))
    assert found.count.tolist() == [3, 1, 1]
    inner = found.row[0][found.found[0]]
    assert any(torch.allclose(x, torch.tensor([2 / 3, 1 / 3]).double()) for x in inner)
    assert torch.allclose(found.row[1][found.found[1]], torch.tensor([[0.5, 0.5]]).double())


def test_unequal_supports_find_points_of_degenerate_continua():
    # Player 2 is indifferent everywhere; any mixture of hers with y <= 1/2 on the first column supports the first row.
    game = bimatrix([[1.0, 1.0], [2.0, 0.0]], [[0.0, 0.0], [0.0, 0.0]])
    some, all_ = mixed.mixed_nash(game), mixed.mixed_nash(game, unequal=True)
    assert all_.count > some.count
    rows, columns = all_.row[all_.found], all_.column[all_.found]
    assert metrics.nash_conv(game.expand(len(rows), -1, -1, -1), (rows, columns)).abs().max() < 1e-9


@pytest.mark.parametrize("source", ["random", "stated"])
def test_pure_equilibria_and_best_replies_are_nashpys(source, stated):
    games = random_games(1000, 2, 3, seed=9) if source == "random" else stated[0][:1000]
    found = pure.pure_nash(games)
    replies = pure.best_replies(games)
    for g in range(len(games)):
        a, b = games[g, ..., 0].numpy(), games[g, ..., 1].numpy()
        assert np.array_equal(replies[g, ..., 0].numpy(), a >= a.max(0, keepdims=True))
        assert np.array_equal(replies[g, ..., 1].numpy(), b >= b.max(1, keepdims=True))
        if g < 300:
            game = nashpy.Game(a, b)
            for row in range(2):
                for column in range(3):
                    pair = (np.eye(2)[row], np.eye(3)[column])
                    assert bool(found[g, row, column]) == all(game.is_best_response(*pair))
    assert torch.equal(found, replies.all(-1))


def test_pure_equilibria_of_three_players():
    # A public good with return 1/2 a head for three: keeping dominates, though all giving is better for all.
    gives = torch.cartesian_prod(*[torch.arange(2)] * 3).reshape(2, 2, 2, 3).double()
    game = 0.5 * gives.sum(-1, keepdim=True) - gives
    assert pure.pure_nash(game).nonzero().tolist() == [[0, 0, 0]]
    assert pure.CLASSES[pure.classify(game)] == "dilemma"
    even = tuple(torch.full((2,), 0.5).double() for _ in range(3))
    assert metrics.gains(game, even).tolist() == pytest.approx([0.25] * 3)
    assert metrics.exploitability(game, even).item() == pytest.approx(0.25)


def test_deviations_of_players_with_different_numbers_of_acts():
    game = torch.tensor(np.random.default_rng(3).normal(size=(5, 2, 3, 4, 3)))
    mixtures = tuple(torch.softmax(torch.randn(5, k, generator=torch.manual_seed(k)).double(), -1) for k in (2, 3, 4))
    each, expected = metrics.deviations(game, mixtures)
    x, y, z = (m.numpy() for m in mixtures)
    assert np.allclose(each[0], np.einsum("gabc,gb,gc->ga", game[..., 0], y, z))
    assert np.allclose(each[1], np.einsum("gabc,ga,gc->gb", game[..., 1], x, z))
    assert np.allclose(each[2], np.einsum("gabc,ga,gb->gc", game[..., 2], x, y))
    assert np.allclose(expected, np.einsum("gabcn,ga,gb,gc->gn", game, x, y, z))


def test_classes_of_the_textbook_games():
    games = torch.stack((HARMONY, STAG, PRISONERS, CHICKEN, PENNIES))
    assert [pure.CLASSES[k] for k in pure.classify(games)] == list(pure.CLASSES)
    assert pure.shares(pure.classify(games)).tolist() == pytest.approx([0.2] * 5)


def test_price_of_anarchy_and_regret():
    assert metrics.price_of_anarchy(PRISONERS).item() == 3.0  # 6 / 2
    assert metrics.price_of_anarchy(STAG).item() == 2.0  # 8 / 4, the worst equilibrium
    assert torch.isnan(metrics.price_of_anarchy(PENNIES))
    assert metrics.regret(PRISONERS, torch.tensor([0, 1])).tolist() == [1.0, 0.0]


# ------------------------------------------------------------------------------------------------ stated games


def weighted(flag, count):
    return ((flag * count).sum() / count.sum()).item()


@needs_data
def test_the_two_published_rules_agree_on_two_thirds_of_the_stated_games(stated):
    games, count = stated
    cell = bargaining.utilitarian(games)
    agree = bargaining.product_set(games).gather(-1, cell.unsqueeze(-1)).squeeze(-1).double()
    assert len(games) == 3739
    assert agree.mean().item() == pytest.approx(0.6833, abs=5e-5)
    assert weighted(agree, count) == pytest.approx(0.8573, abs=5e-5)
    meet = (bargaining.product_set(games) & bargaining.utilitarian_set(games)).any(-1).double()
    assert meet.mean().item() == pytest.approx(0.739, abs=5e-4)


@needs_data
def test_the_published_product_picks_cells_bad_for_both(stated):
    games, count = stated
    negative = (bargaining.cells(games) < 0).all(-1)
    picked = (negative & bargaining.product_set(games)).any(-1).double()
    assert picked.mean().item() == pytest.approx(0.1158, abs=5e-5)
    assert weighted(picked, count) == pytest.approx(0.042, abs=5e-4)
    assert negative.any(-1).double().mean().item() == pytest.approx(0.132, abs=5e-4)
    outside = bargaining.security(games).unsqueeze(-2)
    mended = bargaining.nash_product_set(games)
    assert (bargaining.cells(games) >= outside).all(-1)[mended].all()


@needs_data
def test_pure_equilibria_of_the_stated_games(stated):
    games, count = stated
    nash = pure.pure_nash(games)
    exists = nash.flatten(1).any(-1).double()
    assert exists.mean().item() == pytest.approx(0.990, abs=5e-4)
    assert weighted(exists, count) == pytest.approx(0.998, abs=5e-4)
    dominated = (exists.bool() & ~(nash & pure.pareto(games)).flatten(1).any(-1)).double()
    assert dominated.mean().item() == pytest.approx(0.021, abs=5e-4)
    assert weighted(dominated, count) == pytest.approx(0.0054, abs=5e-5)
    assert torch.equal(dominated.bool(), pure.classify(games) == pure.CLASSES.index("dilemma"))


# ------------------------------------------------------------------------------------------------ other concepts


def test_utilitarian_breaks_ties_for_the_user_and_survives_rounding():
    game = torch.tensor([[[0.3, 0.0], [0.1, 0.2]], [[0.2, 0.1], [0.0, 0.3]]]).double()
    assert bargaining.utilitarian(game).item() == 0
    assert bargaining.utilitarian_set(game).all()


def test_product_of_two_negatives():
    game = torch.tensor([[[1.0, 1.0], [-3.0, -3.0]]]).double()
    assert bargaining.product_set(game).tolist() == [False, True]
    assert bargaining.nash_product_set(game, torch.zeros(2)).tolist() == [True, False]
    assert not bargaining.nash_product_set(game, torch.full((2,), 2.0)).any()


def test_bargaining_solutions_on_a_hand_game():
    # Feasible: the triangle (0,0), (4,0), (0,2) from disagreement (0,0): frontier u + 2 l = 4.
    game = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[0.0, 2.0], [0.0, 0.0]]]).double()
    outside = torch.zeros(2).double()
    expected = {"nash": (2.0, 1.0), "egalitarian": (4 / 3, 4 / 3), "kalai_smorodinsky": (2.0, 1.0)}
    for concept, point in expected.items():
        found = bargaining.bargain(game, concept, outside)
        assert found.found
        assert found.payoffs.tolist() == pytest.approx(point)
        mixed_ = found.chance * game.flatten(0, 1)[found.first] + (1 - found.chance) * game.flatten(0, 1)[found.second]
        assert mixed_.tolist() == pytest.approx(point)


def test_kalai_smorodinsky_differs_from_nash_when_the_frontier_has_a_kink():
    # Hull (0,0) (4,0) (3,2) (0,2)... ideal (4, 2): the ray l = u/2 meets 2u + l = 8 at u = 3.2; Nash stays at (3, 2).
    game = torch.tensor([[[0.0, 0.0], [4.0, 0.0]], [[3.0, 2.0], [0.0, 2.0]]]).double()
    outside = torch.zeros(2).double()
    assert bargaining.bargain(game, "nash", outside).payoffs.tolist() == pytest.approx([3.0, 2.0])
    assert bargaining.bargain(game, "kalai_smorodinsky", outside).payoffs.tolist() == pytest.approx([3.2, 1.6])
    # The smaller gain is 2 from (2, 2) to (3, 2): of equals the efficient one.
    assert bargaining.bargain(game, "egalitarian", outside).payoffs.tolist() == pytest.approx([3.0, 2.0])
    nothing = bargaining.bargain(game, "nash", torch.full((2,), 9.0).double())
    assert not nothing.found
    assert nothing.payoffs.tolist() == [9.0, 9.0]


@pytest.mark.parametrize("concept", ["nash", "egalitarian", "kalai_smorodinsky"])
def test_bargaining_beats_a_fine_grid_of_lotteries(concept):
    games = random_games(40, 2, 3, seed=4)
    outside = bargaining.security(games)
    found = bargaining.bargain(games, concept)
    points = games.flatten(1, 2)
    weights = torch.tensor(np.random.default_rng(0).dirichlet(np.full(6, 0.25), size=20000))
    cloud = weights @ points - outside.unsqueeze(1)
    allowed = (cloud >= 0).all(-1)
    gain = found.payoffs - outside
    if concept == "kalai_smorodinsky":
        ideal = torch.where(allowed.unsqueeze(-1), cloud, 0).amax(1)
        # The ideal from the cloud is a little short of the true one: compare along the solution's own ideal ray.
        assert (gain <= ideal * 1.2 + 0.2).all()
        ratio = gain / gain.sum(-1, keepdim=True).clamp(min=1e-12)
        best = torch.where(allowed, (cloud / ratio.clamp(min=1e-9).unsqueeze(1)).amin(-1), 0).amax(-1)
        assert (gain.sum(-1) >= best - 1e-7)[found.found].all()
        return
    rate = (lambda x: x.clamp(min=0).prod(-1)) if concept == "nash" else (lambda x: x.amin(-1))
    best = torch.where(allowed, rate(cloud), 0.0).amax(-1)
    assert (rate(gain) >= best - 1e-9)[found.found].all()


def test_pareto_by_hand():
    assert pure.pareto(PRISONERS).tolist() == [[True, True], [True, False]]
    ties = torch.tensor([[[1.0, 1.0], [1.0, 1.0]], [[1.0, 0.0], [0.0, 2.0]]])
    assert pure.pareto(ties).tolist() == [[True, True], [False, True]]


def test_pure_and_mixed_commitment():
    # Conitzer and Sandholm's (2006) example: in equilibrium the leader gets 2, committing purely 3, mixing 3.5.
    game = bimatrix([[2.0, 4.0], [1.0, 3.0]], [[1.0, 0.0], [0.0, 1.0]])
    assert pure.pure_nash(game).nonzero().tolist() == [[0, 0]]
    act, reply, payoffs = pure.stackelberg(game)
    assert (act.item(), reply.item(), payoffs.tolist()) == (1, 1, [3.0, 1.0])
    best = correlated.stackelberg_mixed(game)
    assert best.leader.tolist() == pytest.approx([0.5, 0.5])
    assert (best.follower.item(), best.payoffs.tolist()) == (1, pytest.approx([3.5, 0.5]))
    swapped = game.transpose(0, 1).flip(-1)
    assert correlated.stackelberg_mixed(swapped, leader=1).payoffs.tolist() == pytest.approx([0.5, 3.5])
    indifferent = bimatrix([[1.0, 0.0]], [[2.0, 2.0]])
    assert pure.stackelberg(indifferent, favour="leader")[2].tolist() == [1.0, 2.0]
    assert pure.stackelberg(indifferent, favour="against")[2].tolist() == [0.0, 2.0]


def test_correlated_equilibrium_of_chicken():
    # The best correlated equilibrium of this chicken is known: half (swerve, swerve), a quarter each for the others.
    found = correlated.correlated_equilibrium(CHICKEN)
    assert found.chance.flatten().tolist() == pytest.approx([0.5, 0.25, 0.25, 0.0])
    assert found.payoffs.tolist() == pytest.approx([5.25, 5.25])


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1e12])
def test_correlated_equilibria_do_not_depend_on_units(scale):
    games = torch.rand((60, 3, 3, 2), dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found, other = correlated.correlated_equilibrium(games), correlated.correlated_equilibrium(games * scale)
    assert (correlated.correlated_gain(games * scale, other.chance) <= 1e-8 * scale).all()
    torch.testing.assert_close(other.payoffs / scale, found.payoffs, rtol=1e-6, atol=1e-8)


def test_correlated_equilibria_of_random_games_hold_and_beat_nash():
    games = random_games(200, 3, 3, seed=2)
    found = correlated.correlated_equilibrium(games)
    assert found.chance.min() >= 0
    assert (found.chance.flatten(1).sum(-1) - 1).abs().max() < 1e-9
    assert correlated.correlated_gain(games, found.chance).max() < 1e-9
    nash = mixed.mixed_nash(games)
    expanded = games.unsqueeze(1).expand(-1, nash.found.shape[1], -1, -1, -1)
    sums = metrics.deviations(expanded, (nash.row, nash.column))[1].sum(-1)
    best = torch.where(nash.found, sums, -torch.inf).amax(-1)
    assert (found.payoffs.sum(-1) >= best - 1e-9).all()


def test_linear_programmes_against_scipy():
    from scipy.optimize import linprog

    rng = np.random.default_rng(5)
    worth, limits, bounds = rng.normal(size=(50, 4)), rng.uniform(0.1, 1, (50, 6, 4)), rng.uniform(0, 1, (50, 6))
    found = linear.maximise(*(torch.tensor(x) for x in (worth, limits, bounds)))
    for g in range(50):
        theirs = linprog(-worth[g], A_ub=limits[g], b_ub=bounds[g])
        assert found.value[g].item() == pytest.approx(-theirs.fun, abs=1e-9)
    with pytest.raises(PopulaceError, match="unbounded"):
        linear.maximise(torch.ones(1, 2), -torch.ones(1, 1, 2), torch.ones(1, 1))


def test_worst_type_and_collapse_measures():
    welfare = torch.tensor([[1.0, 3.0, 5.0, 0.0]])
    assert metrics.worst_type(welfare, torch.tensor([[0, 0, 1, 2]]), 4).tolist() == [0.0]
    example = torch.arange(12.0).reshape(2, 3, 2)
    stated = example.expand(1, 4, 2, 3, 2).clone()
    assert (metrics.distinct(stated).tolist(), metrics.copied(stated, example).tolist()) == ([1], [1.0])
    stated[0, 1, 0, 0, 0] += 0.1
    stated[0, 2, 0, 0, 0] += 0.04  # below one decimal
    assert (metrics.distinct(stated).tolist(), metrics.copied(stated, example).tolist()) == ([2], [0.75])


def test_calibration_is_free_of_scale_and_origin():
    true = random_games(5, 2, 3)
    found = metrics.calibration(3.0 * true + 2.0, true)
    assert found.error.abs().max() < 1e-12
    assert (found.correlation - 1).abs().max() < 1e-12
    assert (found.hit == 1).all()
    against = metrics.calibration(-true, true)
    assert (against.correlation + 1).abs().max() < 1e-12
    assert (against.hit == 0).all()
    assert torch.isnan(metrics.calibration(torch.zeros(2, 3, 2), true[0]).correlation)


@pytest.mark.slow
def test_pure_equilibria_are_5000_times_faster_than_support_enumeration():
    import time
    import warnings

    games = random_games(100_000, 2, 3)
    pure.pure_nash(games)
    ours = []
    for _ in range(5):
        began = time.perf_counter()
        pure.pure_nash(games)
        ours.append((time.perf_counter() - began) / len(games))
    began = time.perf_counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for g in games[:100].numpy():
            list(nashpy.Game(g[..., 0], g[..., 1]).support_enumeration())
    theirs = (time.perf_counter() - began) / 100
    assert theirs / min(ours) > 5000
