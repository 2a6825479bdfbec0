"""How many worlds a design needs, from the spread over worlds that a pilot run shows."""

import numpy as np
import pandas as pd
from scipy import stats as distributions

from populace.analysis.frames import RunData
from populace.analysis.hypotheses import Differences, design_of, differences, most_true
from populace.design import Direction
from populace.errors import RunError
from populace.outcomes import START

MOST = 10_000_000
"""Worlds that are looked at, at most."""
SAFE = 0.8
"""Confidence of the upper limit of the spread from which `worlds_safe` is computed."""


def power(run: RunData) -> pd.DataFrame:
    """Worlds per arm that each hypothesis of a run's design needs for its `alpha` and `power`.

    The effect is assumed to be `smallest` (and 0 for direction `none`), the test is that of
    `populace.analysis.hypotheses` at the level of the first step of its correction, and the power that of Student's t
    test under the noncentral t distribution (for `none` a lower bound). The spread over worlds is the pilot's. As a
    small pilot may show too small a spread, `worlds_safe` takes the upper limit of its one-sided 80 % interval
    (R. H. Browne 1995, Statistics in Medicine 14:1933). `worlds_unpaired` is what arms without common random numbers
    would need.

    Returns:
        Frame `name, measure, arm, other, direction, smallest, pilot, sd, worlds, worlds_safe, sd_unpaired,
        worlds_unpaired, note`; numbers of worlds are NaN where the pilot does not show a spread, or more than
        10 million worlds are needed.

    Raises:
        RunError: The run's scenario states no design, a hypothesis names no `smallest`, or what it names was not
            recorded.
    """
    design, _ = design_of(run)
    for one in design.hypotheses:
        if not one.smallest:
            raise RunError(
                f"{run.path}: hypothesis {one.name!r} states no `smallest`, the effect that the study should be able "
                "to show; give it one, and the number of worlds follows"
            )
    level = design.alpha / most_true(design.hypotheses)
    return pd.DataFrame([_row(one, level, design.power) for one in differences(run, design)])


def _row(one: Differences, alpha: float, power: float) -> dict[str, object]:
    h, pilot = one.hypothesis, len(one.apart)
    found = {"sd": np.nan, "worlds": np.nan, "worlds_safe": np.nan, "sd_unpaired": np.nan, "worlds_unpaired": np.nan}
    if pilot > 1 and not one.agree:
        effect = (h.smallest or 0.0) / (sd := float(one.apart.std(ddof=1)))
        found |= {"sd": sd, "worlds": worlds_needed(effect, h.direction, alpha, power)}
        wider = np.sqrt((pilot - 1) / distributions.chi2.ppf(1 - SAFE, pilot - 1))
        found["worlds_safe"] = worlds_needed(effect / wider, h.direction, alpha, power)
        if h.contrast != START:
            apart = float(np.sqrt(one.first.var(ddof=1) + one.second.var(ddof=1)))
            found["sd_unpaired"] = apart
            found["worlds_unpaired"] = worlds_needed(
                (h.smallest or 0.0) / apart, h.direction, alpha, power, paired=False
            )
    return {
        "name": h.name,
        "measure": h.key,
        "arm": h.arm,
        "other": one.other,
        "direction": h.direction,
        "smallest": h.smallest,
        "pilot": pilot,
        **found,
        "note": one.note,
    }


def worlds_needed(effect: float, direction: Direction, alpha: float, power: float, *, paired: bool = True) -> float:
    """The smallest number of worlds (per arm) whose test has this power, from 2 on; NaN above 10 million.

    Args:
        effect: `smallest` over the standard deviation of differences; without pairing, over the root of the sum of the
            arms' variances.
        direction: What is expected.
        alpha: Level of the test.
        power: Chance that it supports the hypothesis.
        paired: Whether worlds are paired.
    """

    def enough(worlds: int) -> bool:
        return power_of(effect, direction, alpha, worlds, paired=paired) >= power

    if not enough(MOST):
        return float("nan")
    low, high = 1, 2
    while not enough(high):
        low, high = high, min(2 * high, MOST)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if enough(middle) else (middle, high)
    return float(high)


def power_of(effect: float, direction: Direction, alpha: float, worlds: int, *, paired: bool = True) -> float:
    """Chance that the t test of a hypothesis rejects at `alpha`; see `worlds_needed` for the arguments."""
    freedom = worlds - 1 if paired else 2 * worlds - 2
    shift = effect * np.sqrt(worlds)
    critical = distributions.t.isf(alpha / 2 if direction == "different" else alpha, freedom)
    above = float(distributions.nct.sf(critical, freedom, shift))
    if direction == "different":
        return above + float(distributions.nct.cdf(-critical, freedom, shift))
    return max(0.0, 2 * above - 1) if direction == "none" else above
