"""What a scenario asks: its outcomes at the end, what they are compared with, and a verdict on every contrast."""

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from populace import registry
from populace.analysis.comparison import at_end, differences, outcomes
from populace.analysis.declared import is_deterministic, range_of
from populace.analysis.frames import RunData
from populace.analysis.intervals import AGREE
from populace.analysis.summaries import summarise
from populace.measures import OfSeats, find
from populace.outcomes import REFERENCE, START, Outcome

CLEAR = 0.05
"""A contrast is called clear when its Holm-corrected p is below this."""
FALLBACK = 3
"""Measures spoken of first where neither the run nor its world says which."""

HIGHER, LOWER, NONE, UNSETTLED, UNKNOWN = "higher", "lower", "none", "not settled", "no interval"
"""Verdicts on a contrast; `UNKNOWN` with one world, and where all worlds agree, perhaps by chance."""

JUDGED = ("difference", "low", "high", "p_holm", "note")
"""Columns that a verdict rests on."""


@dataclass(frozen=True)
class Asked:
    """One measure that answers the question.

    Attributes:
        name: Its name in the frames of `Asking`: as in `Results`, `<role>/<measure>` for one of seats.
        outcome: What the scenario says of it.
        about: What it is, in a sentence.
        unit: Its unit, or nothing.
    """

    name: str
    outcome: Outcome
    about: str = ""
    unit: str = ""

    @property
    def smallest(self) -> float:
        """The smallest effect of interest; 0 where none is stated."""
        return self.outcome.smallest or 0.0


@dataclass(frozen=True, eq=False)
class Asking:
    """The outcomes of a run that were recorded, each computed when first asked for.

    Attributes:
        run: The run.
        frame: Rows of `comparison.outcomes`.
    """

    run: RunData
    frame: pd.DataFrame

    @cached_property
    def asked(self) -> list[Asked]:
        """What was asked and recorded; a family (`badge/*`) stands for all that was recorded of it."""
        measured = self.frame.loc[self.frame["kind"] == "recorded", ["measure", "role", "player"]].drop_duplicates()
        keys = [OfSeats(str(m), str(r), str(p)) for m, r, p in measured.itertuples(index=False)]
        found: dict[str, Asked] = {}
        for outcome in self._outcomes(keys):
            for key in keys:
                of_it = find({outcome.measure: True}, key.measure) and (key.role, key.player) == (
                    outcome.role,
                    outcome.player,
                )
                if of_it and self._finite(key):
                    name = "/".join(part for part in (key.role, key.measure, key.player) if part)
                    said = find(self.run.declared, f"{key.role}/{key.measure}" if key.role else key.measure) or {}
                    about = outcome.about or str(said.get("about", ""))
                    found.setdefault(name, Asked(name, outcome, about, str(said.get("unit", ""))))
        return list(found.values())

    def _outcomes(self, keys: Sequence[OfSeats]) -> list[Outcome]:
        given = self.run.info.get("outcomes") or []
        if given:
            return [Outcome.model_validate(one) for one in given]
        manifest = registry.manifests.get(self.run.world)
        if manifest is not None and manifest.outcomes:
            return list(manifest.outcomes)
        own = [key.measure for key in keys if not key.role and not key.measure.startswith(("audit/", "theory/"))]
        return [Outcome(measure=name) for name in own[:FALLBACK]]

    def _finite(self, key: OfSeats) -> bool:
        return bool(np.isfinite(self._rows(key)["value"]).any())

    def _rows(self, key: OfSeats) -> pd.DataFrame:
        f = self.frame
        return f[(f["kind"] == "recorded") & (f["measure"] == key.measure) & (f["role"] == key.role)
                 & (f["player"] == key.player)]  # fmt: skip

    @cached_property
    def rows(self) -> pd.DataFrame:
        """Rows of what was asked: `arm, world, step, kind, measure, role, player, value`, `measure` as `Asked.name`."""
        parts = []
        for one in self.asked:
            o = one.outcome
            measure = one.name.removeprefix(f"{o.role}/" if o.role else "").removesuffix(
                f"/{o.player}" if o.player else ""
            )
            part = self._rows(OfSeats(measure, o.role, o.player))
            parts.append(part.assign(measure=one.name, role="", player="", kind="recorded"))
        return pd.concat(parts, ignore_index=True) if parts else self.frame.iloc[:0]

    @cached_property
    def levels(self) -> pd.DataFrame:
        """Rows of `summarise` by `arm, measure, step`, at the last step of each arm."""
        names = [one.name for one in self.asked]
        return summarise(
            at_end(self.rows),
            ["arm", "measure", "step"],
            deterministic={name: is_deterministic(self.run, name) for name in names},
            bounds={name: range_of(self.run, name) for name in names},
        )

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Rows of `comparison.differences` with a `verdict`, Holm-corrected over all that was asked."""
        parts = [self._contrasts(one) for one in self.asked]
        parts = [part for part in parts if len(part)]
        if not parts:
            return pd.DataFrame(columns=["arm", "other", "measure", "difference", "low", "high", "verdict"])
        from populace.analysis.stats import holm

        frame = pd.concat(parts, ignore_index=True)
        frame = frame.assign(p_holm=holm(frame["p"]))
        smallest = {one.name: one.smallest for one in self.asked}
        rows = frame[["measure", *JUDGED]].to_dict("records")
        verdicts = [verdict(row, smallest[str(row["measure"])]) for row in rows]
        return frame.assign(verdict=verdicts)

    def _contrasts(self, one: Asked) -> pd.DataFrame:
        mine = self.rows[self.rows["measure"] == one.name]
        there = set(mine.loc[np.isfinite(mine["value"]), "arm"].astype(str))
        pairs = [pair for pair in pairs_of(self.run, one.outcome.contrast) if set(pair) <= there]
        first, second = mine, mine
        if one.outcome.contrast == START:
            first, second = at_end(mine), _beginning(mine)
        return differences(
            first,
            second,
            pairs,
            sure=[one.name] if is_deterministic(self.run, one.name) else [],
            within={one.name: range_of(self.run, one.name)},
        )


def asking(run: RunData) -> Asking:
    """What the run's scenario asks."""
    return Asking(run, outcomes(run))


