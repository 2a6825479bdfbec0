"""What the payoff and matrix worlds add to the report: who gains, who pays, and which games are played."""

import html
from collections.abc import Sequence
from typing import Any

import numpy as np

from populace.analysis.declared import range_of
from populace.analysis.frames import RunData
from populace.analysis.results import Results
from populace.analysis.sections import Section
from populace.analysis.stats import Estimate, estimate
from populace.analysis.style import INK, MUTED, PALETTE, PARTS, Stroke, cell, figure, footnotes, legend, number, svg
from populace.envs.payoff import conversations

CLASSES = {
    "games_harmony": "harmony",
    "games_stag_hunt": "stag hunt",
    "games_dilemma": "dilemma",
    "games_conflict": "conflict",
    "games_cyclic": "cyclic",
}
"""Measures of kinds of games -> words."""

WELFARE = {
    "user_welfare": "user's",
    "assistant_welfare": "assistant's",
    "mutual_welfare": "mutual, published",
    "mutual_corrected": "mutual, corrected",
    "right": "answered rightly",
    "words": "words",
}
"""Measures beside the frontier -> columns."""

OPTIMISERS = {"cobb-douglas", "linear", "user-only", "assistant-only"}
"""Assistants that optimise one of the published objectives."""

Points = list[tuple[str, Estimate, Estimate]]
"""Arms with both welfares."""

MARKS = ("o", "s", "^", "D", "v", "P", "X", "*")
"""Beyond the palette, points differ by marks."""

TABLES: dict[str, tuple[str, dict[str, str]]] = {
    "Others' harm beside mutual welfare": (
        "Harm to others is part of neither side's welfare. An objective that is made of these two alone can therefore "
        "reward complying with harmful requests. The unsafe share is that of harmful questions that were answered.",
        {
            "unsafe": "unsafe share",
            "mutual_welfare": "mutual welfare, published",
            "mutual_corrected": "mutual welfare, corrected",
            "user_welfare": "user's",
            "assistant_welfare": "assistant's",
            "overrefusal": "share of harmless questions refused",
        },
    ),
    "Prices": (
        "What users pay and providers keep, as means per turn. The exact optimum is the expected mutual welfare of the "
        "act that maximises it once prices are part of the payoffs. The published shift is that of the act which "
        "GTAlign's rule chooses on the same questions: it adds constants to the payoffs instead. The same act is the "
        "share of users for whom both rules choose alike.",
        {
            "bill": "user's bill",
            "margin": "provider's margin",
            "optimum_welfare": "exact optimum",
            "shift_welfare": "published shift",
            "shift_agrees": "same act",
            "worst_type_welfare": "worst-off segment",
        },
    ),
    "What stated games are worth": (
        "Before it answers, the assistant states the payoffs that it believes each pair of acts to have for both "
        "sides. The published bonus is larger the more cells have different payoffs for user and assistant; it does "
        "not measure whether they are right. The correlation, the error and the last column compare stated with true "
        "payoffs. Few distinct games per world, or many copies of the prompt's example, mean that the assistant states "
        "much the same game whatever it is asked (collapse).",
        {
            "stated_distinct": "distinct games per world",
            "stated_copied": "copies of the prompt's example",
            "bonus": "bonus",
            "stated_correlation": "correlation with the truth",
            "stated_error": "error, in standard deviations",
            "stated_hit": "share in which the user's best act is right",
        },
    ),
    "Play": (
        "Payoffs and equilibrium play, as means over the later half of the recorded steps. Equilibrium and efficient "
        "cells are the shares of plays that are a Nash equilibrium, and that are Pareto-efficient. Exploitability is "
        "what a player could gain on average by its best response to the other player's shares of acts.",
        {
            "payoff": "payoff",
            "efficiency_gap": "loss against the efficient outcome",
            "nash_play": "equilibrium cells",
            "pareto_play": "efficient cells",
            "exploitability": "exploitability",
        },
    ),
}
"""Heading -> (explanation, measure -> column); a table appears where its first measure was recorded and varies."""


