"""Tests of the hypotheses that a design states, corrected over exactly these, and a verdict on each.

Every hypothesis has two tests on the differences world by world (common random numbers): one whose rejection supports
it, and one whose rejection refutes it. With d the mean difference and s its `smallest` effect of interest:

| direction | supported if this is rejected | refuted if this is rejected |
|---|---|---|
| higher | d <= 0 | d >= s (or d >= 0 where no `smallest` is given) |
| lower | d >= 0 | d <= -s (or d <= 0) |
| different | d = 0 | abs(d) >= s, by two one-sided tests (D. J. Schuirmann 1987, J. Pharmacokinet. Biopharm. 15:657) |
| none | abs(d) >= s, by two one-sided tests | abs(d) <= s |

An effect that is clear and smaller than `smallest` refutes its hypothesis. All are Student t tests over worlds. Both
tests of all hypotheses are corrected together by Shaffer's step-down method, so that the chance of any wrong verdict in
the study is at most `alpha`.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy import stats as distributions

from populace.analysis.asked import pairs_of
from populace.analysis.comparison import outcomes
from populace.analysis.declared import is_deterministic
from populace.analysis.frames import RunData
from populace.analysis.intervals import RECORDED, Floats, agreeing, caution
from populace.design import Design, Hypothesis
from populace.errors import RunError
from populace.outcomes import START

SUPPORTED, REFUTED, UNDECIDED = "supported", "refuted", "undecided"
"""Verdicts on a hypothesis."""


@dataclass(frozen=True, eq=False)
class Differences:
    """What a hypothesis is tested on.

    Attributes:
        hypothesis: The hypothesis.
        other: The arm of the contrast; the arm itself where it is compared with its start.
        first: Values of the arm at the last step at which both were defined, [worlds that both have].
        second: Values of the contrast.
        undefined: Worlds left out, as a value is NaN or infinite.
        certain: Whether the measure is the same in all worlds by construction.
    """

    hypothesis: Hypothesis
    other: str
    first: Floats
    second: Floats
    undefined: int
    certain: bool

    @property
    def apart(self) -> Floats:
        """Differences, [worlds]."""
        return self.first - self.second

    @property
    def agree(self) -> bool:
        """Whether all worlds show the same difference, up to the rounding of single precision."""
        x = self.apart
        largest = float(np.abs([self.first, self.second]).max(initial=0.0))
        return len(x) > 1 and bool(agreeing(x.std(ddof=1), largest, RECORDED))

    @property
    def note(self) -> str:
        """What limits the test, or nothing."""
        return caution(len(self.apart), undefined=self.undefined, agree=self.agree, certain=self.certain)


def design_of(run: RunData) -> tuple[Design, bool]:
    """The design that a run was begun with, and whether run.json still holds it as it was.

    Raises:
        RunError: Its scenario has none.
    """
    recorded = run.info.get("design")
    if not isinstance(recorded, dict):
        raise RunError(f"{run.path}: the scenario of this run states no `design`, so there is no hypothesis to test")
    return Design.read(recorded)


def differences(run: RunData, design: Design) -> list[Differences]:
    """The values of every hypothesis, world by world.

    Raises:
        RunError: What a hypothesis names was not recorded.
    """
    frame = outcomes(run)
    return [_of(run, frame, one) for one in design.hypotheses]


def _of(run: RunData, frame: pd.DataFrame, one: Hypothesis) -> Differences:
    other = next((other for arm, other in pairs_of(run, one.contrast) if arm == one.arm), None)
    rows = frame[
        (frame["kind"] == "recorded")
        & (frame["measure"] == one.measure)
        & (frame["role"] == one.role)
        & (frame["player"] == one.player)
    ]
    mine = rows[rows["arm"] == one.arm]
    yours = mine if other == one.arm else rows[rows["arm"] == other]
    if other is None or mine.empty or yours.empty:
        raise RunError(
            f"{run.path}: hypothesis {one.name!r}: {one.key!r} of {one.arm!r} or its contrast was not recorded"
        )
    steps = [set(part.loc[np.isfinite(part["value"]), "step"]) for part in (mine, yours)]
    if one.contrast == START:
        ends = (max(steps[0], default=0), min(steps[0], default=0))
    else:
        ends = (max(steps[0] & steps[1], default=0),) * 2
    first, second = (
        part[part["step"] == step].set_index("world")["value"] for part, step in zip((mine, yours), ends, strict=True)
    )
    both = pd.concat([first, second], axis=1, join="inner", keys=["a", "b"]).to_numpy(dtype=np.float64)
    known = np.isfinite(both).all(axis=1)
    name = f"{one.role}/{one.measure}" if one.role else one.measure
    return Differences(one, other, both[known, 0], both[known, 1], int((~known).sum()), is_deterministic(run, name))


def p_values(one: Differences) -> tuple[float, float]:
    """P-values of the two tests of a hypothesis: that which supports it, and that which refutes it.

    NaN where there are fewer than two worlds, and where all agree, perhaps by chance; where they agree by construction
    they are 0 or 1.
    """
    direction, size = one.hypothesis.direction, one.hypothesis.smallest or 0.0
    x = -one.apart if direction == "lower" else one.apart
    if len(x) < 2 or (one.agree and not one.certain):
        return float("nan"), float("nan")

    def above(bound: float) -> float:
        """P-value against a mean of `bound` or less."""
        if one.agree:
            return 0.0 if x.mean() > bound else 1.0
        return float(distributions.ttest_1samp(x, bound, alternative="greater").pvalue)

    def below(bound: float) -> float:
        if one.agree:
            return 0.0 if x.mean() < bound else 1.0
        return float(distributions.ttest_1samp(x, bound, alternative="less").pvalue)

    if direction in ("higher", "lower"):
        return above(0.0), below(size)
    within = max(below(size), above(-size)) if size else float("nan")
    if direction == "none":
        return within, min(1.0, 2 * min(above(size), below(-size)))
    return min(1.0, 2 * min(above(0.0), below(0.0))), within


def shaffer(p: ArrayLike, most: int) -> Floats:
    """P-values adjusted by Shaffer's step-down method, where at most `most` of the hypotheses can be true at a time.

    J. P. Shaffer 1986, Journal of the American Statistical Association 81:826: the j-th smallest of k becomes
    max over i <= j of min(1, min(most, k - i + 1) p_i). NaN ones are not counted.
    """
    given = np.asarray(p, dtype=np.float64)
    adjusted = np.full(given.shape, np.nan)
    tested = np.flatnonzero(np.isfinite(given))
    order = tested[np.argsort(given[tested], kind="stable")]
    factor = np.minimum(most, len(order) - np.arange(len(order)))
    adjusted[order] = np.minimum(1.0, np.maximum.accumulate(given[order] * factor))
    return adjusted


def most_true(hypotheses: Sequence[Hypothesis]) -> int:
    """How many of all tests can have a true null hypothesis at once: one of each pair, but for a difference of 0.

    Without `smallest`, the two tests of a directed hypothesis both have a difference of exactly 0 as their null.
    """
    return sum(2 if one.direction in ("higher", "lower") and not one.smallest else 1 for one in hypotheses)


def verdicts(run: RunData) -> pd.DataFrame:
    """A verdict on every hypothesis of a run's design.

    Returns:
        Frame `name, about, measure, arm, other, direction, smallest, verdict, difference, low, high, p_for, p_against,
        worlds, note`: the mean difference with its interval of nominal coverage 1 - alpha (not corrected), and the
        p-values of both tests, corrected over all hypotheses.

    Raises:
        RunError: The run's scenario states no design, or what it names was not recorded.
    """
    from populace.analysis.stats import estimate

    design, _ = design_of(run)
    found = differences(run, design)
    p = np.array([p_values(one) for one in found])
    adjusted = shaffer(p.ravel(), most_true(design.hypotheses)).reshape(p.shape)
    rows = []
    for one, (p_for, p_against) in zip(found, adjusted, strict=True):
        said = estimate(one.apart, 1 - design.alpha, deterministic=one.certain)
        verdict = REFUTED if p_against < design.alpha else SUPPORTED if p_for < design.alpha else UNDECIDED
        h = one.hypothesis
        rows.append(
            {
                "name": h.name,
                "about": h.about,
                "measure": h.key,
                "arm": h.arm,
                "other": one.other,
                "direction": h.direction,
                "smallest": h.smallest,
                "verdict": verdict,
                "difference": said.mean,
                "low": said.low,
                "high": said.high,
                "p_for": p_for,
                "p_against": p_against,
                "worlds": said.worlds,
                "note": one.note,
            }
        )
    return pd.DataFrame(rows)
