"""Warnings about how seats were played, which readers need before any outcome; shown at the top of the report."""

from populace.analysis.frames import RunData
from populace.analysis.readers import doubts

INVALID = 0.2
"""From this share of invalid acts of a role on, its measures are warned of (chosen here)."""
MOST = 12
"""Cautions told at most."""
SPELLING = 0.01
"""Below this probability of all replies that were scored, choices among them say more of how they are spelt than of
what they mean (chosen here)."""


def cautions(run: RunData) -> list[str]:
    """A sentence or two for each arm, role and player whose words are read badly, acts invalid, or choices spelling."""
    told = doubts(run)
    steps = run.steps
    measure = steps["measure"].astype(str)
    kept = (steps["role"] != "") & measure.isin(("invalid", "mass")) & (steps["step"] > 0)
    if not kept.any():
        return told[:MOST]
    rows = steps[kept].astype(dict.fromkeys(("arm", "role", "player", "measure"), str))
    means = rows.groupby(["arm", "role", "player", "measure"], sort=False)["value"].mean().dropna()
    named = means.rename("mean").reset_index().itertuples(index=False)
    found = {(str(row[0]), str(row[1]), str(row[2]), str(row[3])): float(row[4]) for row in named}
    shared = {(arm, role) for arm, role, player, _ in found if player}
    for (arm, role, player, name), value in found.items():
        if not player and (arm, role) in shared:
            continue
        who = f"the {role} ({player})" if player else f"the {role}"
        if name == "invalid" and value >= INVALID:
            told.append(
                f"In the arm {arm}, {_share(value)} of the acts of {who} could not be used, and the seats forfeited. "
                f"To that extent, measures of the {role} in this arm show the effect of forfeits and not of replies."
            )
        if name == "mass" and value < SPELLING:
            told.append(
                f"In the arm {arm}, the model of {who} gives all the replies among which it had to choose a "
                f"probability of {value:.1g} together. Its choices therefore depend on spelling: use a model that "
                "knows the form, or let it write freely (choices: write)."
            )
    left = len(told) - MOST
    return told[:MOST] + ([f"{left} more such cautions, for other arms, are left out here."] if left > 0 else [])


def _share(value: float) -> str:
    return "all" if value > 1 - 1e-9 else f"{100 * value:.0f} %"
