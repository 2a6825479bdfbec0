"""Kernels draw what torch draws: whole numbers and uniform ones to the bit, normal ones within 2.5e-6."""

import pytest
import torch
from kernels_stage import both, of

from populace import tree
from populace.arithmetic import by_kernels, using
from populace.draw import Draw, fold, fold_each, normals, uniforms
from populace.errors import DrawnTwice

CLOSE = 2.5e-6
IDS = torch.tensor([30, 2, 2, 7])
DIMS = [
    (),
    (1,),
    (5,),
    (1023,),
    (2500,),
    (7, 19),
    (400, 3),
    (3, 1025),
    (2, 3, 4),
    (2, 3, 4, 5),
    (IDS,),
    (6, IDS),
    (IDS, 6),
    (IDS, IDS),
    (IDS, 3, IDS),
    (IDS.to(torch.int32), 4),
    (0,),
    (0, 3),
    (3, 0),
    (IDS[:0], 2),
]
KINDS = {
    "uniform": lambda draw, *dims: draw.uniform("x", *dims),
    "integers": lambda draw, *dims: draw.integers("x", -3, 12, *dims),
    "wide integers": lambda draw, *dims: draw.integers("x", 0, 2**32, *dims),
    "normal": lambda draw, *dims: draw.normal("x", *dims),
    "keys": lambda draw, *dims: draw.keys_of("x", *dims),
    "choice": lambda draw, *dims: draw.choice("x", 48, 8, *dims),
    "choice of all": lambda draw, *dims: draw.choice("x", 5, 5, *dims),
    "bernoulli": lambda draw, *dims: draw.bernoulli("x", torch.tensor(0.3), *dims),
}


def words(dims):
    return "x".join("ids" if isinstance(dim, torch.Tensor) else str(dim) for dim in dims) or "none"


@pytest.mark.parametrize("worlds", [1, 3])
@pytest.mark.parametrize("kind", KINDS)
def test_both_forms_agree(kind, worlds):
    for check in (False, True):
        for dims in DIMS:
            plain, fast = both(lambda: KINDS[kind](of(3, worlds, check=check).at(2).scope("s"), *dims))  # noqa: B023
            assert fast.dtype == plain.dtype, words(dims)
            assert fast.shape == plain.shape, words(dims)
            if kind == "normal":
                assert torch.allclose(fast, plain, rtol=0.0, atol=CLOSE), words(dims)
            else:
                assert torch.equal(fast, plain), words(dims)


def test_no_worlds_draw_nothing():
    for kind, work in KINDS.items():
        plain, fast = both(lambda: work(of(1, 0), 4))  # noqa: B023
        assert fast.shape == plain.shape == ((0, 4) if "choice" not in kind else fast.shape)


def test_many_normals_stay_close_and_their_signs_agree():
    plain, fast = both(lambda: of(11).normal("x", 100_000, 19))
    assert torch.allclose(fast, plain, rtol=0.0, atol=CLOSE)
    away = plain.abs() > CLOSE
    assert torch.equal(fast[away] > 0, plain[away] > 0)


def test_numbers_by_ids_are_those_by_size():
    with using("kernels"):
        whole = of(5, 2).normal("x", 40, 19)
        some = of(5, 2).normal("x", torch.tensor([30, 2]), torch.tensor([5, 18, 0]))
        assert torch.equal(whole[:, [30, 2]][:, :, [5, 18, 0]], some)
        assert torch.equal(whole, Draw.of(5, torch.arange(2), check=True).normal("x", 40, 19))
        keys = of(5, 2).keys_of("x", 40)
        assert torch.equal(whole, normals(keys, 19))
        assert torch.equal(of(5, 2).uniform("x", 40, 19), uniforms(keys, 19))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.int64, torch.bool])
@pytest.mark.parametrize("shape", [(2, 6), (2, 300, 1), (2, 300, 6), (2, 5, 7, 40)])
def test_categoricals(shape, dtype):
    weights = (of(1).uniform("w", *shape)[0] * 4.0).to(dtype)
    weights[..., -1] = 0
    plain, fast = both(lambda: of(9, 2).categorical("c", weights))
    assert torch.equal(fast, plain)


