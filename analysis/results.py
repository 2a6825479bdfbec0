"""What the report is about, aggregated once: no figure or table below goes back to single worlds."""

import html
import json
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypedDict

import numpy as np
import pandas as pd

from populace.analysis import metrics
from populace.analysis.asked import Asking
from populace.analysis.comparison import ABOUT_DERIVED, at_end, deterministic, differences, outcomes, ranges
from populace.analysis.declared import SIZE
from populace.analysis.frames import RunData
from populace.analysis.intervals import summary
from populace.analysis.players import FAMILIES, OF_SEATS
from populace.analysis.plots import thinned
from populace.analysis.style import Stroke, dash, look, part_look
from populace.analysis.summaries import summarise
from populace.measures import find

SHOWN = 8
"""Arms drawn in colour over time at most; the end of all of them is in the tables and sweep figures."""
GREY, FEWER = 24, 8
"""Other arms drawn in grey behind them, at most; of a large sweep."""
LARGE = 40
"""Cells of a sweep from which on the page shows ranges and the largest differences in place of a row per cell."""
EXCERPT = 16
"""Arms of a large sweep that a world's own sections speak of, about."""


class Known(TypedDict):
    """What is known of measures before they are summarised, by name; see `summarise`."""

    deterministic: dict[str, bool]
    bounds: dict[str, tuple[float, float]]