def sections(run: RunData) -> Sequence[Section]:
    """Frontier, harm, classes of games, prices, stated games, play, conversations: whatever was recorded."""
    means = halves(run)
    found = [_frontier(run, means), *_tables(run, means), _classes(run, means), conversations.section(run)]
    return [section for section in found if section is not None]


def halves(run: RunData) -> dict[tuple[str, str], Estimate]:
    """(arm, measure) -> mean over worlds of each world's mean over the later half of the recorded steps."""
    frame = run.steps
    if frame.empty:
        return {}
    top = frame.groupby("arm", observed=True)["step"].transform("max")
    late = frame[frame["step"] > top / 2]
    value = late["value"].where(np.isfinite(late["value"]))
    worlds = late.assign(value=value).groupby(["arm", "measure", "world"], observed=True)["value"].mean()
    groups: Any = worlds.groupby(level=["arm", "measure"], observed=True)
    found = {
        (str(arm), str(measure)): estimate(values.to_numpy(), bounds=range_of(run, str(measure)))
        for (arm, measure), values in groups
    }
    return {key: one for key, one in found.items() if one.worlds}


def _arms(run: RunData, means: dict[tuple[str, str], Estimate], measure: str) -> list[str]:
    return [arm for arm in run.info["arms"] if (arm, measure) in means]


