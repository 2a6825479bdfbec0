"""Small run folders with drifts that are known, as the recorder would write them; no simulation needed.

Users of a world share its random events: an offset `world_offset` that is the same in every arm. In arm `mirror` the
mean of value k of segment s moves by `rate[s][k]` a step; in `no-assistant` nothing moves but by chance.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

SEGMENTS = ("young", "old")
VALUES = ("care", "liberty", "tradition")
RATE = {"young": (0.020, 0.000, -0.010), "old": (0.005, 0.000, -0.010)}
START = {"young": (0.5, 0.0, -0.5), "old": (-0.5, 0.0, 0.5)}
COUNT = {"young": 60, "old": 40}


def info(worlds: int, steps: int, arms: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "name": "toy",
        "about": "Two segments under a mirroring assistant.",
        "status": "complete",
        "seed": 7,
        "worlds": worlds,
        "horizon": steps,
        "episodes": 1,
        "societies": [
            {
                "world": more.pop("world", "populace/toy-v0"),
                "users": sum(COUNT.values()),
                "values": list(VALUES),
                "segments": list(SEGMENTS),
                "measures": more.pop("about_measures", {}),
                "seat_measures": {},
                "provenance": {"source": "invented for tests"},
            }
        ],
        "arms": {arm: {**about, "society": 0} for arm, about in arms.items()},
        "reference": "no-assistant",
        "device": "cpu",
        "started": "2026-01-01T00:00:00+00:00",
        "versions": {"populace": "0.1.0", "torch": "2.13.0"},
        **more,
    }


def two_arms() -> dict[str, Any]:
    return {
        "no-assistant": {"base": "no-assistant", "coordinates": {}, "reference": None},
        "mirror": {"base": "mirror", "coordinates": {}, "reference": "no-assistant"},
    }


def make_run(
    folder: Path,
    worlds: int = 12,
    steps: int = 40,
    *,
    seed: int = 0,
    arms: dict[str, Any] | None = None,
    strength: dict[str, float] | None = None,
    measures: int = 3,
    tracked: int = 20,
    noise: float = 0.05,
    parts: bool = False,
    upto: int | None = None,
    **more: Any,
) -> Path:
    """Write a run folder; `strength` scales the drift of an arm, `parts` leaves it as a killed run would."""
    arms = two_arms() if arms is None else arms
    strength = {"no-assistant": 0.0} if strength is None else strength
    folder.mkdir(parents=True)
    (folder / "run.json").write_text(json.dumps(info(worlds, steps, arms, **more)))
    (folder / "scenario.yaml").write_text("name: toy\nworld: toy\n")
    rng = np.random.default_rng(seed)
    offset = rng.normal(0.0, 0.3, (worlds, len(VALUES)))
    own = rng.normal(0.0, 1.0, (worlds, 1 + steps, measures))
    tables: dict[str, list[pd.DataFrame]] = {"steps": [], "users": [], "groups": []}
    for arm in arms:
        force = strength.get(arm, 1.0)
        jitter = rng.normal(0.0, noise, (worlds, 1 + steps, len(VALUES)))
        tables["groups"].append(_groups(arm, worlds, steps, offset, jitter, force))
        tables["steps"].append(_steps(arm, worlds, steps, own + rng.normal(0.0, noise, own.shape), force))
        if tracked:
            tables["users"].append(_users(arm, worlds, steps, offset, force, tracked, seed))
    for name, found in tables.items():
        if not found:
            continue
        if not parts:
            pd.concat(found).to_parquet(folder / f"{name}.parquet", index=False)
            continue
        (folder / "parts").mkdir(exist_ok=True)
        middle, end = steps // 2, steps if upto is None else upto
        for unit, frame in enumerate(found):
            for low, high in ((-1, middle), (middle, end)):
                rows = frame[(frame["step"] > low) & (frame["step"] <= high)]
                if len(rows):
                    rows.to_parquet(folder / "parts" / f"{name}-{unit:04d}_00000-{low + 1:09d}-{high:09d}.parquet")
    return folder


def _frame(arm: str, **columns: Any) -> pd.DataFrame:
    frame = pd.DataFrame(columns)
    frame.insert(0, "arm", arm)
    if "measure" in frame:
        place = frame.columns.get_loc("measure") + 1
        frame.insert(place, "role", "")
        frame.insert(place + 1, "player", "")
    for column in ("arm", "segment", "measure", "role", "player", "variable"):
        if column in frame:
            frame[column] = frame[column].astype("category")
    return frame


def _groups(arm: str, worlds: int, steps: int, offset: Any, jitter: Any, force: float) -> pd.DataFrame:
    time = np.arange(1 + steps)
    start = np.array([START[s] for s in SEGMENTS])
    rate = np.array([RATE[s] for s in SEGMENTS]) * force
    mean = offset[:, None, None] + start + rate * time[:, None, None] + (jitter * (time > 0)[:, None])[:, :, None]
    shape = (worlds, 1 + steps, len(SEGMENTS), len(VALUES))
    world, step, segment, value = (i.reshape(-1) for i in np.indices(shape))
    count = np.array([COUNT[s] for s in SEGMENTS])
    return _frame(
        arm,
        world=world,
        step=step,
        segment=np.array(SEGMENTS)[segment],
        variable=np.array([f"value/{v}" for v in VALUES])[value],
        n=count[segment],
        mean=np.broadcast_to(mean, shape).reshape(-1),
        var=np.broadcast_to((1.0 - 0.01 * force * time / max(steps, 1))[None, :, None, None], shape).reshape(-1),
    )


def _steps(arm: str, worlds: int, steps: int, own: Any, force: float) -> pd.DataFrame:
    shape = own.shape
    world, step, measure = (i.reshape(-1) for i in np.indices(shape))
    value = own + force * 0.5 * (1 - np.exp(-np.arange(1 + steps) / 10))[:, None] * (1 + np.arange(shape[2]))
    names = np.array([f"measure {k}" for k in range(shape[2])])
    return _frame(arm, world=world, step=step, measure=names[measure], value=value.reshape(-1))


def _users(arm: str, worlds: int, steps: int, offset: Any, force: float, tracked: int, seed: int) -> pd.DataFrame:
    rng = np.random.default_rng(seed + 1)
    few = min(worlds, 3)
    place = np.arange(tracked) % 2
    start = np.array([START[s] for s in SEGMENTS])[place] + rng.normal(0, 0.6, (few, tracked, len(VALUES)))
    rate = np.array([RATE[s] for s in SEGMENTS])[place] * force
    time = np.arange(1 + steps)
    x = offset[:few, None, None] + start[:, None] + rate * time[:, None, None]
    world, step, user = (i.reshape(-1) for i in np.indices(x.shape[:3]))
    columns = {f"value/{v}": x[..., k].reshape(-1).astype(np.float32) for k, v in enumerate(VALUES)}
    return _frame(arm, world=world, step=step, user=user, segment=np.array(SEGMENTS)[place[user]], **columns)
