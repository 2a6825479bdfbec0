"""Rounds of games and scripted players by kernels are those by torch."""

import pytest
import torch
from kernels_stage import both, of

from populace.agents.scripted.payoff_parts import against
from populace.arithmetic import using
from populace.envs.matrix import Matrix
from populace.population import PlainPopulation
from populace.registry import policies
from populace.rollout import rollout
from populace.run import start

GAMES = {
    "dilemma": ({"game": "prisoners_dilemma", "matching": "pairs"}, 40),
    "random": ({"game": "prisoners_dilemma", "matching": "random"}, 40),
    "three players": ({"payoffs": torch.arange(24.0).view(2, 2, 2, 3).tolist(), "matching": "random"}, 42),
    "unlike acts": ({"payoffs": torch.arange(12.0).view(2, 3, 2).tolist(), "matching": "pairs"}, 40),
}


@pytest.mark.parametrize("name", ["best-response", "tit-for-tat", "logit", "fictitious-play", "random"])
@pytest.mark.parametrize("game", GAMES)
def test_both_forms_play_the_same(game, name):
    options, users = GAMES[game]
    if name == "tit-for-tat" and game not in ("dilemma", "random"):
        pytest.skip("for games of two players with as many acts")

    def work():
        population = PlainPopulation(users, ())
        world = Matrix(Matrix.Options.model_validate(options), population.census)
        kind = policies.get(name, within="matrix")
        players = {"player": kind(kind.Options())}
        run = start(world, players, population, seed=0, worlds=3)
        run = rollout(world, players, run, 5)
        return run.state

    plain, fast = both(work)
    for name in ("act", "payoff", "faced", "given"):
        assert torch.equal(getattr(plain, name), getattr(fast, name)), name


def test_shares_leave_out_groups_in_which_somebody_forfeited():
    from populace.envs.matrix.playing_kernel import play

    game = torch.arange(8.0).view(1, 4, 2)
    act = torch.tensor([[0, 1, 1, 1, 0, 0]])
    there = torch.tensor([[True, True, True, False, True, True]])
    payoff, faced, shares = play(game, act, there, 2, 2, None)
    assert payoff.tolist() == [[2.0, 3.0, 6.0, 7.0, 0.0, 1.0]]
    assert faced.argmax(-1).tolist() == [[1, 0, 1, 1, 0, 0]]
    assert shares.tolist() == [[0.5, 0.5, 0.0, 0.0]]
    nobody = play(game, act, torch.zeros_like(there), 2, 2, None)[2]
    assert nobody.isnan().all()


def test_worth_is_the_expected_payoff():
    from populace.agents.scripted.payoff_kernel import worth

    with using("kernels"):
        table, faced = of(1, 2).normal("t", 30, 3, 4), of(2, 2).uniform("f", 30, 4)
        faced[:, :5] = 0.0
        found = worth(table, faced)
    chances = torch.where(faced.sum(-1, keepdim=True) > 0, faced / faced.sum(-1, keepdim=True), 0.25)
    assert torch.allclose(found.double(), against(table.double(), chances.double()), atol=1e-6)