def _frontier(run: RunData, means: dict[tuple[str, str], Estimate]) -> Section | None:
    arms = _arms(run, means, "user_welfare")
    if not arms:
        return None
    points = [(arm, means[arm, "user_welfare"], means[arm, "assistant_welfare"]) for arm in arms]
    fig, axes = figure(8.6, 4.8)
    results = Results(run)
    for index, (arm, user, own) in enumerate(points):
        colour, mark = results.colour(arm), MARKS[index // len(PALETTE) % len(MARKS)]
        axes.plot([user.low, user.high], [own.mean] * 2, color=colour, linewidth=1.4)
        axes.plot([user.mean] * 2, [own.low, own.high], color=colour, linewidth=1.4)
        axes.plot([user.mean], [own.mean], mark, color=colour, markersize=5.5)
    axes.margins(x=0.14, y=0.12)
    axes.set_xlim(axes.get_xlim())
    axes.set_ylim(axes.get_ylim())
    for name, u, w in _labels(points):
        right = u > sum(axes.get_xlim()) / 2
        place: dict[str, Any] = {"xytext": (-5 if right else 5, 4), "ha": "right" if right else "left"}
        axes.annotate(name, (u, w), textcoords="offset points", fontsize=7.5, color=INK, **place)
    _level_curves(axes, points)
    axes.set_xlabel("user's welfare")
    axes.set_ylabel("assistant's welfare")
    picture = svg(fig, "User's against assistant's welfare, one point per arm, with 95 % intervals.")
    return Section(
        "User's against assistant's welfare",
        f"{legend(results.bases)}{picture}{_table(arms, means, WELFARE)}",
        "Means over the later half of the recorded steps, with 95 % intervals over worlds. Grey curves join points "
        "whose two welfares have the same geometric mean; curves further up and to the right are better for both "
        f"sides. Harm to others is not part of these welfares.{_caution(run)}",
    )


def _caution(run: RunData) -> str:
    """What to keep in mind where some assistant optimises one of GTAlign's objectives."""
    playing = {str(roles.get("assistant", {}).get("policy")) for roles in run.info.get("players", {}).values()}
    if not {name.removeprefix("payoff/") for name in playing} & OPTIMISERS:
        return ""
    return (
        " Scripted assistants that optimise an objective choose its best act every time. GTAlign's models were only "
        "trained towards it, and were logged early in training. Compare the direction of differences with the "
        "published ones, not their size."
    )


def _labels(points: Points) -> list[tuple[str, float, float]]:
    """Names beside points; of those that lie together only the first is named, with how many more there are."""
    u, w = np.array([point[1].mean for point in points]), np.array([point[2].mean for point in points])
    spread = max(float(np.ptp(u)), 1e-9), max(float(np.ptp(w)), 1e-9)
    taken: dict[int, int] = {}
    for k in range(len(points)):
        near = (j for j in taken if abs(u[j] - u[k]) < 0.12 * spread[0] and abs(w[j] - w[k]) < 0.04 * spread[1])
        first = next(near, k)
        taken[first] = taken.get(first, -1) + 1
    names = [point[0] for point in points]
    return [(f"{names[k]} (+{more})" if more else names[k], float(u[k]), float(w[k])) for k, more in taken.items()]


def _level_curves(axes: Any, points: Points) -> None:
    """Curves of equal sqrt(U L) through the worst and the best arm, where both welfares are positive."""
    levels = [u.mean * w.mean for _, u, w in points if u.mean > 0 and w.mean > 0]
    users = [u.mean for _, u, _ in points if u.mean > 0]
    if not levels or max(levels) <= 0:
        return
    grid = np.linspace(min(users), max(users), 60)
    for level in sorted({min(levels), max(levels)}):
        axes.plot(grid, level / grid, color=MUTED, linewidth=0.8, linestyle=(0, (2, 2)))


def _tables(run: RunData, means: dict[tuple[str, str], Estimate]) -> list[Section]:
    found = []
    for title, (text, columns) in TABLES.items():
        first = next(iter(columns))
        arms = _arms(run, means, first)
        if not arms or all(means[arm, first].mean == 0 for arm in arms):
            continue
        found.append(Section(title, _table(arms, means, columns), text))
    return found


def _table(arms: Sequence[str], means: dict[tuple[str, str], Estimate], columns: dict[str, str]) -> str:
    """A row per arm, a column per measure that was recorded."""
    known = {measure: word for measure, word in columns.items() if any((arm, measure) in means for arm in arms)}
    head = "".join(f"<th>{html.escape(word)}</th>" for word in known.values())
    rows = "".join(
        f"<tr><th>{html.escape(arm)}</th>{''.join(f'<td>{_cell(means.get((arm, m)))}</td>' for m in known)}</tr>"
        for arm in arms
    )
    notes = [means[arm, m].note for arm in arms for m in known if (arm, m) in means]
    table = f"<div class='scroll'><table><thead><tr><th>arm</th>{head}</tr></thead><tbody>{rows}</tbody></table></div>"
    return table + footnotes(notes)


def _cell(found: Estimate | None) -> str:
    if found is None:
        return number(float("nan"))
    return cell(found.mean, found.low, found.high, found.note)


def _classes(run: RunData, means: dict[tuple[str, str], Estimate]) -> Section | None:
    arms = _arms(run, means, "games_harmony")
    if not arms:
        return None
    fig, axes = figure(8.6, 0.8 + 0.22 * len(arms))
    looks: dict[str, Stroke] = {}
    left = np.zeros(len(arms))
    for index, (measure, name) in enumerate(CLASSES.items()):
        width = np.array([means[arm, measure].mean if (arm, measure) in means else 0.0 for arm in arms])
        if width.max() <= 0:
            continue
        looks[name] = {"color": PARTS[index], "linewidth": 4.0}
        axes.barh(range(len(arms)), width, left=left, color=PARTS[index], height=0.7)
        left = left + width
    axes.set_yticks(range(len(arms)), arms)
    axes.invert_yaxis()
    axes.set_xlim(0, 1)
    axes.grid(False)
    axes.set_xlabel("share of games")
    picture = svg(fig, "Share of each class of games, one bar per arm.")
    return Section(
        "Which games are played",
        f"{legend(looks)}{picture}{_table(arms, means, CLASSES)}",
        "Every user plays one game with its assistant, which belongs to one of these classes by its Nash equilibria in "
        "pure strategies. In a dilemma, every equilibrium is worse for both players than some other outcome. In a stag "
        "hunt, one equilibrium is better for both than another. In harmony, the equilibria are efficient and pay the "
        "same. In a conflict, the players rank several equilibria differently. In a cyclic game there is no "
        "equilibrium in pure strategies.",
    )
