"""How often intervals cover and how often p-values fall below .05 where there is nothing to find, by simulation.

`python tests/analysis/coverage_study.py` prints the tables of docs/analysis.md. Worlds are drawn from distributions
whose true value is known; no figure of a run of populace enters.
"""

import sys
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pandas as pd
import torch

from populace.analysis import stats
from populace.analysis.comparison import differences
from populace.analysis.instruments import tournament
from populace.envs.culture import audit
from populace.envs.drift import threshold
from populace.envs.shopping import choice_logit

WORLDS = (2, 4, 8, 30)
Sample = Callable[[np.random.Generator, tuple[int, ...]], Any]

NORMAL: tuple[Sample, float] = (lambda rng, shape: rng.normal(1.0, 1.0, shape), 1.0)
SKEWED: tuple[Sample, float] = (lambda rng, shape: rng.exponential(1.0, shape), 1.0)
SHARES: tuple[Sample, float] = (lambda rng, shape: rng.beta(0.9, 8.1, shape), 0.1)
COUNTED: tuple[Sample, float] = (lambda rng, shape: rng.binomial(20, 0.1, shape) / 20, 0.1)
KINDS = {"normal": NORMAL, "exponential": SKEWED, "shares, Beta(.9, 8.1)": SHARES, "shares of 20 users, .1": COUNTED}


def rate(hits: Any, of: Any = None) -> tuple[float, int]:
    """The share of hits among what is defined, and how many are defined."""
    hits = np.asarray(hits, dtype=np.float64)
    known = np.isfinite(hits) if of is None else np.asarray(of)
    return (float(hits[known].mean()) if known.any() else float("nan")), int(known.sum())


def covers(low: Any, high: Any, truth: float) -> Any:
    """1 where an interval covers, 0 where it does not, NaN where there is none."""
    low, high = np.asarray(low, dtype=np.float64), np.asarray(high, dtype=np.float64)
    return np.where(np.isfinite(low) & np.isfinite(high), (low <= truth) & (truth <= high), np.nan)


