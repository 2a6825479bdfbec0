"""The closed forms against each other, against published figures, and against simulation."""

import csv
import math

import pytest
import torch

from populace.draw import Draw
from populace.envs.drift import closed_forms as cf
from populace.errors import PopulaceError


def test_pooled_threshold_is_where_the_pull_changes_sign():
    """(a) and (b): logit shift T beta [p db - (1-p) dg], p* = dg / (dg + db), whatever T and beta."""
    gain, loss = 0.45, 0.55
    p = cf.pooled_threshold(gain, loss)
    assert p == pytest.approx(0.55)
    assert cf.pooled_shift(p, gain, loss, beta=3.0, rounds=20) == pytest.approx(0.0, abs=1e-12)
    assert cf.pooled_shift(0.6, gain, loss, 1.0, 20) == pytest.approx(20 * cf.pooled_shift(0.6, gain, loss, 1.0))


def test_tilts_add_up_in_logits():
    """The exact identity for exponentially tilted laws: a fixed reference tilts once, a moving one T times."""
    x0, mean_d, mean_h, beta = 0.024, 0.62, 0.55, 1.7
    shares = [x0, 1 - x0]
    for _ in range(12):
        shares = cf.tilted(shares, [mean_d, mean_h], beta)
    assert cf.logit(shares[0]) - cf.logit(x0) == pytest.approx(12 * beta * (mean_d - mean_h))


def test_tilt_changes_a_behaviour_by_its_covariance_with_the_weight():
    """Shapira et al.: E'[g] - E[g] = Cov(g, e^{beta r}) / E[e^{beta r}]."""
    shares, ratings, g, beta = [0.2, 0.5, 0.3], [0.1, 0.6, 0.9], [1.0, 0.0, 4.0], 2.0
    after = cf.tilted(shares, ratings, beta)
    w = [math.exp(beta * r) for r in ratings]
    mean_w = sum(x * v for x, v in zip(shares, w, strict=True))
    mean_g = sum(x * v for x, v in zip(shares, g, strict=True))
    cov = sum(x * v * u for x, v, u in zip(shares, w, g, strict=True)) - mean_w * mean_g
    change = sum(x * v for x, v in zip(after, g, strict=True)) - mean_g
    assert change == pytest.approx(cov / mean_w)


@pytest.mark.parametrize(("rho", "p"), [(1, 0.550), (0.25, 0.237), (0.1, 0.111), (0.05, 0.059), (0.02, 0.024)])
def test_silent_benign_users(rho, p):
    """(c) with delta_g .55, delta_b .45, x_b .024."""
    assert cf.silent_threshold(0.45, 0.55, 0.024, rho) == pytest.approx(p, abs=5e-4)


@pytest.mark.parametrize(("q", "p"), [(1, 0.55), (0.6, 0.318), (0.5, 0.217), (0.4, 0.082), (0.3, 0.0)])
def test_unverifiable_claims(q, p):
    """(d) with .55 and .30; the threshold is zero below q = .30 / .85."""
    assert cf.unverifiable_threshold(q, 0.45, 0.55, 0.30) == pytest.approx(p, abs=5e-4)
    assert cf.benign_loss(0.30 / 0.85, 0.55, 0.30) == pytest.approx(0.0, abs=1e-12)


def _table(shared_data):
    with (shared_data / "drift" / "model_selection_thresholds.csv").open() as file:
        for row in csv.DictReader(file):
            yield (
                cf.Selection(float(row["kept_fraction"]), row["selection_scope"], float(row["rho_xg_over_xb"])),
                float(row["p_star"]),
            )


def test_every_cell_of_the_selection_table(shared_data):
    """(e) All 32 cells to three decimals."""
    cells = list(_table(shared_data))
    assert len(cells) == 32
    for selection, published in cells:
        assert selection.threshold() == pytest.approx(published, abs=5.01e-4), selection


def _log_odds_change(selection, p, draw, n):
    """Simulate n conversations a world: logit of D among the kept minus logit of D among all, [worlds]."""
    r = selection.ratings
    biased = draw.uniform("type", n) < p
    x = torch.where(biased, selection.x_biased, selection.rho * selection.x_biased)
    dishonest = draw.uniform("act", n) < x
    mean, sd = (
        torch.where(
            biased,
            torch.where(dishonest, r.biased_d[i], r.biased_h[i]),
            torch.where(dishonest, r.benign_d[i], r.benign_h[i]),
        )
        for i in (0, 1)
    )
    rating = mean + sd * draw.normal("rating", n)
    strata = [torch.ones_like(biased)] if selection.scope == "global" else [biased, ~biased]
    kept = torch.zeros_like(biased)
    for stratum in strata:
        inside = torch.where(stratum, rating, -torch.inf)
        size = (stratum.sum(-1) * selection.kept).long()
        cut = inside.sort(-1, descending=True).values.gather(-1, size[:, None] - 1)
        kept |= inside >= cut
    d, h = (dishonest & kept).sum(-1).double(), (~dishonest & kept).sum(-1).double()
    return torch.log(d / h) - torch.log(dishonest.sum(-1).double() / (~dishonest).sum(-1).double())


@pytest.mark.parametrize("rho", [1, 0.3, 0.125, 0.05])
@pytest.mark.parametrize("kept", [0.5, 0.25, 0.125, 0.0625])
@pytest.mark.parametrize("scope", ["global", "per_user_type"])
def test_selection_thresholds_by_simulation(rho, kept, scope):
    """At p* the kept hold as much dishonesty as the pool, within Monte Carlo error; the sign is clear either side.

    Twenty worlds of 50,000 conversations; where p* is so small that the sign needs more (below .05), only p* itself.
    """
    selection = cf.Selection(kept, scope, rho)
    p = selection.threshold()
    draw = Draw.of(3, torch.arange(20))
    at = _log_odds_change(selection, p, draw.scope("at"), 50_000)
    assert abs(at.mean()) < 4 * at.std() / math.sqrt(len(at)) + 0.02  # .02: the bias of a log of small counts
    if p >= 0.05:
        below = _log_odds_change(selection, 0.8 * p, draw.scope("below"), 50_000)
        above = _log_odds_change(selection, min(1.0, 1.2 * p), draw.scope("above"), 50_000)
        assert below.mean() < 0 < above.mean()


def test_tactics_peak_in_the_order_of_their_mean_ratings():
    """Booking ratings 3.28, 6.98, 7.83, 8.66: admit from the start, then omit, nudge, lie."""
    ratings = [(r - 1) / 9 for r in (3.282, 6.975, 7.829, 8.657)]
    when = cf.peaks([0.9, 0.07, 0.025, 0.005], ratings, beta=1.0, rounds=200)
    assert when[0] == 0
    assert when == sorted(set(when))


def test_fewer_than_one_dishonest_sample_a_round():
    """(g) N = 2,000 and x_b = .024: 2.1 per cent."""
    assert cf.sample_threshold(2000, 0.024) == pytest.approx(0.0208, abs=5e-5)


@pytest.mark.parametrize("share", [-0.1, 1.5])
def test_a_share_outside_0_to_1_is_refused(share):
    with pytest.raises(PopulaceError, match="between 0 and 1"):
        cf.pooled_shift(share, 0.45, 0.55, 1.0)
    with pytest.raises(PopulaceError, match="kept share"):
        cf.Selection(share, "global", 1.0)
