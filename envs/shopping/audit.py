"""The auditor: a conditional logit of the recorded choices, for `populace audit choice-logit RUN` and the report."""

import html
import re
from typing import Any

import numpy as np
import pandas as pd
import torch

from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.style import INK, MUTED, Stroke, figure, legend, number, svg, with_interval
from populace.envs.shopping import choice_logit
from populace.errors import RunError


def audit_choices(run: RunData) -> pd.DataFrame:
    """A conditional logit of every arm's recorded choices, as a table.

    Args:
        run: A run of the shopping world that recorded users and, with `world.reveal: true`, their shelves.

    Returns:
        One row per arm and coefficient: `arm, attribute, log_odds, low, high, choices, pseudo_r2, separated`. low and
        high are a 95 % interval clustered by world (a jackknife over worlds), NaN with one world; where choices are
        separated there is no finite estimate, and all three are NaN.

    Raises:
        RunError: The run recorded no choices, or too few.
    """
    fits = _fits(run)
    if not fits:
        raise RunError(
            f"{run.path} recorded no choices to audit: run the shopping world with world.reveal: true and "
            "record.users, ten choices or more per arm (the scenario `shelf-of-eight` does)"
        )
    rows = []
    for arm, fit in fits.items():
        low, high = fit.ends()
        separated, r2 = bool(fit.separated), float(fit.pseudo_r2)
        for k, name in enumerate(fit.names):
            found = [float("nan") if separated else float(x[k]) for x in (fit.coefficients, low, high)]
            rows.append([arm, name, *found, fit.n, r2, separated])
    return pd.DataFrame(rows, columns=COLUMNS)


def auditor(run: RunData) -> Section | None:
    """The same as a section of the report, or None where nothing was recorded for it."""
    fits = _fits(run)
    if not fits:
        return None
    text = (
        "A conditional logit model of the recorded choices, as in ACES. It explains them by the place on the shelf, by "
        "the attributes and, where there are few titles, by one dummy variable per title. The 95 % intervals are "
        "clustered by world (a jackknife over worlds); with a single world there are none. Where some combination of "
        "attributes predicts every choice (complete separation), no finite estimate exists, and the arm is marked as "
        "separated."
    )
    return Section("What moved the choices", _logit_picture(run, fits) + _logit_table(fits), text, answer=_answer(fits))


def _fits(run: RunData) -> dict[str, choice_logit.LogitFit]:
    """The fit of every arm whose choices were recorded."""
    users, fits = run.pooled_users, {}
    if len(users) == 0 or "chosen" not in users.columns:
        return {}
    for arm, rows in users.groupby("arm", sort=False, observed=True):
        rows = rows[(rows["step"] > 0) & rows["chosen"].notna()]
        made = _design(rows)
        if made is not None:
            x, choice, names, worlds = made
            fits[str(arm)] = choice_logit.fit(x, choice, names, clusters=worlds)
    return fits


COLUMNS = ["arm", "attribute", "log_odds", "low", "high", "choices", "pseudo_r2", "separated"]
TOLD = 6
"""Coefficients of an arm told in words at most."""
_COLUMN = re.compile(r"(.+)_(\d+)")


def _design(rows: pd.DataFrame) -> tuple[torch.Tensor, torch.Tensor, tuple[str, ...], torch.Tensor] | None:
    """The recorded shelves: x [choices, options, columns], choice [choices], names, and the world of each [choices]."""
    found: dict[str, list[str]] = {}
    for column in rows.columns:
        match = _COLUMN.fullmatch(str(column))
        if match:
            found.setdefault(match[1], []).append(str(column))
    item = found.pop("item", [])
    k = len(item)
    if k < 2:
        return None
    rows = rows[rows["chosen"] < k]
    shelves = {name: rows[columns].to_numpy(np.float64) for name, columns in found.items() if len(columns) == k}
    place = np.broadcast_to(np.arange(k), (len(rows), k))
    columns: dict[str, Any] = {}
    if k == 8:
        columns["top row"] = place < 4
        columns.update({f"column {c + 1}": place % 4 == c for c in range(3)})
    else:
        columns["first on the shelf"] = place == 0
    columns.update({name.replace("_", " "): values for name, values in shelves.items()})
    titles = rows[item].to_numpy(np.int64)
    if titles.max(initial=0) < 12 and k > 2:
        columns.update({f"title {t}": titles == t for t in range(1, int(titles.max()) + 1)})
    names = [name for name, x in columns.items() if np.ptp(np.asarray(x, dtype=np.float64), axis=1).max(initial=0) > 0]
    if not names or len(rows) < 10:
        return None
    x = torch.from_numpy(np.stack([np.asarray(columns[name], dtype=np.float64) for name in names], -1))
    choice, worlds = (torch.tensor(rows[name].to_numpy(np.int64)) for name in ("chosen", "world"))
    return x, choice, tuple(names), worlds


