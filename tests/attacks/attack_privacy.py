"""Scenarios of respondents: no page, figure, download, comparison, audit or message shows a row, a small cell or a path."""

import base64
import json
import random
import re
from pathlib import Path

import pandas as pd
from attack_tools import Found, command

from populace.analysis.privacy import JOINED
from populace.population import FEW

NAMES = ["religion", "democracy", "liberalism", "expectation_for_progress", "uncertainty_avoidance"]
RARE, COMMON = "lighthouse-keepers", "townsfolk"
WORLDS = {
    "coevolution": {"id": "populace/coevolution-v0", "noise": 0.0, "turnover": 0.0, "history": {"series": "walk"}},
    "lockin": {"id": "populace/lockin-v0"},
    "drift": {"id": "populace/drift-v0", "topics": ["therapy"]},
    "payoff": {"id": "populace/payoff-v0"},
    "shopping": {"id": "populace/shopping-v0"},
    "matrix": {"id": "populace/matrix-v0"},
}
"""Worlds of people from a file."""
SHAPES = ((40, 4, 30), (40, 12, 30), (200, 12, 60), (12, 4, 12), (9, 3, 30), (40, 20, 9))
"""Respondents, how many of them are of a rare kind, and users."""
ALL = [(world, shape, form) for world in WORLDS for shape in SHAPES for form in ("plain", "swept")]
MOST = len(ALL)


def attack(number: int, folder: Path) -> str:
    """A run of respondents, and all that is made of it."""
    name, (count, rare, users), form = ALL[number]
    rng = random.Random(number)
    rows = [{column: round(rng.uniform(0.1, 0.9), 6) for column in NAMES} for _ in range(count)]
    for k, row in enumerate(rows):
        row["job"] = RARE if k < rare else COMMON if k % 2 else "farmers"
    pd.DataFrame(rows).to_csv(folder / "people.csv", index=False)
    given: dict = {
        "name": "people",
        "world": WORLDS[name],
        "worlds": 3,
        "horizon": 2,
        "population": {"size": users, "data": {"file": "people.csv", "values": NAMES, "segment": "job"}},
        "record": {"users": 12, "worlds": 3},
    }
    if form == "swept":
        given["sweep"] = {"grid": {"population.size": [users, users + 1]}}
    (folder / "s.yaml").write_text(json.dumps(given))
    said = command("validate", folder / "s.yaml")
    if said.refusal is not None:
        return "refused"
    shown = {"validate": said.output}
    for words in (
        ["run", folder / "s.yaml", "--out", folder / "run", "-q"],
        ["run", folder / "s.yaml", "--out", folder / "other", "-q", "--set", "seed=7"],
    ):
        said = command(*words)
        if said.refusal is not None:
            return "refused to run"
        shown.setdefault("run", said.output)
    run, other = folder / "run", folder / "other"
    shown["report"] = _whole((run / "report.html").read_text())
    shown["compare"] = command("compare", run, other, "--out", folder / "compare.html").output
    if (folder / "compare.html").exists():
        shown["comparison"] = _whole((folder / "compare.html").read_text())
    shown["compare as JSON"] = command("compare", run, other, "--json").output
    measures = pd.read_parquet(run / "steps.parquet")["measure"].unique()
    for measure in [m for m in measures if RARE in m][:2] + list(measures[:2]):
        drawn = command("figure", run, "--measure", measure, "--out", folder / "f.svg")
        shown[f"figure of {measure}"] = drawn.output + (drawn.refusal or "")
        if (folder / "f.svg").exists():
            shown[f"figure of {measure}"] += (folder / "f.svg").read_text()
            (folder / "f.svg").unlink()
    for audit in ("culture", "threshold", "choice-logit"):
        found = command("audit", audit, run)
        shown[f"audit {audit}"] = found.output + (found.refusal or "")
    shown["verify"] = command("verify", run).output
    people = {f"{value:.6g}" for row in rows for key, value in row.items() if key != "job"}
    wrong = []
    for where, text in shown.items():
        if (
            where != "run"
            and where != "compare"
            and where != "verify"
            and str(folder)
            in text.replace(str(run), "")
            .replace(str(folder / "s.yaml"), "")
            .replace(str(other), "")
            .replace(str(folder / "compare.html"), "")
            .replace(str(folder / "f.svg"), "")
        ):
            wrong.append(f"{where}: a path of this machine")
        if where in ("report", "comparison") and (str(folder) in text or "/home/" in text):
            wrong.append(f"{where}: a path of this machine")
        hits = [value for value in people if len(value) > 6 and value in text]
        if len(hits) > 2:
            wrong.append(f"{where}: {len(hits)} values of single respondents, such as {hits[:3]}")
        if rare < FEW and RARE in _without_notices(text):
            place = _without_notices(text).index(RARE)
            wrong.append(
                f"{where}: a segment of {rare}: ...{_without_notices(text)[max(0, place - 80) : place + 60]!r}"
            )
    for path in (run / "run.json",):
        if str(folder) in path.read_text():
            wrong.append(f"{path.name}: a path of this machine")
    if wrong:
        raise Found(f"[{name}, {count} respondents, {rare} rare, {users} users, {form}] " + "; ".join(wrong))
    return "nothing shown" + (" (joined)" if JOINED in shown["report"] else "")


def _whole(page: str) -> str:
    """A page with all that its links hold."""
    held = re.findall(r"base64,([A-Za-z0-9+/=]+)", page)
    return page + "".join(base64.b64decode(part).decode("latin-1") for part in held)


def _without_notices(text: str) -> str:
    """Without the places that name, and do no more than name, the segments that were joined."""
    return re.sub(r"with such: [\w, -]+\.|(\"|&#34;)few\1: \[[^\]]*\]", "", text)
