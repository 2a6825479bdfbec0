"""The auditor against statsmodels, against what was planted, and where choices are as good as certain."""

import re

import numpy as np
import pytest
import torch

from populace.draw import Draw
from populace.envs.shopping.choice_logit import aces_design, fit, is_separated
from populace.errors import PopulaceError

PLANTED = torch.tensor([0.3, 0.2, -0.1, 0.15, -1.9, 0.3, 0.9, -0.25, 1.5, -0.1], dtype=torch.float64)


def _shelves(sets, n, seed=0):
    """Shelves of eight after the ACES randomiser, [sets, n, 8, columns], with eight titles."""
    draw = Draw.of(seed, torch.arange(sets))
    item = draw.uniform("order", n, 8).argsort(-1)
    base = torch.tensor([3.0, 3.2, 3.4, 3.1, 2.9, 3.3, 3.6, 3.0])
    log_price = base[item] + 0.3 * draw.normal("price", n, 8)
    rating = 4.2 + 0.3 * (draw.uniform("rating", n, 8) - 0.5)
    reviews = torch.exp(6 + draw.normal("reviews", n, 8))
    flags = [draw.uniform(name, n, 8) < chance for name, chance in (("s", 0.15), ("o", 0.07), ("l", 0.07))]
    return aces_design(log_price, reviews, rating, *flags, item, 8)


def _choose(x, b, seed=1):
    noise = Draw.of(seed, torch.arange(len(x))).uniform("choice", *x.shape[1:-1]).double().clamp(1e-9, 1 - 1e-9)
    return ((x * b).sum(-1) - torch.log(-torch.log(noise))).argmax(-1)


def test_same_as_statsmodels():
    from statsmodels.discrete.conditional_models import ConditionalLogit

    x, names = _shelves(1, 300)
    x = x[..., :10]
    choice = _choose(x, PLANTED)
    found = fit(x, choice, names[:10])
    rows = x[0].reshape(-1, 10).numpy()
    taken = torch.nn.functional.one_hot(choice[0], 8).reshape(-1).numpy()
    oracle = ConditionalLogit(taken, rows, groups=np.repeat(np.arange(300), 8)).fit(disp=False, method="newton")
    assert found.coefficients[0].numpy() == pytest.approx(oracle.params, abs=1e-7)
    assert found.errors[0].numpy() == pytest.approx(oracle.bse, abs=1e-5)
    assert found.loglik.item() == pytest.approx(oracle.llf, abs=1e-7)


def test_recovers_planted_coefficients_with_nominal_coverage():
    sets = 120
    x, names = _shelves(sets, 500)
    planted = torch.cat((PLANTED, torch.linspace(-0.5, 0.5, 7, dtype=torch.float64)))
    found = fit(x, _choose(x, planted), names)
    assert found.converged.all()
    assert not found.separated.any()
    z = (found.coefficients - planted) / found.errors
    # Of 17 x 120 intervals of 2 se .9545 should hold; the ten of a set hang together, hence the width of 4 binomial sd.
    covered = (z.abs() < 2).double().mean().item()
    assert abs(covered - 0.9545) < 4 * (0.9545 * 0.0455 / (17 * sets)) ** 0.5
    assert (z.mean(0).abs() < 4 / sets**0.5).all()
    each = (z.abs() < 2).double().mean(0)
    assert (each > 0.9545 - 4 * (0.9545 * 0.0455 / sets) ** 0.5).all()


def test_all_title_dummies_leave_the_attributes_as_they_are():
    x, names = _shelves(1, 400)
    choice = _choose(x[..., :10], PLANTED)
    found = fit(x, choice, names)
    last = 1.0 - x[..., 10:].sum(-1, keepdim=True)
    over = fit(torch.cat((x, last), -1), choice, (*names, "title 0"))
    assert torch.allclose(found.coefficients[..., :10], over.coefficients[..., :10], atol=1e-6)
    assert torch.allclose(found.errors[..., :10], over.errors[..., :10], atol=1e-6)
    assert over.errors[..., 10:].isnan().all()


def test_a_certain_chooser_is_said_to_separate():
    x, names = _shelves(1, 200)
    cheapest = x[..., 4].argmin(-1)
    found = fit(x[..., :10], cheapest, names[:10])
    assert found.separated.all()
    assert found.errors.isnan().all()
    tamed = fit(x[..., :10], cheapest, names[:10], ridge=1.0)
    assert tamed.coefficients.isfinite().all()
    assert tamed.coefficients[0, 4] < -5
    assert is_separated(x[0, :, :, :10], cheapest[0])
    assert not is_separated(x[0, :, :, :10], _choose(x[..., :10], PLANTED)[0])


def test_options_that_are_not_there_do_not_count():
    x, names = _shelves(1, 800)
    x, names = x[..., :10], names[:10]
    there = Draw.of(3, torch.arange(1)).uniform("there", 800, 8) < 0.7
    there[..., 0] |= ~there.any(-1)
    utility = torch.where(there, (x * PLANTED).sum(-1), -torch.inf)
    noise = Draw.of(4, torch.arange(1)).uniform("choice", 800, 8).double().clamp(1e-9, 1 - 1e-9)
    choice = (utility - torch.log(-torch.log(noise))).argmax(-1)
    found = fit(x, choice, names, available=there)
    assert ((found.coefficients - PLANTED).abs() < 4 * found.errors).all()