@dataclass(frozen=True, eq=False)
class Results:
    """A run's outcomes with intervals, each computed when first asked for.

    Attributes:
        run: The run.
    """

    run: RunData

    @cached_property
    def recorded(self) -> pd.DataFrame:
        """All outcomes; see `comparison.outcomes`."""
        return outcomes(self.run)

    @cached_property
    def asking(self) -> Asking:
        """What the scenario asks."""
        return Asking(self.run, self.recorded)

    def place(self, arm: str) -> str:
        """Where in the sweep an arm is, as HTML: `options = 5`."""
        about = self.run.info["arms"][arm].get("coordinates") or {}
        return html.escape(", ".join(f"{self.short[key]} = {words(value)}" for key, value in about.items()))

    def title(self, arm: str) -> str:
        """An arm, and where in the sweep it is, as HTML: `mirror, options = 5`."""
        place, base = self.place(arm), str(self.run.info["arms"][arm].get("base", arm))
        return f"{html.escape(base)}, {place}" if place else html.escape(arm)

    @cached_property
    def outcomes(self) -> pd.DataFrame:
        """All outcomes but what is recorded for audits and how seats were played."""
        frame = self.recorded
        measure, role = frame["measure"].astype(str), frame["role"].astype(str)
        seats = (role != "") & (measure.isin(OF_SEATS) | measure.str.startswith(FAMILIES))
        named = measure.where(role == "", role + "/" + measure)
        kept = ~(seats | measure.str.startswith("audit/"))
        return frame.assign(measure=named.astype("category"), role="", player="")[kept]

    @cached_property
    def recorded_arms(self) -> list[str]:
        """Arms of which something was recorded, in the scenario's order."""
        present = set(self.outcomes["arm"].unique())
        return [arm for arm in self.run.info["arms"] if arm in present]

    @cached_property
    def shown(self) -> list[str]:
        """The arms drawn over time: all, or of each base arm the first and the last cells of its sweep."""
        arms = self.recorded_arms
        if len(arms) <= SHOWN:
            return arms
        frame = self.run.arms.set_index("arm").loc[arms]
        by_base = [list(rows.index) for _, rows in frame.groupby("base", sort=False)]
        order: list[str] = []
        for turn in range(max(len(cells) for cells in by_base)):
            for cells in by_base if len(order) < SHOWN else ():
                left = [cell for cell in cells if cell not in order]
                order += [left[0] if turn % 2 == 0 else left[-1]] if left else []
        return [arm for arm in arms if arm in order[:SHOWN]]

    @cached_property
    def large(self) -> bool:
        """Whether the run is a sweep of so many cells that no table has a row for each."""
        return bool(self.run.swept) and len(self.recorded_arms) > LARGE

    @cached_property
    def excerpt(self) -> RunData:
        """Some points of a large sweep, evenly spaced, each with all its arms and their references."""
        about = self.run.info["arms"]
        points: dict[str, list[str]] = {}
        for arm in self.recorded_arms:
            points.setdefault(json.dumps(about[arm].get("coordinates") or {}), []).append(arm)
        places = list(points.values())
        count = min(len(places), max(2, EXCERPT // max(1, len(self.bases))))
        chosen = {arm for k in np.linspace(0, len(places) - 1, count).round().astype(int) for arm in places[k]}
        return self.run.only(chosen | {other for arm, other in self.run.contrasts if arm in chosen})

    @cached_property
    def bases(self) -> dict[str, Stroke]:
        """Colour and dashes of the arms, the same on the whole page; arms that others are compared with are grey."""
        arms = self.run.arms.set_index("arm")
        references = {str(arms["base"][reference]) for _, reference in self.run.contrasts}
        names = list(dict.fromkeys(str(arms["base"][arm]) for arm in self.recorded_arms))
        styles, index = {}, 0
        for name in names:
            styles[name] = look(index, name in references and len(references) < len(names))
            index += name not in references
        return styles

    @cached_property
    def looks(self) -> dict[str, Stroke]:
        """Colour and dashes of the shown arms; points of a sweep have their arm's colour and own dashes."""
        arms = self.run.arms.set_index("arm")
        met: dict[str, int] = {}
        styles = {}
        for arm in self.shown:
            base = str(arms["base"][arm])
            styles[arm] = self.bases[base] if arm == base else {**self.bases[base], "linestyle": dash(met.get(base, 0))}
            met[base] = met.get(base, 0) + 1
        return styles

    def colour(self, arm: str) -> str:
        """The colour of an arm, or of the arm at a point of a sweep."""
        return str(self.bases[str(self.run.info["arms"][arm].get("base", arm))]["color"])

    @cached_property
    def short(self) -> dict[str, str]:
        """Swept key -> its last words, as long as these tell it apart."""
        return short_keys(self.run.swept)

    @cached_property
    def segment_looks(self) -> dict[str, Stroke]:
        """Colours of segments, none of them an arm's; all users are drawn thick, in the colour of ink."""
        from populace.analysis.moments import OVERALL
        from populace.analysis.style import INK

        names = list(self.run.moments.segments) if len(self.run.groups) else []
        styles = {name: part_look(index) for index, name in enumerate(names)} if len(names) > 1 else {}
        return {**styles, OVERALL: {"color": INK, "linestyle": "-", "linewidth": 2.4}}

    @cached_property
    def known(self) -> Known:
        """What is known of the measures before they are summarised: arguments of `summarise`."""
        sure = dict.fromkeys(deterministic(self.run, self.outcomes), True)
        return {"deterministic": sure, "bounds": ranges(self.run, self.outcomes)}

    @cached_property
    def undefined(self) -> dict[str, list[str]]:
        """Outcome -> arms that recorded it, but never a finite value of it."""
        frame = self.outcomes
        finite = np.isfinite(frame["value"].to_numpy())
        ever = frame.assign(finite=finite).groupby(["measure", "arm"], observed=True, sort=False)["finite"].any()
        found: dict[str, list[str]] = {}
        for measure, arm in ever.index[~ever.to_numpy()]:
            found.setdefault(str(measure), []).append(str(arm))
        return found

    @cached_property
    def few(self) -> list[str]:
        """What few worlds mean for the intervals of this page, each once, or nothing."""
        frames = (self.ends, self.contrasts)
        # Where a measure has no value in some worlds, the others are not the worlds of the run: its row says so.
        notes = summary([note for rows in frames for note in rows.loc[rows["undefined"] == 0, "note"].unique()])
        return [note for note in notes if note[0].isdigit()]

    @cached_property
    def over_time(self) -> pd.DataFrame:
        """Rows of `summarise` by `arm, kind, measure, step`, of the shown arms and the grey ones at the drawn steps."""
        frame = self.outcomes
        drawn = thinned(frame["step"].drop_duplicates().to_numpy())
        kept = frame["step"].isin(drawn) & frame["arm"].isin([*self.shown, *self.grey])
        return summarise(frame[kept], ["arm", "kind", "measure", "step"], **self.known)

    @cached_property
    def grey(self) -> list[str]:
        """The arms that are drawn thin and grey behind the shown ones: all others, up to `GREY`."""
        return [arm for arm in self.recorded_arms if arm not in self.shown][: FEWER if self.large else GREY]

    @cached_property
    def ends(self) -> pd.DataFrame:
        """Rows of `summarise` by `arm, kind, measure, step`, at the last step of each arm."""
        return summarise(at_end(self.outcomes), ["arm", "kind", "measure", "step"], **self.known)

    @cached_property
    def contrasts(self) -> pd.DataFrame:
        """Paired differences of every arm and its reference at the end, Holm-corrected together."""
        pairs = [pair for pair in self.run.contrasts if set(pair) <= set(self.recorded_arms)]
        sure, within = self.known["deterministic"], self.known["bounds"]
        return differences(self.outcomes, self.outcomes, pairs, sure=sure, within=within)

    @cached_property
    def has_values(self) -> bool:
        """Whether moments of values were recorded."""
        return len(self.run.groups) > 0 and len(self.run.value_variables) > 0

    @cached_property
    def drift(self) -> pd.DataFrame:
        """Drift from the start: rows of `summarise` by `arm, segment, step`."""
        frame = metrics.drift(self.run.values)
        kept = frame["step"].isin(thinned(self.run.values.steps)) & frame["arm"].isin(self.shown)
        return summarise(frame[kept], ["arm", "segment", "step"], bounds=SIZE)

    @cached_property
    def apart(self) -> pd.DataFrame:
        """Drift from the reference: rows of `summarise` by `arm, segment, step`."""
        drawn = {*self.shown, *self.grey} if self.large else set(self.recorded_arms)
        pairs = {arm: other for arm, other in self.run.contrasts if arm in drawn}
        frame = metrics.drift_from_reference(self.run.values, pairs)
        return summarise(frame, ["arm", "segment", "step"], bounds=SIZE)

    @cached_property
    def lock_in(self) -> pd.DataFrame:
        """Lock-in time of all users' mean values, a row per world; see `metrics.lock_in`."""
        return metrics.lock_in(self.run.values.pooled)

    @cached_property
    def about(self) -> dict[str, str]:
        """Recorded and derived outcome -> what it is, in a line, where that is known."""
        from populace.analysis.sections import about_measures

        lines = {**ABOUT_DERIVED, **about_measures(self.run)}
        known = ((name, find(lines, name)) for name in map(str, self.outcomes["measure"].unique()))
        return {**ABOUT_DERIVED, **{name: line for name, line in known if line is not None}}

    def label(self, name: str, kind: str = "recorded") -> str:
        """A name for people, one per outcome: the run's hint, or the name without the `value/` family in front.

        The mean over users of what the world measures, too, says so.
        """
        hints = self.run.info.get("hints") or {}
        given = (hints.get("labels") or {}).get(name)
        if given:
            return str(given)
        if name in self.run.value_variables:
            name = name.split("/", 1)[1]
            kind = "mean" if name in self.measured else kind
        spoken = name.replace("_", " ")
        return f"{spoken}, mean over users" if kind == "mean" and name in self.measured else spoken

    def unit(self, name: str, kind: str) -> str:
        """The unit of an outcome, or nothing."""
        found = find(self.run.declared, name) if kind == "recorded" else None
        return str((found or {}).get("unit", ""))

    @cached_property
    def measured(self) -> frozenset[str]:
        """Names of what is recorded of the world."""
        frame = self.outcomes
        return frozenset(frame.loc[frame["kind"] == "recorded", "measure"].astype(str).unique())


def short_keys(keys: Sequence[str]) -> dict[str, str]:
    """Swept keys by their last words, as long as these tell them apart."""
    last = [key.rsplit(".", 1)[-1] for key in keys]
    return {key: end if last.count(end) == 1 else key for key, end in zip(keys, last, strict=True)}


def words(value: object) -> str:
    """A swept value as people write it."""
    if isinstance(value, float):
        return f"{value:g}"
    return value if isinstance(value, str) else json.dumps(value)
