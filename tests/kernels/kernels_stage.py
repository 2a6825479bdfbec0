"""What the tests of kernels share: both forms of one thing, and what every kernel gives for fixed arguments."""

import hashlib
import sys

import numpy as np
import torch

from populace.agents.scripted.coevolution_estimate import estimate
from populace.arithmetic import using
from populace.draw import Draw
from populace.numerics import apply_linear


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
        "uniform": draw.uniform("uniform", 333, 19),
        "integers": draw.integers("integers", -3, 90, 1500),
        "normal": draw.normal("normal", 333, 19),
        "normals by ids": draw.normal("normal", torch.tensor([5, 0, 332]), torch.arange(18, -1, -1)),
        "categorical": draw.categorical("option", weights),
        "choice": draw.choice("choice", 48, 8, 20),
        "products, a matrix for all": apply_linear(weights, draw.uniform("a", 1, 4, 6)),
        "products, a matrix each": apply_linear(weights, draw.uniform("b", 301, 4, 6)),
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


def digests():
    """Name -> a digest of `everything`."""
    with using("kernels"):
        return {name: hashlib.sha256(x.numpy().tobytes()).hexdigest() for name, x in everything().items()}


if __name__ == "__main__":
    import json

    json.dump(digests(), sys.stdout)
