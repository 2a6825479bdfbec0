"""The matrix world: any normal-form game, who meets whom, and how scripted players fare."""

import math

import networkx
import numpy as np
import pytest
import torch

from populace import tree
from populace.draw import Draw
from populace.envs.matrix import Matrix, MatrixOptions
from populace.errors import PopulaceError
from populace.games import dynamics, normal_form
from populace.observation import Observation
from populace.population import Census, Network, People, PlainPopulation
from populace.registry import policies
from populace.rollout import Keep, rollout
from populace.run import start


def play(options, player, users=60, worlds=3, steps=5, seed=2, ids=None, population=None):
    chosen = MatrixOptions.model_validate({"matching": "pairs", **options})
    people = population or PlainPopulation(users, ())
    world = Matrix(chosen, people.census)
    name, given = (player, {}) if isinstance(player, str) else player
    kind = policies.get(name, within="matrix")
    players = {"player": kind(kind.Options.model_validate(given))}
    run = start(world, players, people, seed=seed, worlds=worlds if ids is None else ids)
    keep = Keep()
    return world, rollout(world, players, run, steps, keep, check=True), keep


@pytest.mark.parametrize("matching", ["pairs", "random", "everyone"])
@pytest.mark.parametrize("player", ["imitation", "logit", "rule-pareto"])
def test_a_world_is_the_same_alone_and_in_a_batch(matching, player):
    options = {"game": "chicken", "matching": matching, "models": True}
    _, many, _ = play(options, player, worlds=5)
    _, one, _ = play(options, player, ids=torch.tensor([4]))
    for a, b in zip(tree.tensors(one.state), tree.tensors(tree.take(many.state, torch.tensor([4]))), strict=True):
        assert torch.equal(a, b)


@pytest.mark.parametrize("matching", ["pairs", "random"])
def test_payoffs_are_those_of_the_cell_that_was_played(matching):
    world, run, keep = play({"game": "battle_of_sexes", "matching": matching}, "random", steps=1, users=40)
    state, table = run.state, normal_form.preset("battle_of_sexes")
    met = state.faced.argmax(-1)  # the other's act
    for seat in range(40):
        for w in range(3):
            own, other = state.act[w, seat].item(), met[w, seat].item()
            cell = (own, other) if seat % 2 == 0 else (other, own)
            assert state.payoff[w, seat].item() == table[cell][seat % 2].item()
    assert torch.allclose(keep.series["payoff"][0], state.payoff.mean(-1), atol=1e-6)


def test_games_of_three_players_pay_by_joint_act():
    gives = torch.cartesian_prod(*[torch.arange(2)] * 3).reshape(2, 2, 2, 3).double()
    game = 0.5 * gives.sum(-1, keepdim=True) - gives  # act 1 gives, each gift returns half to everyone
    _, run, keep = play({"payoffs": game.tolist()}, "random", users=30, steps=1)
    act = run.state.act.unflatten(1, (-1, 3)).double()
    assert torch.allclose(run.state.payoff.double(), (0.5 * act.sum(-1, keepdim=True) - act).flatten(1))
    _, _, selfish = play({"payoffs": game.tolist()}, "best-response", users=30)
    assert (selfish.series["share_0"][-1] == 1).all()
    assert (selfish.series["nash_play"][-1] == 1).all()


def test_random_matching_meets_new_partners_of_the_other_role():
    # In matching pennies player 1 wants to match: payoffs sum to zero in every pair, whoever meets whom.
    _, run, _ = play({"game": "matching_pennies", "matching": "random"}, "random", users=200, steps=1)
    assert (run.state.payoff.sum(-1) == 0).all()


class Ring:
    """Everyone listens to the two neighbours on a ring."""

    def __init__(self, users):
        self.users = users
        self.census = Census(users, networked=True)

    def sample(self, draw):
        edges = torch.tensor(list(networkx.cycle_graph(self.users).edges))
        source, target = torch.cat((edges[:, 0], edges[:, 1])), torch.cat((edges[:, 1], edges[:, 0]))
        network = Network(source[None], target[None], torch.ones(1, len(source)))
        zeros = torch.zeros(draw.worlds, self.users, 0)
        return People(zeros, torch.zeros(draw.worlds, self.users, dtype=torch.int64), network=network)


def test_players_on_a_network_play_their_neighbours():
    _, run, keep = play({"game": "stag_hunt", "matching": "network"}, "random", steps=1, population=Ring(12))
    act, table = run.state.act[0], normal_form.preset("stag_hunt")[..., 0]
    for seat in range(12):
        pair = [table[act[seat], act[(seat + d) % 12]].item() for d in (-1, 1)]
        assert run.state.payoff[0, seat].item() == pytest.approx(sum(pair) / 2)
    assert torch.allclose(keep.series["payoff"][0], run.state.payoff.mean(-1), atol=1e-6)


def test_best_response_fictitious_play_and_tit_for_tat_in_their_classic_games():
    _, _, keep = play({"game": "prisoners_dilemma"}, "best-response")
    assert (keep.series["share_0"][-1] == 0).all()
    _, _, keep = play({"game": "prisoners_dilemma"}, "tit-for-tat")
    assert (keep.series["share_0"][-1] == 1).all()
    # Fictitious play converges in zero-sum games (Robinson 1951): long-run shares go to a half.
    _, _, keep = play({"game": "matching_pennies"}, "fictitious-play", steps=400, users=2)
    shares = torch.stack(keep.series["share_0"]).mean(0)
    assert ((shares - 0.5).abs() < 0.05).all()


