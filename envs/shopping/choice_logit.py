"""The auditor: a conditional logit of any policy's recorded choices, many data sets at once.

P(k) = exp(x_k.b) / sum_j exp(x_j.b) (McFadden 1974), fitted by Newton's method in float64. The columns of `aces_design`
are those of mycustomai/ACES at 6c561d8 (arXiv 2508.02630): row and columns of the 2 x 4 grid, log price,
log(reviews + 1), rating, sponsored, overall pick, scarcity, and a dummy per title. Upstream keeps every dummy, and so
they lack a base; here the first one is dropped, and the other coefficients are the same.
"""

from dataclasses import dataclass

import numpy as np
import torch
from scipy import stats as distributions
from scipy.optimize import linprog
from torch import Tensor

from populace.equality import Result
from populace.errors import PopulaceError

_STEPS = 50
_TOLERANCE = 1e-9
_LARGE = 7.0
"""Log odds that a column makes between two options of one choice, or their standard error: above it, e^7 = 1,100 to 1,
choices are as good as certain, and whether they are separated is asked of a linear programme."""


@dataclass(frozen=True, eq=False)
class LogitFit(Result):
    """A fitted conditional logit.

    Attributes:
        names: Names of the columns.
        coefficients: [..., columns] float64.
        errors: [..., columns] float64 standard errors; NaN where the data do not pin a coefficient down, and where all
            choices are of one cluster.
        loglik: [...] float64.
        null: [...] float64, the log likelihood of choosing uniformly.
        separated: [...] bool: some combination of columns explains every choice, so that no finite estimate exists.
        converged: [...] bool.
        n: Choices in a data set.
        clusters: Clusters that the standard errors rest on; None: every choice is one.
    """

    names: tuple[str, ...]
    coefficients: Tensor
    errors: Tensor
    loglik: Tensor
    null: Tensor
    separated: Tensor
    converged: Tensor
    n: int
    clusters: int | None = None

    def ends(self, confidence: float = 0.95) -> tuple[Tensor, Tensor]:
        """Lower and upper ends of the coefficients' intervals, [..., columns]: Student's t with clusters - 1 degrees of
        freedom, the normal distribution where choices are taken as independent.
        """
        freedom = np.inf if self.clusters is None else self.clusters - 1
        half = self.errors * (float(distributions.t.ppf(0.5 + confidence / 2, freedom)) if freedom else torch.nan)
        return self.coefficients - half, self.coefficients + half

    @property
    def pseudo_r2(self) -> Tensor:
        """McFadden's 1 - loglik / null, [...]."""
        return 1 - self.loglik / self.null


def fit(
    x: Tensor,
    choice: Tensor,
    names: tuple[str, ...] = (),
    *,
    available: Tensor | None = None,
    clusters: Tensor | None = None,
    ridge: float = 0.0,
) -> LogitFit:
    """Fit one conditional logit, or a batch of them.

    Args:
        x: [..., choices, options, columns].
        choice: [..., choices] int64, the option chosen.
        names: Names of the columns.
        available: [..., choices, options] bool; None for all.
        clusters: [choices] int64, the cluster (world) of each choice: choices of one need not be independent, and
            standard errors are those of the linearised jackknife over clusters (J. G. MacKinnon, M. O. Nielsen and
            M. D. Webb 2023, "Cluster-robust inference: a guide to empirical practice", their CV3L for binary models).
            None: choices are taken as independent.
        ridge: Penalty ridge * b^2 / 2 on standardised columns; gives a finite answer where choices are separated.

    Raises:
        PopulaceError: Shapes do not fit, a number is missing, or an unavailable option was chosen.
    """
    x, allowed = x.to(torch.float64), None
    names = names or tuple(f"x{k}" for k in range(x.shape[-1]))
    if x.dim() < 3 or x.shape[:-2] != choice.shape or len(names) != x.shape[-1]:
        raise PopulaceError(
            f"choices need x [..., choices, options, columns] and choice [..., choices], with one name per column; "
            f"got {tuple(x.shape)}, {tuple(choice.shape)} and {len(names)} names"
        )
    allowed = torch.ones_like(x[..., 0], dtype=torch.bool) if available is None else available
    if not bool(torch.isfinite(x).all()):
        columns = [names[k] for k in torch.where(~torch.isfinite(x).reshape(-1, x.shape[-1]).all(0))[0].tolist()]
        raise PopulaceError(f"columns {', '.join(columns)} hold numbers that are missing or infinite")
    if not bool(allowed.gather(-1, choice.unsqueeze(-1)).all()):
        raise PopulaceError("an option was chosen that is marked as not available; check `choice` or `available`")
    batch, p = choice.shape[:-1], x.shape[-1]
    scale = _spread(x, allowed)
    z = (x / scale.unsqueeze(-2).unsqueeze(-2)).reshape(-1, *x.shape[-3:])
    masks, picks = allowed.reshape(-1, *allowed.shape[-2:]), choice.reshape(-1, choice.shape[-1])
    b, hessian, loglik, converged = _newton(z, picks, masks, ridge)
    errors = _errors(hessian)
    kinds = None if clusters is None else torch.unique(clusters, return_inverse=True)[1].to(x.device)
    count = None if kinds is None else int(kinds.max()) + 1
    if kinds is not None and count is not None:
        errors = torch.where(errors.isnan(), torch.nan, _jackknife(z, picks, masks, b, kinds, count, ridge))
    separated = torch.zeros_like(converged)
    width = _width(z, masks)
    doubtful = ~converged | (torch.maximum(b.abs(), errors.nan_to_num(torch.inf)) * width > _LARGE).any(-1)
    for k in torch.where(doubtful)[0].tolist():
        separated[k] = is_separated(z[k], picks[k], masks[k])
    if ridge == 0:
        errors = torch.where(separated.unsqueeze(-1), torch.nan, errors)
    null = -torch.log(allowed.sum(-1).double()).sum(-1)
    return LogitFit(
        names,
        b.reshape(*batch, p) / scale,
        errors.reshape(*batch, p) / scale,
        loglik.reshape(batch),
        null,
        separated.reshape(batch),
        converged.reshape(batch),
        choice.shape[-1],
        count,
    )


