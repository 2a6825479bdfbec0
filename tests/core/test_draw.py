"""Draw: independence of the batch, and the basic statistics of 10^7 numbers."""

import numpy as np
import pytest
import torch
from scipy import stats

from populace.draw import Draw, fold
from populace.errors import DrawnTwice

MANY = 10_000_000


def of(seed=0, worlds=1):
    return Draw.of(seed, torch.arange(worlds))


@pytest.mark.parametrize("kind", ["uniform", "normal"])
def test_a_number_depends_on_its_place_only(kind):
    everyone = getattr(of(3, 5), kind)("x", 40, 19)
    alone = getattr(Draw.of(3, torch.tensor([4])), kind)("x", 40, 19)
    assert torch.equal(everyone[4], alone[0])
    fewer = getattr(of(3, 5), kind)("x", 7, 6)
    assert torch.equal(everyone[:, :7, :6], fewer)
    some = getattr(of(3, 5), kind)("x", torch.tensor([30, 2]), torch.tensor([5, 18, 0]))
    assert torch.equal(everyone[:, [30, 2]][:, :, [5, 18, 0]], some)


def test_chunks_do_not_show(monkeypatch):
    whole = of(1, 2).normal("x", 300, 19), of(1, 2).uniform("y", 5000)
    monkeypatch.setattr("populace.draw.CHUNK", 64)
    assert torch.equal(whole[0], of(1, 2).normal("x", 300, 19))
    assert torch.equal(whole[1], of(1, 2).uniform("y", 5000))


def test_every_coordinate_matters():
    base = of(1, 2).at(0, 1).scope("s").uniform("x", 4)
    others = [
        of(2, 2).at(0, 1).scope("s").uniform("x", 4),
        of(1, 2).at(1, 1).scope("s").uniform("x", 4),
        of(1, 2).at(0, 2).scope("s").uniform("x", 4),
        of(1, 2).at(0, 1).scope("t").uniform("x", 4),
        of(1, 2).at(0, 1).scope("s").uniform("y", 4),
    ]
    assert all((other != base).all() for other in others)
    assert (base[0] != base[1]).all()


def test_a_tick_may_differ_by_world():
    together = of(1, 2).at(torch.tensor([3, 8])).uniform("x", 4)
    assert torch.equal(together[0], of(1, 2).at(3).uniform("x", 4)[0])
    assert torch.equal(together[1], of(1, 2).at(8).uniform("x", 4)[1])


def test_a_purpose_drawn_twice_is_an_error_when_looked_for():
    draw = Draw.of(0, torch.arange(2), check=True)
    draw.uniform("x", 3)
    draw.scope("elsewhere").uniform("x", 3)
    with pytest.raises(DrawnTwice, match="'x' was drawn twice"):
        draw.uniform("x", 3)


def test_keys_do_not_collide():
    keys = fold(torch.tensor([12345]), torch.arange(MANY))
    assert len(torch.unique(keys)) == MANY
    # 64 bits folded to 32 would collide about n^2 / 2^33 = 11,642 times.
    short = len(torch.unique(keys & 0xFFFFFFFF))
    assert abs((MANY - short) - MANY**2 / 2**33) < 5 * np.sqrt(MANY**2 / 2**33)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_uniform_moments_distribution_and_correlations(seed):
    u = of(seed).uniform("x", MANY)[0].double()
    error = 1 / np.sqrt(MANY)
    assert abs(u.mean().item() - 0.5) < 5 * error * np.sqrt(1 / 12)
    assert abs(u.var().item() - 1 / 12) < 5 * error * np.sqrt(1 / 180)
    assert u.min() >= 0
    assert u.max() < 1
    assert stats.kstest(u.numpy(), "uniform").pvalue > 1e-4
    for lag in (1, 2, 19, 1000):
        assert abs(_correlation(u[:-lag], u[lag:])) < 5 * error
    for other in (of(seed + 1).uniform("x", MANY), of(seed).at(1).uniform("x", MANY), of(seed).uniform("y", MANY)):
        assert abs(_correlation(u, other[0].double())) < 5 * error