def test_tit_for_tat_punishes_once_and_forgives():
    kind = policies.get("tit-for-tat", within="matrix")()
    table = normal_form.preset("prisoners_dilemma").float()
    role = Matrix(MatrixOptions(game="prisoners_dilemma", matching="everyone"), Census(3)).role("player")
    faced = torch.tensor([[[0.0, 0.0], [1.0, 0.0], [0.0, 1.0]]])  # nothing yet, cooperation, defection
    shown = {
        "mine": table[..., 0].expand(1, 3, 2, 2),
        "theirs": table[..., 1].expand(1, 3, 2, 2),
        "faced": faced,
    }
    act, _ = kind.act(Observation(shown, role, "play"), None, Draw.of(0, torch.arange(1)))
    assert act["act"].tolist() == [[0, 0, 1]]


def test_logit_players_settle_at_the_quantal_response_equilibrium():
    # Against a whole population in chicken, the rest point solves x = 1 / (1 + exp(-gap(x) / noise)).
    own, noise = normal_form.preset("chicken")[..., 0], 2.0
    _, _, keep = play({"game": "chicken", "matching": "everyone"}, ("logit", {"noise": noise}), users=4000, steps=40)
    share = torch.tensor([0.5, 0.5], dtype=torch.float64)
    for _ in range(2000):
        share = dynamics.logit(share, dynamics.act_payoffs(own, share), noise, 0.1)
    gap = (dynamics.act_payoffs(own, share) @ torch.tensor([1.0, -1.0], dtype=torch.float64)).item()
    assert share[0].item() == pytest.approx(1 / (1 + math.exp(-gap / noise)), abs=1e-9)
    late = torch.stack(keep.series["share_0"][20:]).mean()
    assert late.item() == pytest.approx(share[0].item(), abs=4 * 0.5 / math.sqrt(4000 * 60) + 0.005)


def test_imitators_follow_the_replicator():
    # Proportional imitation moves the mean share by x (1 - x) (f_0 - f_1) / span a tick (Schlag 1998).
    own = normal_form.preset("prisoners_dilemma")[..., 0]
    users = 40_000
    _, _, keep = play(
        {"game": "prisoners_dilemma", "matching": "everyone", "models": True},
        ("imitation", {"start": 0.9}),
        users=users,
        steps=12,
        worlds=1,
    )
    shares = [s.item() for s in keep.series["share_0"]]
    share = shares[0]
    assert share == pytest.approx(0.9, abs=4 * 0.3 / math.sqrt(users))
    for seen in shares[1:]:
        x = np.array([share, 1 - share])
        f = own.numpy() @ x
        share = share + share * (1 - share) * (f[0] - f[1]) / 5.0
        assert seen == pytest.approx(share, abs=0.02)


def test_repeated_games_of_random_length_end():
    _, run, _ = play({"game": "harmony", "patience": 0.5}, "best-response", worlds=200, steps=4)
    # Over after four ticks with chance 1 - 1/16.
    assert run.done.float().mean().item() == pytest.approx(15 / 16, abs=4 * math.sqrt(15 / 16 / 16 / 200))


def test_players_may_have_different_numbers_of_acts():
    # GTAlign's 2 x 3 example: the first player's third act is its second again.
    table = normal_form.preset("gtalign_example")
    _, run, keep = play({"game": "gtalign_example"}, "random", users=60, worlds=1, steps=1)
    act = run.state.act[0].unflatten(0, (-1, 2))
    assert act[:, 0].max() == 1
    assert act[:, 1].max() == 2
    paid = table[act[:, 0], act[:, 1]].float()
    assert torch.equal(run.state.payoff[0], paid.flatten())
    _, _, best = play({"game": "gtalign_example"}, "best-response")
    assert (best.series["nash_play"][-1] == 1).all()  # clear and direct, the only equilibrium
    assert torch.allclose(best.series["payoff"][-1], torch.tensor((4.3 + 4.2) / 2))


def test_every_world_draws_its_own_random_game():
    _, run, _ = play({"random": [3, 3]}, "best-response", worlds=4)
    assert len({tuple(g.flatten().tolist()) for g in run.state.game}) == 4
    assert abs(run.state.game.mean().item()) < 1


@pytest.mark.parametrize(
    ("options", "text"),
    [
        ({"game": "chicken", "random": [2, 2]}, "give one of game"),
        ({"game": "chiken"}, "did you mean 'chicken'"),
        ({"rows": [[1, 2], [3, 4]]}, "needs both"),
        ({"rows": [[1, 2], [3, "x"]], "columns": [[1, 2], [3, 4]]}, "row 2, column 2: 'x'"),
        ({"rows": [[1, 2], [3]], "columns": [[1, 2], [3, 4]]}, "row 2 has 1 entries"),
        ({"rows": [[1, 2, 3], [3, 4, 5]], "columns": [[1, 2], [3, 4]]}, "2 x 3 and the column player's 2 x 2"),
        ({"payoffs": [[[1, 2], [3, 4]], [[1, 2], [3, None]]]}, "row 2, column 2, player 2: None"),
        ({"game": "matching_pennies", "matching": "everyone"}, "symmetric"),
        ({"game": "chicken", "labels": ["a"]}, "1 names for 2 acts"),
        ({"random": [2]}, "two or more players"),
    ],
)
def test_bad_games_are_told_before_anything_runs(options, text):
    with pytest.raises(ValueError, match=text):
        MatrixOptions.model_validate(options)


def test_populations_that_do_not_fit_are_refused():
    with pytest.raises(PopulaceError, match="multiple"):
        play({"game": "chicken"}, "random", users=7)
    with pytest.raises(PopulaceError, match="models: true"):
        play({"game": "chicken"}, "imitation")
    with pytest.raises(PopulaceError, match="social network"):
        play({"game": "chicken", "matching": "network"}, "random")
