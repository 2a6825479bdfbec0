"""Two runs side by side, `A minus B`: as text for a terminal, and as one self-contained HTML page."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import files
from pathlib import Path
from typing import Any

import pandas as pd

from populace.analysis import differing
from populace.analysis.comparison import ABOUT_DERIVED, between, together
from populace.analysis.declared import declared
from populace.analysis.frames import RunData
from populace.analysis.intervals import summary
from populace.analysis.pairing import Pairing, matched
from populace.analysis.privacy import PublicRun
from populace.analysis.style import cell, footnotes, number, p_value, whisker, with_interval
from populace.analysis.writing import PAGE, check_target, write

CLEAR = 0.05
"""A difference is called clear when its Holm-corrected p is below this."""
HEADINGS = {"recorded": "Measures", "derived": "Derived from values", "mean": "Means over all users"}
NAMED = 6
"""Clear differences that are told in words at most; all are in the tables."""
OPEN = 3
"""Tables unfolded at first."""
DIRECTION = "Differences are A minus B: above 0 where A is higher, below 0 where B is."


@dataclass(frozen=True, eq=False)
class Versus:
    """Run A compared with run B.

    Attributes:
        a: A.
        b: B.
        pairing: Which arms are compared.
    """

    a: RunData
    b: RunData
    pairing: Pairing

    @staticmethod
    def of(a: RunData, b: RunData, arm: str | None = None, other: str | None = None) -> "Versus":
        """The runs with their arms matched; see `pairing.matched`."""
        return Versus(a, b, matched(a, b, arm, other))

    @cached_property
    def frame(self) -> pd.DataFrame:
        """The differences a - b at the end; see `populace.analysis.compare`."""
        return between(self.a, self.b, self.pairing.pairs)

    @property
    def how(self) -> str:
        """How worlds are compared, in a sentence."""
        if together(self.a, self.b):
            return (
                "Both runs have the same world and seed, hence common random numbers: worlds of the same number are "
                "paired, and intervals are those of the differences world by world."
            )
        return (
            "The runs differ in world or seed, so that worlds are not paired: intervals are Welch's, and wider than "
            "those of two runs of one seed."
        )

    @property
    def left_out(self) -> list[str]:
        """Sentences about arms that have no partner."""
        both = (("A", self.pairing.only_a, "B"), ("B", self.pairing.only_b, "A"))
        return [f"Only in {one}, with nothing in {two} to compare: {_some(arms)}." for one, arms, two in both if arms]

    @property
    def notices(self) -> list[str]:
        """What must be known of the runs: that one is incomplete, or not shown in full."""
        runs = (("A", self.a), ("B", self.b))
        told = [f"{name}: {run.notice}" for name, run in runs if run.notice]
        return told + [f"{name}: {run.withheld}" for name, run in runs if isinstance(run, PublicRun)]

    # ------------------------------------------------------------------ as text

    def text(self) -> str:
        """For a terminal: a table for every pair of arms."""
        before = differing.lines(self.a, self.b)
        lines = [f"A: {self.a.path}", f"B: {self.b.path}", *before, DIRECTION, self.how, *self.left_out]
        for (arm, other), rows in self._by_pair():
            same = _same(rows)
            lines += ["", f"A {arm} minus B {other}", *([] if same.all() else [_columns(rows[~same])])]
            lines += [f"the same in every world: {_names(rows[same])}"] if same.any() else []
        notes = summary(list(self.frame["note"])) if len(self.frame) else [self._nothing]
        return "\n".join([*lines, *(["", *(f"note: {note}" for note in notes)] if notes else [])])

    @property
    def _nothing(self) -> str:
        """Why there is nothing to compare."""
        hidden = [
            name for name, run in (("A", self.a), ("B", self.b)) if isinstance(run, PublicRun) and run.steps.empty
        ]
        return f"nothing of {' and '.join(hidden)} may be shown" if hidden else "nothing was recorded in both"

    # ------------------------------------------------------------------ as a page

    def write(self, out: Path) -> Path:
        """Write the page.

        Raises:
            RunError: It cannot be written there.
        """
        check_target(out, "a comparison", PAGE)
        return write(out, self.page().encode(), "the comparison")

    def page(self) -> str:
        """One self-contained HTML page: no scripts, no network, the same bytes for the same runs."""
        from jinja2 import Environment, StrictUndefined

        room = files("populace.analysis")
        environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
        template = environment.from_string((room / "compare.html").read_text(encoding="utf-8"))
        return template.render(
            css=(room / "report.css").read_text(encoding="utf-8"),
            title=f"{self.a.path.name} minus {self.b.path.name}",
            direction=DIRECTION,
            how=self.how,
            notices=self.notices,
            left_out=self.left_out,
            facts=differing.facts(self.a, self.b),
            changed=differing.scenarios(self.a, self.b),
            findings=self._findings(),
            pairs=[self._table(arm, other, rows) for (arm, other), rows in self._by_pair()],
            open=OPEN,
            footnotes=footnotes(self.frame["note"].unique()) if len(self.frame) else "",
            few=self._few(),
            about=self._about(),
        )

    def _few(self) -> list[str]:
        """What few worlds mean for the intervals, each once; where a measure lacks a value, its row says so."""
        if not len(self.frame):
            return []
        return [
            note for note in summary(list(self.frame.loc[self.frame["undefined"] == 0, "note"])) if note[0].isdigit()
        ]

    def _by_pair(self) -> Iterator[tuple[tuple[str, str], pd.DataFrame]]:
        for arm, other in self.pairing.pairs:
            rows = self.frame[(self.frame["arm"] == arm) & (self.frame["other"] == other)]
            if len(rows):
                yield (arm, other), rows

    def _findings(self) -> list[str]:
        """The clearest differences in words, or that there are none."""
        frame = self.frame
        if frame.empty:
            return ["Nothing was recorded in both runs."]
        clear = frame[frame["p_holm"] < CLEAR]
        count = f"{len(clear):,} of {len(frame):,} differences are clear (p < {CLEAR} after Holm's correction)."
        width = (clear["high"] - clear["low"]).clip(lower=1e-12)
        order = (clear["difference"].abs() / width).sort_values(ascending=False, kind="stable").index[:NAMED]
        many = len(self.pairing.pairs) > 1
        return [count, *(_sentence(clear.loc[index], many) for index in order)]

    def _table(self, arm: str, other: str, rows: pd.DataFrame) -> dict[str, Any]:
        """What the template needs for one pair of arms."""
        groups, same = [], _same(rows)
        for kind, heading in HEADINGS.items():
            own = rows[(rows["kind"] == kind) & ~same]
            lines = [self._row(row) for _, row in own.iterrows()]
            groups += [{"heading": heading, "rows": lines}] if lines else []
        return {"arm": arm, "other": other, "groups": groups, "same": _names(rows[same]), "step": _span(rows["step"])}

    def _row(self, row: "pd.Series[Any]") -> dict[str, Any]:
        clear = row["p_holm"] < CLEAR
        colour = "--muted" if not clear else "--c0" if row["difference"] < 0 else "--c1"
        reach = 1.05 * float(row[["difference", "low", "high"]].abs().max())
        return {
            "name": named(row),
            "about": self._lines.get(named(row), ""),
            "a": number(row["a"]),
            "b": number(row["b"]),
            "difference": cell(row["difference"], row["low"], row["high"], row["note"], sign=True),
            "whisker": whisker(row["difference"], row["low"], row["high"], reach, colour),
            "p": p_value(row["p_holm"]).removeprefix("p ").removeprefix("= "),
            "clear": clear,
        }

    @cached_property
    def _lines(self) -> dict[str, str]:
        """Outcome -> what it means."""
        found: dict[str, str] = {}
        if self.frame.empty:
            return found
        for _, row in self.frame.drop_duplicates(["kind", "measure", "role", "player"]).iterrows():
            name = f"{row['role']}/{row['measure']}" if row["role"] else str(row["measure"])
            said = (declared(self.a, name) or declared(self.b, name)) if row["kind"] == "recorded" else None
            line = said.about if said is not None else ABOUT_DERIVED.get(name, "") if row["kind"] == "derived" else ""
            if line:
                found[named(row)] = line
        return found

    def _about(self) -> list[tuple[str, str]]:
        return list(self._lines.items())


def named(row: "pd.Series[Any]") -> str:
    """An outcome's name: `role/measure/player` of seats."""
    return "/".join(str(part) for part in (row["role"], row["measure"], row["player"]) if part)