def means(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Coverage of the mean's interval (`estimate`, `summarise`, all measures of a report), by kind of number."""
    for name, (sample, truth) in KINDS.items():
        values = sample(rng, (repeats, worlds))
        bounds = (0.0, 1.0) if name.startswith("shares") else (-np.inf, np.inf)
        frame = pd.DataFrame(
            {"measure": np.repeat(np.arange(repeats), worlds), "world": np.tile(np.arange(worlds), repeats)}
        ).assign(value=values.ravel())
        found = stats.summarise(frame, ["measure"], bounds=bounds)
        yield f"mean, {name}", covers(found["low"], found["high"], truth)
        if name == "normal":
            shifted = frame.assign(value=frame["value"] - truth)
            yield "size: p of a mean of 0, normal", np.asarray(stats.summarise(shifted, ["measure"])["p"])


def contrasts(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Differences of arms: paired by common random numbers, and Welch's; the second side has 12 worlds in one row."""
    for name, (sample, _) in KINDS.items():
        for label, n, pair in (("paired", worlds, True), ("unpaired", worlds, False), ("unpaired v 12", 12, False)):
            shared = sample(rng, (repeats, max(worlds, n))) if pair else 0.0
            first = sample(rng, (repeats, worlds)) + (shared[:, :worlds] if pair else 0.0)
            second = sample(rng, (repeats, n)) + (shared[:, :n] if pair else 0.0)
            frames = [_frame(values) for values in (first, second)]
            rows = differences(*frames, [("a", "a")], paired=pair)
            yield f"difference, {label}, {name}", covers(rows["low"], rows["high"], 0.0)
            yield f"size: {label}, {name}", np.asarray(rows["p"])


def _frame(values: Any) -> pd.DataFrame:
    """Outcomes as `comparison.outcomes` gives them: one measure per repetition, [repeats, worlds]."""
    repeats, worlds = values.shape
    names = pd.Categorical.from_codes(np.repeat(np.arange(repeats), worlds), [f"m{k}" for k in range(repeats)])
    return pd.DataFrame(
        {"arm": "a", "world": np.tile(np.arange(worlds), repeats), "step": 1, "kind": "recorded"}
    ).assign(measure=names, role="", player="", value=values.ravel())


def families(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Share of reports of 20 contrasts, correlated by .5, with any at Holm's p < .05 though there is no effect."""
    found = []
    for _ in range(repeats):
        sides = [rng.normal(size=(1, worlds)) * 0.5**0.5 + rng.normal(size=(20, worlds)) * 0.5**0.5 for _ in range(2)]
        found.append(differences(_frame(sides[0]), _frame(sides[1]), [("a", "a")])["p_holm"].min())
    yield "size: any of 20 contrasts, Holm", np.asarray(found)


def ratios(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Mean of a over mean of b, which is .5."""
    hits = []
    for _ in range(repeats):
        whole = rng.normal(4.0, 1.0, worlds)
        found = stats.ratio(0.5 * whole + rng.normal(0.0, 0.5, worlds), whole)
        hits.append(covers(found.low, found.high, 0.5))
    yield "ratio of means", np.asarray(hits)


def centres(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Medians (order statistics) and the bootstrap, of exponential numbers whose median is log 2."""
    hits, boots = [], []
    for _ in range(repeats):
        values = rng.exponential(1.0, worlds)
        found, boot = stats.median(values), stats.bootstrap(values, np.mean, resamples=500)
        hits.append(covers(found.low, found.high, np.log(2.0)))
        boots.append(covers(boot.low, boot.high, 1.0))
    yield "median", np.asarray(hits)
    yield "bootstrap of a mean, exponential", np.asarray(boots)


def shares_of_worlds(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Wilson's interval of the share of worlds in which something happened."""
    for truth in (0.1, 0.5):
        ends = {k: stats.wilson(k, worlds) for k in range(worlds + 1)}
        counts = rng.binomial(worlds, truth, repeats)
        yield (
            f"share of worlds, {truth:g}",
            covers([ends[k].low for k in counts], [ends[k].high for k in counts], truth),
        )


def thresholds(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Drift's p*: the pull is 2 (share - .3) plus a world's own offset at each share, correlated by .5 over shares."""
    shares = np.linspace(0.0, 1.0, 6)
    hits: dict[str, list[Any]] = {"sign": [], "logistic": []}
    for _ in range(repeats):
        noise = 0.4 * (rng.normal(size=(1, worlds)) + rng.normal(size=(6, worlds))) * 0.5**0.5
        for method, into in hits.items():
            found = threshold.from_sweep(list(shares), 2 * (shares[:, None] - 0.3) + noise, method=method)
            into.append(covers(found.low, found.high, 0.3))
    for method, into in hits.items():
        yield f"drift's threshold, {method}", np.asarray(into)


def audits(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Culture's audit under its null hypotheses, agents the same in all worlds but for noise (the hard case)."""
    found: dict[str, list[float]] = {}
    for _ in range(repeats):
        human, agents = rng.uniform(size=(2, 8, 3))
        sheets = np.clip(agents + rng.normal(0.0, 0.02, (worlds, 8, 3)), 0.0, 1.0)
        for row in audit._steerability(sheets, human, 400, rng):
            found.setdefault(row["statistic"], []).append(row["p"])
        for row in audit._extrapolability(sheets, human, 60, rng)[:1]:
            found.setdefault(row["statistic"], []).append(row["p"])
    for statistic, p in found.items():
        yield f"size: culture's audit, {statistic}", np.asarray(p)


def ratings(brackets: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """Strengths of 8 models, four of +1 and four of -1, from that many brackets instead of worlds."""
    truth = np.repeat([1.0, -1.0], 4)
    hits, sizes = [], []
    for _ in range(repeats):

        def match(prompts: Any, first: Any, second: Any) -> Any:
            return rng.random(len(first)) < 1 / (1 + np.exp(truth[second] - truth[first]))

        found = tournament.strengths(tournament.single_elimination(match, 8, brackets, rng), 8)
        hits.append(covers(found.low, found.high, 0.0) * 0 + ((found.low <= truth) & (truth <= found.high)))
        sizes.append(found.strength[:4].mean() - found.strength[4:].mean())
    yield "strengths of a tournament (brackets for worlds)", np.asarray(hits).ravel()


def choices(worlds: int, repeats: int, rng: np.random.Generator) -> Iterator[tuple[str, Any]]:
    """The auditor's logit: 12 choices per world among 4 products, whose weight on price varies between worlds."""
    generator = torch.Generator().manual_seed(int(rng.integers(2**31)))
    x = torch.randn(repeats, worlds, 12, 4, 2, generator=generator, dtype=torch.float64)
    noise = -torch.log(-torch.log(torch.rand(repeats, worlds, 12, 4, generator=generator, dtype=torch.float64)))
    for name, spread in (("alike", 0.0), ("that differ", 0.7)):
        own = torch.randn(repeats, worlds, 1, 1, generator=generator, dtype=torch.float64) * spread
        # The second column moves nobody: its coefficient is 0 whatever a fit of one price for all worlds comes to.
        chosen = (-x[..., 0] * (1 + own) + noise).argmax(-1)
        cluster = torch.arange(worlds).repeat_interleave(12)
        found = choice_logit.fit(x.flatten(1, 2), chosen.flatten(1), ("price", "none"), clusters=cluster)
        low, high = (end[:, 1].numpy() for end in found.ends())
        yield f"auditor's coefficient of 0, worlds {name}", covers(low, high, 0.0)


STUDIES = (means, contrasts, families, ratios, centres, shares_of_worlds, thresholds, audits, ratings, choices)
SLOW = {families: 10, audits: 20, ratings: 10, centres: 10, thresholds: 4}
"""Studies that take fewer repetitions: one in so many."""


def study(repeats: int, seed: int = 0) -> pd.DataFrame:
    """One row per statistic and number of worlds: `what, worlds, rate, undefined, repeats`.

    `rate` is the coverage, or for rows that begin with `size` the share of p-values below .05, among what is defined.
    """
    rows = []
    for number, part in enumerate(STUDIES):
        for worlds in WORLDS:
            rng = np.random.default_rng([seed, number, worlds])
            for what, found in part(worlds, max(repeats // SLOW.get(part, 1), 50), rng):
                hits = np.where(np.isfinite(found), found < 0.05, np.nan) if what.startswith("size") else found
                share, known = rate(hits)
                rows.append((what, worlds, share, 1 - known / len(found), known))
    return pd.DataFrame(rows, columns=["what", "worlds", "rate", "undefined", "repeats"])


def markdown(found: pd.DataFrame) -> str:
    """Tables for the docs: coverage, then sizes; a dash where there is no interval."""
    parts = []
    for size in (False, True):
        rows = found[found["what"].str.startswith("size") == size]
        head = "share of p < .05 without an effect" if size else "coverage of 95 % intervals"
        lines = [f"| {head} | " + " | ".join(f"{n} worlds" for n in WORLDS) + " |", "|---" * (len(WORLDS) + 1) + "|"]
        for what, part in rows.groupby("what", sort=False):
            cells = part.set_index("worlds")
            shown = [
                "-" if not np.isfinite(cells.loc[n, "rate"]) else f"{cells.loc[n, 'rate']:.3f}".lstrip("0")
                for n in WORLDS
            ]
            lines.append(f"| {str(what).removeprefix('size: ')} | " + " | ".join(shown) + " |")
        parts.append("\n".join(lines))
    return "\n\n".join(parts)


if __name__ == "__main__":
    print(markdown(study(int(sys.argv[1]) if len(sys.argv) > 1 else 4000)))
