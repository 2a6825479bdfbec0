"""What may be shown of people: a run whose users are rows of a file of respondents, without any of them.

A row of a survey is a person. Where a population is drawn from such rows (`data:`), reports show no single user and no
cell of fewer than `FEW` people, neither of respondents nor of users of a world. Segments that are too small are joined
with the smallest of the others, so that what is true of all users stays true, and nothing can be found by subtraction.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd

from populace.analysis.frames import RunData
from populace.population import FEW

JOINED = "small segments together"
"""Name of the segments that are joined."""


@dataclass(frozen=True, eq=False)
class PublicRun(RunData):
    """A run as it may be shown to others: `users` is empty, small segments are joined or left out."""

    @cached_property
    def users(self) -> pd.DataFrame:
        """No rows: a tracked user is a respondent."""
        return self._table("users").iloc[:0]

    @property
    def pooled_users(self) -> pd.DataFrame:
        """Rows of the arms in which at least `FEW` users were tracked, for statistics of all of them together."""
        frame = self._table("users")
        if self._too_few:
            return frame.iloc[:0]
        return frame[frame.groupby("arm", observed=True)["user"].transform("nunique") >= FEW]

    def provenance(self, arm: str) -> object:
        """Where people come from, how many segments are small, not which."""
        return _without_few(super().provenance(arm))

    @cached_property
    def talk(self) -> pd.DataFrame:
        """No rows: what a respondent is made to say is about a respondent."""
        return self._table("talk").iloc[:0]

    @cached_property
    def prompts(self) -> pd.DataFrame:
        """No rows: prompts tell who a respondent is."""
        return self._table("prompts").iloc[:0]

    @cached_property
    def groups(self) -> pd.DataFrame:
        """As of a run, small segments joined; no rows where all users of a world are fewer than `FEW`."""
        frame = self._table("groups")
        if self._too_few:
            return frame.iloc[:0]
        shown = _joined(frame, self.joined) if self.joined else frame
        # A variable may be defined for few of a large segment, as where most replies could not be read.
        return shown[shown["n"] >= FEW]

    @cached_property
    def steps(self) -> pd.DataFrame:
        """As of a run, but for measures of small segments; no rows where all are fewer than `FEW`."""
        frame = self._table("steps")
        if self._too_few:
            return frame.iloc[:0]
        names = [n for n in frame["measure"].cat.categories if set(str(n).split("/")) & set(self.joined)]
        return frame[~frame["measure"].isin(names)] if names else frame

    @cached_property
    def joined(self) -> tuple[str, ...]:
        """The segments that are joined: all that are small, and as many others as it takes."""
        frame = self._table("groups")
        if frame.empty:
            return tuple(sorted(_small(self.info)))
        by_world = frame.groupby(["arm", "world", "step", "segment"], observed=True)["n"].max().reset_index()
        least = by_world.groupby("segment", observed=True)["n"].min()
        small = _small(self.info) & set(map(str, least.index))
        found = [str(s) for s in least.index if str(s) in small or least[s] < FEW]
        others = [str(s) for s in least.sort_values(kind="stable").index if str(s) not in found]
        if not found:
            return ()
        while others:
            inside = by_world[by_world["segment"].isin(found)]
            enough = inside.groupby(["arm", "world", "step"], observed=True)["n"].sum().min() >= FEW
            if enough and not set(found) <= small:
                break
            found.append(others.pop(0))
        return tuple(found)

    @cached_property
    def _too_few(self) -> bool:
        """Whether all together are too few: respondents, or users of a world."""
        counts = [(about.get("used_rows"), users) for about, users in _respondents(self.info)]
        return not all(isinstance(count, int) and count >= FEW for pair in counts for count in pair)

    @property
    def withheld(self) -> str:
        """What is not shown, and how to see it, in a sentence or two."""
        what = "nothing is shown, as there are fewer than 10 people" if self._too_few else "no single user is shown"
        if not self._too_few and self.joined:
            what += f", and segments of fewer than {FEW} people are shown together with the smallest of the others"
        return (
            f"The users of this run are rows of a file of people; therefore {what}. If you may see them, use the "
            "option `--individuals`."
        )


def public(run: RunData) -> RunData:
    """The run as it may be shown: itself, or a `PublicRun` where its users are respondents."""
    return PublicRun(run.path, run.info) if _respondents(run.info) else run


def _without_few(value: Any) -> Any:
    """Provenance with the number of small segments in place of their names."""
    if not isinstance(value, Mapping):
        return value
    return {
        key: len(inner) if key == "few" and isinstance(inner, list) else _without_few(inner)
        for key, inner in value.items()
    }


def _respondents(info: dict[str, Any]) -> list[tuple[dict[str, Any], Any]]:
    """What is known of the rows of people that users are drawn from, and how many users there are, for each society."""
    found = []
    for society in info["societies"]:
        about = society.get("provenance") if isinstance(society, dict) else None
        data = about.get("data") if isinstance(about, dict) else None
        if data is not None:
            found.append((data if isinstance(data, dict) else {}, society.get("users")))
    return found


def _small(info: dict[str, Any]) -> set[str]:
    """Segments of too few respondents in some society."""
    lists = [data.get("few") for data, _ in _respondents(info)]
    return {str(name) for few in lists if isinstance(few, Sequence) and not isinstance(few, str) for name in few}


def _joined(frame: pd.DataFrame, segments: Sequence[str]) -> pd.DataFrame:
    """The frame with these segments as one; moments combine exactly, as variances divide by n."""
    inside = frame["segment"].isin(list(segments))
    part = frame[inside & (frame["n"] > 0)]
    defined = part["mean"].notna()
    part = part[
        defined
        | ~defined.groupby([part[c] for c in ("arm", "world", "step", "variable")], observed=True).transform("any")
    ]
    weighted = part.assign(sum=part["n"] * part["mean"], square=part["n"] * (part["var"] + part["mean"] ** 2))
    keys = ["arm", "world", "step", "variable"]
    grouped = weighted.groupby(keys, observed=True, sort=False)[["n", "sum", "square"]]
    # A sum of nothing but undefined numbers stays undefined.
    whole = grouped.sum(min_count=1).reset_index()
    whole["mean"] = whole["sum"] / whole["n"]
    whole["var"] = np.maximum(whole["square"] / whole["n"] - whole["mean"] ** 2, 0.0)
    whole["segment"] = JOINED
    kept = frame[~inside].astype({"segment": str})
    joined = pd.concat([kept, whole[frame.columns]], ignore_index=True)
    order = [*(str(s) for s in frame["segment"].cat.categories if str(s) not in segments), JOINED]
    for column in ("arm", "variable"):
        joined[column] = pd.Categorical(joined[column], categories=frame[column].cat.categories)
    joined["segment"] = pd.Categorical(joined["segment"], categories=order)
    return joined.astype({"n": "int64"})
