"""What the tests of kernels share: both forms of one thing, and what every kernel gives for fixed arguments."""

import hashlib
import sys
from pathlib import Path

import numpy as np
import torch

from populace import tree
from populace.agents.scripted.coevolution import pooled
from populace.agents.scripted.coevolution_estimate import estimate
from populace.arithmetic import using
from populace.draw import Draw
from populace.numerics import apply_linear
from populace.rollout import rollout


def both(work):
    """What `work()` gives by torch, and by kernels."""
    with using("torch"):
        plain = work()
    with using("kernels"):
        return plain, work()


def ulps(found, exact):
    """The largest error of float32 numbers in units in the last place of the exact ones, float64."""
    spacing = np.spacing(np.maximum(np.abs(exact), 2.0**-126).astype(np.float32)).astype(np.float64)
    return float(np.max(np.abs(found.astype(np.float64) - exact) / spacing))


def of(seed=0, worlds=1, **more):
    return Draw.of(seed, torch.arange(worlds), **more)


def everything():
    """Name -> what a kernel gives; arguments are made by exact operations only."""
    draw = of(7, 3).at(5).scope("bits")
    weights = draw.uniform("weights", 301, 6)
    items = 2.0 * draw.uniform("items", 8, 10) - 1.0
    return {
        "keys": draw.keys_of("keys", 5, 7),
        "keys of a tick": Draw.of_tick(7, torch.arange(3), torch.tensor([0, 1, 2**20]), torch.arange(3)).keys,
        "uniform": draw.uniform("uniform", 333, 19),
        "integers": draw.integers("integers", -3, 90, 1500),
        "normal": draw.normal("normal", 333, 19),
        "normals by ids": draw.normal("normal", torch.tensor([5, 0, 332]), torch.arange(18, -1, -1)),
        "categorical": draw.categorical("option", weights),
        "choice": draw.choice("choice", 48, 8, 20),
        "products, a matrix for all": apply_linear(weights, draw.uniform("a", 1, 4, 6)),
        "products, a matrix each": apply_linear(weights, draw.uniform("b", 301, 4, 6)),
        "pooled": torch.stack(pooled(10.0 * draw.uniform("counts", 2, 5), draw.uniform("of", 2, 5, 3))),
        "estimate": estimate(
            draw.uniform("shares", 8),
            draw.uniform("shown", 8),
            items,
            draw.uniform("centre", 10),
            4.0 * draw.uniform("beta"),
            draw.uniform("around", 10),
            0.05,
            40,
        ),
    }


def worlds():
    """Name -> a world's state after some ticks; all of it is computed by kernels and exact operations of torch."""
    for room in ("coevolution", "lockin"):
        if (folder := str(Path(__file__).parent.parent / room)) not in sys.path:
            sys.path.append(folder)
    from coevolution_stage import Crowd, society
    from lockin_stage import lockin

    rates = (("history_rate", 0.3), ("assistant_rate", 0.1), ("peer_rate", 0.2))
    walk = {"series": "walk", "every": 2}
    cases = {
        "all at once": (
            {"audience": "segment", "assistants": 2, "noise": 0.01, "turnover": 0.1, "history": {"epochs": 2.5}},
            "lifelong",
            Crowd(61, traits=rates, ring=True),
        ),
        "plain": ({"noise": 0.02, "history": walk}, "mirror", Crowd(150, names=tuple("abcdefghijklmnopqrs"))),
        "peers": ({"noise": 0.02, "peer_rate": 0.1, "history": walk}, "pluralist", Crowd(20)),
        "predict": ({"protocol": "predict", "ahead": 2, "history": {"spread": "shed"}}, "extrapolative", Crowd(20)),
    }
    found = {}
    for name, (options, assistant, crowd) in cases.items():
        world, players, run = society(options, assistant, population=crowd, worlds=2)
        state = rollout(world, players, run, 5).state
        found |= {f"{name}: {i}": x for i, x in enumerate(tree.tensors(state))}
    for name, options in {
        "one assistant": {},
        "signals first": {"order": "signal-first", "assistants": 2, "lambda_peer": 0.1},
        "own trust": {"trust": [[0.0, 0.5, 1.0], [0.2, 0.0, 1.0], [0.3, 0.4, 0.0]]},
    }.items():
        world, players, run = lockin(users=2 if name == "own trust" else 7, worlds=3, **options)
        state = rollout(world, players, run, 9).state
        found |= {f"{name}: {i}": x for i, x in enumerate(tree.tensors(state))}
    return found


def digests(*parts):
    """Name -> a digest of what kernels give: of `everything`, if no other parts are named."""
    with using("kernels"):
        found = [pair for part in parts or (everything,) for pair in part().items()]
    return {name: hashlib.sha256(x.numpy().tobytes()).hexdigest() for name, x in found}


if __name__ == "__main__":
    import json

    json.dump(digests(everything, worlds), sys.stdout)