def test_mistakes():
    x, names = _shelves(1, 10)
    choice = torch.zeros((1, 10), dtype=torch.int64)
    with pytest.raises(PopulaceError, match="got \\(1, 10, 8, 17\\), \\(1, 9\\)"):
        fit(x, choice[:, :9], names)
    with pytest.raises(PopulaceError, match="columns rating hold"):
        fit(x.index_fill(-1, torch.tensor([6]), torch.nan), choice, names)
    with pytest.raises(PopulaceError, match="not available"):
        fit(x, choice, names, available=torch.zeros(1, 10, 8, dtype=torch.bool))


@pytest.mark.parametrize(("choices", "flagged"), [(20, 20), (200, 200), (2000, 3)])
def test_an_option_that_is_never_taken_separates(choices, flagged):
    """A rare flag has a small standard deviation, so that its coefficient in such units is small."""
    rng = torch.Generator().manual_seed(0)
    x = torch.randn(choices, 3, 1, generator=rng, dtype=torch.float64)
    flag = torch.zeros(choices, 3, dtype=torch.float64)
    flag[torch.arange(flagged), torch.randint(0, 3, (flagged,), generator=rng)] = 1
    noise = -torch.log(-torch.log(torch.rand(choices, 3, generator=rng, dtype=torch.float64)))
    choice = (x[..., 0] + noise).masked_fill(flag.bool(), -torch.inf).argmax(-1)
    both = torch.cat([x, flag.unsqueeze(-1)], -1)
    found = fit(both, choice, ("x", "flag"))
    assert is_separated(both, choice)
    assert found.separated
    assert found.errors.isnan().all()
    assert not fit(x, choice).separated


def test_large_coefficients_that_are_no_separation_stay():
    """Log odds of 9 between the ends of a column: the programme is asked, and answers no."""
    rng = torch.Generator().manual_seed(1)
    x = torch.rand(3000, 3, 1, generator=rng, dtype=torch.float64)
    noise = -torch.log(-torch.log(torch.rand(3000, 3, generator=rng, dtype=torch.float64)))
    found = fit(x, (9.0 * x[..., 0] + noise).argmax(-1))
    assert not found.separated
    assert (found.coefficients - 9.0).abs() < 4 * found.errors


def test_fits_are_equal_to_their_like():
    x, names = _shelves(1, 60)
    choice = x[..., 4].argmin(-1)
    assert fit(x[..., :10], choice, names[:10]) == fit(x[..., :10], choice, names[:10])


def test_a_buyer_who_always_takes_the_first_is_said_to_separate(tmp_path):
    from populace.analysis import load_run, report
    from populace.scenarios import load, runner

    sets = ["worlds=2", "population.size=60", "record.users=60", "record.worlds=2"]
    sets += [
        "arms={first: {agents.assistant: {policy: first-arrival, sequential: 1.0}}, random: {agents.assistant: random}}"
    ]
    page = report(runner.run(load("shelf-of-eight", sets), tmp_path / "run")).read_text(encoding="utf-8")
    table = page[page.index("pseudo R<sup>2</sup></th>") :]
    assert table.index("<td class='n'>separated</td>") < table.index("</tr>")
    shown = re.sub("<[^>]*>", " ", page[page.index("What moved the choices</h2>") : page.index("pseudo R<sup>2")])
    assert not re.search(r"\d{2},\d{3}", shown)
    assert load_run(tmp_path / "run").complete


def test_errors_clustered_by_world_are_those_of_leaving_worlds_out():
    """The linearised jackknife against 40 fits, each without one world; choices of a world share a taste for price."""
    x, names = _shelves(1, 240)
    x, world = x[..., :10], torch.arange(240) // 6
    own = torch.randn(40, 10, generator=torch.Generator().manual_seed(0), dtype=torch.float64)[world]
    choice = _choose(x, PLANTED + 0.4 * own[None, :, None])
    found = fit(x, choice, names[:10], clusters=world)
    alone = fit(x, choice, names[:10])
    without = torch.stack([fit(x[:, world != g], choice[:, world != g], names[:10]).coefficients[0] for g in range(40)])
    jackknife = (39 / 40 * (without - found.coefficients[0]).square().sum(0)).sqrt()
    assert torch.equal(found.coefficients, alone.coefficients)
    assert found.errors[0].numpy() == pytest.approx(jackknife.numpy(), rel=0.1)
    assert (found.errors / alone.errors).max() > 1.3
    low, high = found.ends()
    assert ((high - low) / (2 * found.errors)).mean().item() == pytest.approx(2.0227, abs=1e-4)  # t of 39, both tables'


def test_choices_of_one_world_have_no_clustered_errors():
    x, names = _shelves(1, 60)
    found = fit(x[..., :10], _choose(x[..., :10], PLANTED), names[:10], clusters=torch.zeros(60, dtype=torch.int64))
    assert found.errors.isnan().all()
    assert torch.isfinite(found.coefficients).all()
    assert all(end.isnan().all() for end in found.ends())
