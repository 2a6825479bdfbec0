"""The library's scenarios of these worlds: they build, and their figures are those of their sources."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from populace.envs.coevolution.history import CENTURIES, CENTURY_VALUES
from populace.rollout import rollout
from populace.run import start
from populace.scenarios.building import build
from populace.scenarios.loader import load

NAMES = ("value-lock-in", "follow", "predict", "coevolve", "bayes-lock-in", "pluralism")


@pytest.mark.parametrize("name", NAMES)
def test_every_arm_runs(name: str) -> None:
    """Two worlds of every arm for two ticks, with no purpose drawn twice."""
    for cell in load(name).cells:
        built = build(cell)
        run = start(built.world, built.policies, built.population, seed=1, worlds=2)
        rollout(built.world, built.policies, run, 2, check=True)


def test_correlations_are_the_surveys(shared_data: Path) -> None:
    """Five items of the German survey, rounded to three decimals; their spread has root mean square 0.1."""
    survey = pd.read_csv(shared_data / "population" / "human_values_de_n1000.csv")
    items = survey[["Religioesitaet", "Zuhoeren", "Unabhaengigkeit", "Interesse", "Sicherheit"]]
    values = load("value-lock-in").cells[0].population.values
    block = values.distribution.correlated
    assert np.allclose(np.array(block.correlation), items.corr(), atol=5.1e-4)
    total = np.array(block.sds) / np.sqrt(0.88)
    assert np.allclose(total / np.sqrt((total**2).mean()), items.std() / np.sqrt((items.std() ** 2).mean()), atol=2e-3)
    assert np.sqrt((total**2).mean()) == pytest.approx(0.1, abs=1e-4)


def test_an_eighth_of_the_variance_lies_between_segments() -> None:
    """Shares and means of the three segments give .12 of every value's variance, and no shift of the whole."""
    spec = load("value-lock-in").cells[0].population
    base = spec.values.distribution.correlated
    share = np.array([s.share for s in spec.segments.values()])
    means = np.array(
        [(base if s.values is None else s.values.distribution.correlated).means for s in spec.segments.values()]
    )
    between = share @ means**2
    assert np.abs(share @ means).max() < 2e-4
    assert np.allclose(between / (between + np.array(base.sds) ** 2), 0.12, atol=2e-3)


def test_centuries_are_the_digitised_series(shared_data: Path) -> None:
    """The table in the code is the file's."""
    file = pd.read_csv(shared_data / "coevolution" / "pg_text_value_embeddings_digitised.csv")
    assert np.allclose(file[list(CENTURY_VALUES)], np.array(CENTURIES), atol=1e-9)