def pairs_of(run: RunData, contrast: str) -> list[tuple[str, str]]:
    """(arm, what it is compared with) of every arm; an arm and itself where it is compared with its own start."""
    if contrast == START:
        return [(arm, arm) for arm in run.info["arms"]]
    if contrast == REFERENCE:
        return run.contrasts
    places = {
        str(about.get("coordinates") or {}): name
        for name, about in run.info["arms"].items()
        if about.get("base", name) == contrast
    }
    pairs = ((arm, places.get(str(about.get("coordinates") or {}))) for arm, about in run.info["arms"].items())
    return [(arm, other) for arm, other in pairs if other is not None and other != arm]


def verdict(row: Mapping[Hashable, Any], smallest: float) -> str:
    """What a contrast shows.

    `none` where its interval lies within the smallest effect of interest on both sides, `higher` or `lower` where the
    difference is clear (Holm-corrected) and no smaller than that, else `not settled`.
    """
    size = abs(row["difference"])
    if not math.isfinite(row["low"]):
        if str(row["note"]).startswith(AGREE):
            return NONE if size == 0 or size < smallest else UNKNOWN
        return UNKNOWN
    if row["low"] == row["high"] == 0 or -smallest < row["low"] <= row["high"] < smallest:
        return NONE
    if row["p_holm"] < CLEAR and size >= smallest:
        return HIGHER if row["difference"] > 0 else LOWER
    return UNSETTLED


def _beginning(frame: pd.DataFrame) -> pd.DataFrame:
    """Rows of the first step of which each arm has a finite value, dated to its last one."""
    known = frame[np.isfinite(frame["value"])]
    steps = known.groupby("arm", observed=True)["step"].agg(first="min", last="max").reset_index()
    rows = frame.merge(steps, on="arm")
    rows = rows[rows["step"] == rows["first"]]
    return rows.assign(step=rows["last"])[list(frame.columns)]