def _spread(x: Tensor, allowed: Tensor) -> Tensor:
    """The standard deviation of each column within choices, [..., columns]; 1 where it does not vary."""
    weight = allowed.unsqueeze(-1).double()
    count = weight.sum(-2, keepdim=True)
    middle = (x * weight).sum(-2, keepdim=True) / count
    variance = (((x - middle) * weight) ** 2).sum((-3, -2)) / count.sum((-3, -2))
    return torch.where(variance > 1e-18, variance.sqrt(), 1.0)


def _width(x: Tensor, allowed: Tensor) -> Tensor:
    """The largest difference that a column makes between two options of one choice, [sets, columns]."""
    mask = allowed.unsqueeze(-1)
    high, low = x.masked_fill(~mask, -torch.inf).amax(-2), x.masked_fill(~mask, torch.inf).amin(-2)
    return (high - low).amax(-2)


def _chances(z: Tensor, b: Tensor, allowed: Tensor) -> Tensor:
    score = torch.einsum("rnkp,rp->rnk", z, b).masked_fill(~allowed, -torch.inf)
    return torch.log_softmax(score, -1)


def _newton(z: Tensor, picks: Tensor, allowed: Tensor, ridge: float) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Coefficients [r, p], information [r, p, p], log likelihood [r] and convergence [r] of standardised data."""
    sets, _, _, p = z.shape
    b, eye = z.new_zeros((sets, p)), torch.eye(p, dtype=z.dtype, device=z.device)
    chosen = z.gather(2, picks[..., None, None].expand(-1, -1, 1, p)).squeeze(2)

    def value(at: Tensor) -> tuple[Tensor, Tensor]:
        logs = _chances(z, at, allowed)
        plain = logs.gather(-1, picks.unsqueeze(-1)).squeeze(-1).sum(-1)
        return plain, plain - ridge * (at * at).sum(-1) / 2

    done = torch.zeros(sets, dtype=torch.bool, device=z.device)
    plain, best = value(b)
    information = torch.zeros_like(eye).expand(sets, p, p)
    for _ in range(_STEPS):
        chance = _chances(z, b, allowed).exp()
        middle = torch.einsum("rnk,rnkp->rnp", chance, z)
        slope = (chosen - middle).sum(1) - ridge * b
        off = (z - middle.unsqueeze(2)) * chance.sqrt().unsqueeze(-1)
        flat = off.flatten(1, 2)
        information = flat.transpose(1, 2) @ flat + ridge * eye
        # A step along the pseudo-inverse leaves directions that the data do not speak about where they are.
        step = torch.linalg.lstsq(information + 1e-12 * eye, slope.unsqueeze(-1), driver="gelsd").solution.squeeze(-1)
        done = (slope * step).sum(-1).abs() < _TOLERANCE
        if bool(done.all()):
            break
        size = torch.where(done, 0.0, 1.0).unsqueeze(-1).double()
        for _ in range(20):
            trial_plain, trial = value(b + size * step)
            worse = trial < best - 1e-9 * best.abs()
            if not bool(worse.any()):
                break
            size = torch.where(worse.unsqueeze(-1), size / 2, size)
        b, plain, best = b + size * step, trial_plain, trial
        if bool((b.abs().amax(-1) > 1e3).any()):
            break
    return b, information, plain, done


def _errors(information: Tensor) -> Tensor:
    """Standard errors [r, p]; NaN for coefficients that lie in directions without information."""
    values, vectors = torch.linalg.eigh(information)
    known = values > 1e-10 * values.amax(-1, keepdim=True).clamp(min=1e-300)
    inverse = torch.where(known, 1 / values.clamp(min=1e-300), 0.0)
    variance = (vectors**2 * inverse.unsqueeze(-2)).sum(-1)
    loose = (vectors**2 * (~known).unsqueeze(-2)).sum(-1) > 1e-6
    return torch.where(loose, torch.nan, variance.sqrt())


def _jackknife(
    z: Tensor, picks: Tensor, allowed: Tensor, b: Tensor, kinds: Tensor, clusters: int, ridge: float
) -> Tensor:
    """Standard errors [r, p] from one Newton step without each cluster in turn; NaN with one cluster.

    Without cluster g the slope is -s_g, as the whole slope is 0 at the estimate; the step is -(H - H_g)^-1 s_g.
    """
    sets, _, _, p = z.shape
    if clusters < 2:
        return z.new_full((sets, p), torch.nan)
    chance = _chances(z, b, allowed).exp()
    middle = torch.einsum("rnk,rnkp->rnp", chance, z)
    slope = z.gather(2, picks[..., None, None].expand(-1, -1, 1, p)).squeeze(2) - middle
    off = (z - middle.unsqueeze(2)) * chance.sqrt().unsqueeze(-1)
    own = torch.einsum("rnkp,rnkq->rnpq", off, off)
    slopes = z.new_zeros((sets, clusters, p)).index_add_(1, kinds, slope)
    information = z.new_zeros((sets, clusters, p, p)).index_add_(1, kinds, own)
    rest = information.sum(1, keepdim=True) - information + ridge * torch.eye(p, dtype=z.dtype, device=z.device)
    moved = torch.linalg.pinv(rest, hermitian=True, rtol=1e-10) @ slopes.unsqueeze(-1)
    return ((clusters - 1) / clusters * moved.squeeze(-1).square().sum(1)).sqrt()


def is_separated(x: Tensor, choice: Tensor, available: Tensor | None = None) -> bool:
    """Whether some d has (x_chosen - x_k).d >= 0 in all choices and > 0 in one (Albert and Anderson 1984).

    Args:
        x: [choices, options, columns].
        choice: [choices] int64.
        available: [choices, options] bool; None for all.
    """
    picked = x.gather(1, choice[:, None, None].expand(-1, 1, x.shape[-1]))
    gaps = (picked - x).reshape(-1, x.shape[-1])
    keep = (gaps != 0).any(-1)
    if available is not None:
        keep = keep & available.reshape(-1)
    rows = gaps[keep].cpu().numpy()
    if len(rows) == 0:
        return False
    found = linprog(-rows.sum(0), A_ub=-rows, b_ub=np.zeros(len(rows)), bounds=[(-1, 1)] * rows.shape[1])
    return bool(found.status == 0 and -found.fun > 1e-7 * max(1.0, float(np.abs(rows).sum())))


ACES = (
    "top row",
    "column 1",
    "column 2",
    "column 3",
    "log price",
    "log reviews",
    "rating",
    "sponsored",
    "overall pick",
    "scarcity",
)
"""The attributes of the ACES estimator, in its order."""


def aces_design(
    log_price: Tensor,
    reviews: Tensor,
    rating: Tensor,
    sponsored: Tensor,
    overall: Tensor,
    scarcity: Tensor,
    item: Tensor | None = None,
    items: int = 0,
) -> tuple[Tensor, tuple[str, ...]]:
    """The columns of the ACES estimator for shelves of eight in a 2 x 4 grid, left to right and top to bottom.

    Args:
        log_price: [..., choices, 8], as the five below it.
        reviews: Number of reviews.
        rating: Stars.
        sponsored: Flags, as the two below it.
        overall: Marked as the overall pick.
        scarcity: Marked as low in stock.
        item: [..., choices, 8] int64, the product's title; None for no dummies.
        items: How many titles there are; the first has no dummy.

    Returns:
        [..., choices, 8, columns] float64, and the columns' names.
    """
    place = torch.arange(log_price.shape[-1], device=log_price.device).expand(log_price.shape)
    columns = [place < 4, *(place % 4 == k for k in range(3))]
    columns += [log_price, torch.log1p(reviews.double()), rating, sponsored, overall, scarcity]
    names: tuple[str, ...] = ACES
    if item is not None:
        columns += [item == k for k in range(1, items)]
        names += tuple(f"title {k}" for k in range(1, items))
    return torch.stack([column.double() for column in columns], -1), names