def test_categoricals_of_strange_weights():
    rows = torch.tensor(
        [[0.0, 0.0, 0.0], [torch.nan, 1.0, 1.0], [1.0, torch.inf, 1.0], [-1.0, 2.0, 1.0], [1e-45, 0.0, 0.0], [3e38] * 3]
    )
    weights = rows.unsqueeze(1).expand(6, 50, 3)
    plain, fast = both(lambda: of(2, 6).categorical("c", weights))
    assert torch.equal(fast, plain)
    wide = torch.ones(1, 1, 3).expand(2, 1, 3)
    plain, fast = both(lambda: of(2, 2).categorical("c", wide, 7))
    assert torch.equal(fast, plain)
    followed = rows[3:].clone().requires_grad_()
    plain, fast = both(lambda: of(2, 3).categorical("c", followed))
    assert torch.equal(fast, plain)


def test_keys_of_places():
    ticks = torch.tensor([3, 8, 2**40])
    for work in (
        lambda: of(1, 3).keys,
        lambda: of(1, 3).at(0, 5, ticks).keys,
        lambda: of(1, 3).at(-1, 2**63).keys,
        lambda: of(1, 3).common().keys,
        lambda: fold(torch.tensor([5]), torch.arange(9)),
        lambda: fold(torch.arange(12).view(3, 4).T, torch.arange(3)),
        lambda: fold_each(torch.arange(4), IDS),
        lambda: fold(torch.tensor(5), 7),
    ):
        plain, fast = both(work)
        assert torch.equal(fast, plain)


def test_keys_that_are_not_contiguous():
    spread = tree.tree_map(lambda keys: keys.repeat_interleave(2)[::2], of(3, 4))
    for work in KINDS.values():
        plain, fast = both(lambda: work(spread, 3))  # noqa: B023
        assert torch.allclose(plain.double(), fast.double(), rtol=0.0, atol=CLOSE)
        with using("kernels"):
            assert torch.equal(work(spread, 3), work(of(3, 4), 3))


MISTAKES = {
    "too many": lambda: of().choice("x", 3, 4),
    "negative size": lambda: of().uniform("x", -1),
    "negative rows": lambda: of().normal("x", -2, 3),
    "half a size": lambda: of().uniform("x", 2.5),
    "a name": lambda: of().integers("x", 0, 3, "four"),
    "beyond int64": lambda: of().integers("x", 0, 2**70, 3),
    "weights of other worlds": lambda: of(0, 2).categorical("x", torch.ones(3, 4, 5)),
    "no options": lambda: of().categorical("x", torch.ones(1, 3, 0)),
}


@pytest.mark.parametrize("name", MISTAKES)
def test_errors_are_the_same(name):
    told = []
    for form in ("torch", "kernels"):
        with using(form), pytest.raises(Exception) as caught:  # noqa: PT011
            MISTAKES[name]()
        told.append((caught.type, str(caught.value)))
    assert told[0] == told[1]


@pytest.mark.parametrize("form", ["torch", "kernels"])
def test_a_purpose_drawn_twice_is_an_error_in_both(form):
    with using(form):
        for kind, work in KINDS.items():
            draw = of(check=True)
            work(draw, 3)
            with pytest.raises(DrawnTwice, match="'x' was drawn twice"):
                work(draw, 3)
            assert kind


def test_elsewhere_torch_draws():
    with using("kernels"):
        draw = Draw.of(1, torch.arange(3, device="meta"))
        assert not by_kernels(draw.keys)
        for work in KINDS.values():
            assert work(draw, 4).device.type == "meta"
        assert draw.categorical("c", torch.ones(3, 5, device="meta")).device.type == "meta"


def test_a_default_device_or_dtype_changes_nothing():
    with using("kernels"):
        plain = of(1).normal("x", 4, 3)
        draw, before = of(1), torch.get_default_dtype()
        torch.set_default_dtype(torch.float64)
        try:
            with torch.device("meta"):
                assert torch.equal(draw.normal("x", 4, 3), plain)
                assert draw.uniform("x", 4).dtype == torch.float32
        finally:
            torch.set_default_dtype(before)