def _same(rows: pd.DataFrame) -> "pd.Series[bool]":
    """Whether an outcome is the same in every world of both runs: no difference, and none by chance."""
    return (rows["difference"] == 0) & (rows["p"] == 1) & ~(rows["low"] < rows["high"])


def _names(rows: pd.DataFrame) -> str:
    return ", ".join(named(row) for _, row in rows.iterrows())


def _sentence(row: "pd.Series[Any]", many: bool) -> str:
    """One clear difference in words."""
    up = row["difference"] > 0
    low, high = (row["low"], row["high"]) if up else (-row["high"], -row["low"])
    where = ""
    if many:
        same = row["arm"] == row["other"]
        where = f" in {row['arm']}" if same else f" in A {row['arm']} against B {row['other']}"
    size = with_interval(abs(row["difference"]), low, high)
    return (
        f"{named(row)}{where} is {size} {'higher' if up else 'lower'} in A: {number(row['a'])} against "
        f"{number(row['b'])} in B."
    )


def _columns(rows: pd.DataFrame) -> str:
    """The rows as aligned columns."""
    table = pd.DataFrame(
        {
            "measure": [named(row) for _, row in rows.iterrows()],
            "step": rows["step"].astype(str).to_numpy(),
            "A": [number(x) for x in rows["a"]],
            "B": [number(x) for x in rows["b"]],
            "A minus B [95 % interval]": [
                with_interval(row["difference"], row["low"], row["high"], sign=True) for _, row in rows.iterrows()
            ],
            "p (Holm)": [p_value(x).removeprefix("p ").removeprefix("= ") for x in rows["p_holm"]],
            "worlds": rows["worlds"].astype(str).to_numpy(),
        }
    )
    width = table["measure"].map(len).max()
    table["measure"] = table["measure"].str.ljust(width)
    return table.rename(columns={"measure": "measure".ljust(width)}).to_string(index=False, justify="right")


def _some(names: tuple[str, ...], most: int = 8) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more:,} more" if more > 0 else "")


def _span(steps: "pd.Series[int]") -> str:
    low, high = int(steps.min()), int(steps.max())
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"
