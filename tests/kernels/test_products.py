"""Products and `estimate`: kernels agree with torch to rounding, whatever broadcasts, and one by one with a batch."""

import pytest
import torch
from kernels_stage import both, of

from populace.agents.scripted.coevolution_estimate import estimate
from populace.arithmetic import using
from populace.numerics import apply_linear

SHAPES = [
    ((5,), (3, 5)),
    ((300, 6), (300, 8, 6)),
    ((4, 300, 6), (4, 1, 8, 6)),
    ((4, 7, 6), (4, 1, 8, 6)),
    ((4, 1, 6), (4, 300, 8, 6)),
    ((130, 1), (1, 3, 1)),
    ((4, 1, 3, 1, 6), (4, 5, 1, 2, 8, 6)),
    ((3, 1, 6), (2, 8, 6)),
    ((3, 2, 40, 6), (2, 1, 8, 6)),
]


@pytest.mark.parametrize(("x_shape", "w_shape"), SHAPES)
def test_products_agree_with_float64(x_shape, w_shape):
    x, weight = of(1).normal("x", *x_shape)[0], of(2).normal("w", *w_shape)[0]
    exact = (x.double().unsqueeze(-2) * weight.double()).sum(-1)
    size = (x.double().unsqueeze(-2) * weight.double()).abs().sum(-1)
    for found in both(lambda: apply_linear(x, weight)):
        assert found.shape == exact.shape
        assert ((found.double() - exact).abs() <= x_shape[-1] * 2.0**-23 * size).all()


def test_products_of_views_that_are_not_contiguous():
    x, weight = of(1).normal("x", 6, 40)[0].T, of(2).normal("w", 6, 8)[0].T
    plain, fast = both(lambda: apply_linear(x, weight))
    assert torch.allclose(plain, fast, atol=1e-5)
    with using("kernels"):
        assert torch.equal(apply_linear(x.contiguous(), weight.contiguous()), fast)


def test_products_do_not_depend_on_the_batch():
    with using("kernels"):
        x, weight = of(1, 5).normal("x", 100, 6), of(2, 5).normal("w", 8, 6)
        whole = apply_linear(x, weight.unsqueeze(1))
        assert torch.equal(whole[2:3], apply_linear(x[2:3], weight[2:3].unsqueeze(1)))
        assert torch.equal(whole[:, 7:8], apply_linear(x[:, 7:8], weight.unsqueeze(1)))


def test_what_kernels_do_not_take():
    x, weight = of(1).normal("x", 20, 6)[0], of(2).normal("w", 8, 6)[0]
    with using("kernels"):
        assert apply_linear(x.double(), weight.double()).dtype == torch.float64
        assert apply_linear(x.to("meta"), weight.to("meta")).device.type == "meta"
        assert apply_linear(x[:0], weight).shape == (0, 8)
        followed = weight.clone().requires_grad_()
        apply_linear(x, followed).sum().backward()
        assert torch.allclose(followed.grad, x.sum(0).expand(8, 6), atol=1e-5)
        with torch.no_grad():
            assert not apply_linear(x, followed).requires_grad


@pytest.mark.parametrize(("x_shape", "w_shape"), [((3, 6), (2, 8, 6)), ((0,), (3, 0)), ((), (3, 1))])
def test_errors_are_the_same(x_shape, w_shape):
    told = []
    for form in ("torch", "kernels"):
        with using(form), pytest.raises((RuntimeError, IndexError)) as caught:
            apply_linear(torch.ones(x_shape), torch.ones(w_shape))
        told.append((caught.type, str(caught.value)))
    assert told[0] == told[1]


def arguments(worlds, seats, audiences, asked, width):
    draw = of(4, worlds)
    lead = (seats, audiences)
    return (
        draw.uniform("shares", *lead, asked),
        (draw.uniform("weights", *lead, 1) < 0.8).float().expand(-1, -1, -1, asked),
        draw.normal("questions", seats, 1, asked, width) / width**0.5,
        0.1 * draw.normal("centre", seats, 1, width),
        1.0 + 4.0 * draw.uniform("beta", seats, 1),
        0.3 * draw.normal("around", *lead, width),
    )


@pytest.mark.parametrize("size", [(1, 1, 1, 8, 10), (3, 2, 4, 8, 19), (40, 1, 1, 1, 1), (100, 1, 3, 4, 5)])
def test_estimates_agree_with_torch(size):
    given = arguments(*size)
    plain, fast = both(lambda: estimate(*given, 0.05, 40))
    assert fast.shape == plain.shape
    # Forty steps of float32, in another order of additions.
    assert torch.allclose(fast, plain, atol=4e-6)
    assert torch.equal(*both(lambda: estimate(*given, 0.05, 0)))


def test_an_estimate_is_where_the_slope_vanishes():
    """Against the condition that defines it, in float64: many steps of a strongly convex fit."""
    shares, weights, questions, centre, beta, around = (x.double() for x in arguments(2, 1, 3, 8, 10))
    with using("kernels"):
        values = estimate(*arguments(2, 1, 3, 8, 10), 0.05, 2000).double()
    chance = torch.sigmoid(beta.unsqueeze(-1) * (questions * (values - centre).unsqueeze(-2)).sum(-1))
    pull = ((weights * (chance - shares)).unsqueeze(-1) * questions).sum(-2)
    slope = beta.unsqueeze(-1) * pull / 8 + 0.05 * (values - around)
    assert slope.abs().max() < 1e-6


def test_estimates_do_not_depend_on_the_batch():
    given = arguments(100, 1, 3, 8, 10)
    with using("kernels"):
        whole = estimate(*given, 0.05, 40)
        for few in (slice(7, 8), slice(2, 5), slice(50, 100)):
            assert torch.equal(whole[few], estimate(*(x[few] for x in given), 0.05, 40))


def test_an_estimate_takes_torch_for_what_kernels_do_not():
    given = [x.double() for x in arguments(1, 1, 1, 8, 10)]
    with using("kernels"):
        assert estimate(*given, 0.05, 5).dtype == torch.float64
        assert estimate(*(x.to("meta") for x in given), 0.05, 5).device.type == "meta"