def test_normal_moments_and_distribution_by_users_and_values():
    z = of(4).normal("x", MANY // 20, 20)[0].double()
    flat, error = z.reshape(-1), 1 / np.sqrt(MANY)
    assert abs(flat.mean().item()) < 5 * error
    assert abs(flat.var().item() - 1) < 5 * error * np.sqrt(2)
    assert abs((flat**3).mean().item()) < 5 * error * np.sqrt(15)
    assert abs((flat**4).mean().item() - 3) < 5 * error * np.sqrt(96)
    assert stats.kstest(flat.numpy(), "norm").pvalue > 1e-4
    assert abs(_correlation(z[:, 0::2].reshape(-1), z[:, 1::2].reshape(-1))) < 5 * error * np.sqrt(2)
    assert abs(_correlation(z[1:].reshape(-1), z[:-1].reshape(-1))) < 5 * error
    # Squares too: Box and Muller's pair share a radius, which must not show.
    assert abs(_correlation(z[:, 0::2].reshape(-1) ** 2, z[:, 1::2].reshape(-1) ** 2)) < 5 * error * np.sqrt(2)


def test_worlds_and_ticks_are_independent():
    worlds = Draw.of(0, torch.arange(MANY)).uniform("x").double()
    ticks = fold(torch.tensor([7]), torch.arange(MANY))
    assert abs(_correlation(worlds[1:], worlds[:-1])) < 5 / np.sqrt(MANY)
    assert stats.kstest(worlds.numpy(), "uniform").pvalue > 1e-4
    bits = torch.stack([((ticks >> bit) & 1).double().mean() for bit in range(64)])
    assert ((bits - 0.5).abs() < 5 * 0.5 / np.sqrt(MANY)).all()


def test_integers_bernoulli_and_categorical_follow_their_weights():
    n = 1_000_000
    counts = torch.bincount(of(1).integers("i", 2, 9, n)[0], minlength=9)
    assert counts[:2].sum() == 0
    assert stats.chisquare(counts[2:].numpy()).pvalue > 1e-4
    chance = torch.tensor([[0.0, 0.3, 1.0]]).expand(1, 3)
    hits = of(1).bernoulli("b", chance[:, :, None].expand(1, 3, n)).float().mean(-1)[0]
    assert hits[0] == 0
    assert hits[2] == 1
    assert abs(hits[1].item() - 0.3) < 5 * np.sqrt(0.21 / n)
    weights = torch.tensor([0.0, 3.0, 1.0, 0.0, 4.0, 0.0]).expand(1, n, 6)
    counts = torch.bincount(of(1).categorical("c", weights)[0], minlength=6)
    assert counts[[0, 3, 5]].sum() == 0
    assert stats.chisquare(counts[[1, 2, 4]].numpy(), n * np.array([3, 1, 4]) / 8).pvalue > 1e-4


def test_options_of_no_weight_change_nothing():
    weights = torch.tensor([1.0, 2.0, 3.0]).expand(2, 500, 3)
    longer = torch.cat([weights, torch.zeros(2, 500, 2)], -1)
    assert torch.equal(of(1, 2).categorical("c", weights), of(1, 2).categorical("c", longer))


def test_choice_is_a_uniformly_random_set():
    picks = of(1).choice("c", 6, 3, 200_000)[0].sort(-1).values
    assert ((picks[:, 1:] - picks[:, :-1]) > 0).all()
    codes = picks[:, 0] * 36 + picks[:, 1] * 6 + picks[:, 2]
    counts = torch.unique(codes, return_counts=True)[1]
    assert len(counts) == 20  # 6 choose 3
    assert stats.chisquare(counts.numpy()).pvalue > 1e-4
    with pytest.raises(ValueError, match="at most 6"):
        of(1).choice("c", 6, 7)


@pytest.mark.gpu
def test_gpu_keys_equal_and_numbers_agree():
    if not torch.cuda.is_available():
        pytest.skip("no GPU here")
    ids = torch.arange(64)
    cpu, gpu = Draw.of(5, ids), Draw.of(5, ids.cuda())
    assert torch.equal(cpu.keys_of("x", 100), gpu.keys_of("x", 100).cpu())
    assert torch.equal(cpu.uniform("u", 100, 19), gpu.uniform("u", 100, 19).cpu())
    assert torch.allclose(cpu.normal("n", 100, 19), gpu.normal("n", 100, 19).cpu(), atol=1e-5)


def _correlation(x, y):
    x, y = x - x.mean(), y - y.mean()
    return ((x * y).mean() / (x.std() * y.std())).item()