def _answer(fits: dict[str, choice_logit.LogitFit]) -> str:
    """What moved every arm's choices: the clear coefficients, the largest first."""
    points = []
    for arm, fit in fits.items():
        if bool(fit.separated):
            points.append(
                f"<li><b>{html.escape(arm)}</b>: no finite estimate, because some combination of attributes "
                "predicts every choice</li>"
            )
            continue
        ends = [end.tolist() for end in fit.ends()]
        rows = zip(fit.names, fit.coefficients.tolist(), *ends, strict=True)
        clear = [row for row in rows if np.isfinite(row[2]) and (row[2] > 0 or row[3] < 0) and "title " not in row[0]]
        told = [
            f"{html.escape(n)} <b>{with_interval(b, x, y, sign=True)}</b>"
            for n, b, x, y in sorted(clear, key=lambda row: -abs(row[1]))
        ]
        clearly = ", ".join(told[:TOLD]) or "no coefficient is clearly different from 0"
        points.append(f"<li><b>{html.escape(arm)}</b>: {clearly}</li>")
    lead = (
        "What moved the choices: log odds per unit with 95&nbsp;% intervals that exclude 0, the "
        f"{TOLD} largest per arm:"
    )
    return f"<p>{lead}</p><ul>{''.join(points)}</ul>"


def _logit_picture(run: RunData, fits: dict[str, choice_logit.LogitFit]) -> str:
    """A forest plot: a row per coefficient, a colour per arm; titles are left to the table."""
    shown = {arm: fit for arm, fit in fits.items() if not bool(fit.separated)}
    names = [name for name in next(iter(fits.values())).names if not name.startswith("title ")]
    if not shown:
        return ""
    fig, axes = figure(6.4, 0.8 + 0.3 * len(names))
    styles: dict[str, Stroke] = {}
    results = Results(run)
    for row, (arm, fit) in enumerate(shown.items()):
        colour = results.colour(arm)
        styles[arm] = {"color": colour}
        for k, name in enumerate(names):
            if name not in fit.names:
                continue
            at = fit.names.index(name)
            b, (low, high) = float(fit.coefficients[at]), (float(end[at]) for end in fit.ends())
            y = len(names) - 1 - k - (row - (len(shown) - 1) / 2) * min(0.16, 0.8 / len(shown))
            axes.plot([low, high], [y, y], color=colour, linewidth=1.6)
            axes.plot([b], [y], marker="o", markersize=3.5, color=colour)
    axes.axvline(0, color=MUTED, linewidth=0.8)
    axes.set_yticks(range(len(names)), names[::-1], color=INK)
    axes.set_xlabel("log odds")
    return legend(styles) + svg(fig, "Coefficients of the conditional logit by arm, with 95 % intervals")


def _logit_table(fits: dict[str, choice_logit.LogitFit]) -> str:
    names = list(dict.fromkeys(name for fit in fits.values() for name in fit.names))
    head = "".join(
        f"<th class='n'>{html.escape(arm)}<small>{fit.n:,} choices</small></th>" for arm, fit in fits.items()
    )
    body = []
    for name in names:
        cells = []
        for fit in fits.values():
            at = fit.names.index(name) if name in fit.names else None
            parts = (fit.coefficients, *fit.ends())
            b, low, high = (float("nan") if at is None else float(part[at]) for part in parts)
            shown = with_interval(b, low, high) if np.isfinite(b) and not bool(fit.separated) else "&ndash;"
            cells.append(f"<td class='n'>{shown}</td>")
        body.append(f"<tr><th>{html.escape(name)}</th>{''.join(cells)}</tr>")
    fit_row = "".join(
        f"<td class='n'>{'separated' if bool(fit.separated) else number(float(fit.pseudo_r2), 3)}</td>"
        for fit in fits.values()
    )
    return (
        f"<div class='scroll'><table><thead><tr><th>log odds</th>{head}</tr></thead><tbody>{''.join(body)}"
        f"<tr><th>pseudo R<sup>2</sup></th>{fit_row}</tr></tbody></table></div>"
    )
