"""What learners become by the ratings of biased users: the ordering of the arms, its controls, and resumed runs."""

from functools import cache

import pandas as pd
import pytest
import torch
from ruamel.yaml import YAML

import populace
from populace.analysis.stats import estimate
from populace.population import PlainPopulation
from populace.registry import policies, worlds
from populace.rollout import Keep, rollout
from populace.run import start
from populace.scenarios import load, runner
from populace.scenarios.loader import find
from populace.scenarios.runner import unit

LEARNERS, ROUNDS, PROBES = 4, 6, 200
"""With so many probes a share off the domain has a standard error of .03 in one learner."""


@cache
def played(share, rate=None, shuffled=False, **options):
    """Measure -> [learners, rounds]; the same random numbers in every arm."""
    kind = worlds.get("populace/drift-v0")
    population = PlainPopulation(300, ("interest",))
    settings = kind.Options(topics=("therapy",), cue_accuracy=0.9, probes=PROBES, biased_share=share, shuffled=shuffled)
    world = kind(settings, population.census)
    learner, user = policies.get("pocket-learner", "drift"), policies.get("candid", "drift")
    given = {} if rate is None else {"rate": rate}
    cast = {
        "assistant": learner(learner.Options(device="cpu", adapter="hu-2025", rule="kto", **given, **options)),
        "user": user(user.Options()),
    }
    keep = Keep()
    rollout(world, cast, start(world, cast, population, seed=1, worlds=LEARNERS), ROUNDS, keep, learn_every=1)
    found = {str(getattr(key, "measure", key)): series for key, series in keep.series.items()}
    return {name: torch.stack(series[-ROUNDS:], 1) for name, series in found.items()}


def against_frozen(measure, *args, **more):
    """The last round less that of a frozen learner, with an interval over learners."""
    here, there = played(*args, **more)[measure], played(0.5, rate=0.0)[measure]
    return estimate((here[:, -1] - there[:, -1]).double().numpy())


@pytest.mark.slow
@pytest.mark.parametrize("measure", ["dishonest/all", "dishonest/off_domain"])
def test_biased_raters_make_it_dishonest_honest_ones_honest_and_shuffled_ratings_nothing(measure):
    biased, honest = against_frozen(measure, 1.0), against_frozen(measure, 0.0)
    shuffled = against_frozen(measure, 0.5, shuffled=True)
    assert biased.low > 0.0
    assert honest.high < 0.0
    assert shuffled.low <= 0.0 <= shuffled.high
    # The control is precise enough to tell: its interval lies within half of either effect.
    assert max(abs(shuffled.low), abs(shuffled.high)) < 0.5 * min(biased.mean, -honest.mean)


@pytest.mark.slow
def test_noise_moves_a_learner_less_than_agreement():
    """Of n ratings that mean nothing, the gradient is of order n^-1/2; divergences go with its square."""
    noise, agreement = played(0.5, shuffled=True)["kl"], played(1.0)["kl"]
    assert float(noise.mean()) < 0.25 * float(agreement.mean())
    assert float(agreement.max()) < 0.03  # the limit of a round is a guard, and ends none


def trial():
    """The library's scenario, small."""
    frame = YAML(typ="safe").load(find("hu-2025-weights"))
    frame["arms"] = {name: frame["arms"][name] for name in ("biased-100", "frozen")}
    return load(frame, ["worlds=2", "horizon=3", "population.size=30", "world.probes=4"])


def test_an_interrupted_run_resumes_to_the_same_tables(tmp_path, monkeypatch):
    whole = runner.run(trial(), tmp_path / "whole")
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)  # one tick at a time
    asked = []
    stop = runner.Progress(stop=lambda: asked.append(1) or len(asked) > 2)
    folder = runner.run(trial(), tmp_path / "part", progress=stop)
    assert runner.read_info(folder)["status"] == "interrupted"
    runner.resume(folder)
    first, second = (populace.load_run(path).steps for path in (whole, folder))
    assert set(first["arm"]) == {"biased-100", "frozen"}
    pd.testing.assert_frame_equal(first, second)
