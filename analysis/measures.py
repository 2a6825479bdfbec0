"""The registered measures: a function of a run each, see `populace.analysis.metrics` for the formulas."""

import pandas as pd

from populace.analysis import metrics
from populace.analysis.frames import RunData


def drift_from_start(run: RunData) -> pd.DataFrame:
    """Distance of segments' mean values from where they started."""
    return metrics.drift(run.values)


def drift_from_start_by_value(run: RunData) -> pd.DataFrame:
    """Signed move of each mean value since the start."""
    return metrics.drift_by_value(run.values)


def drift_from_reference(run: RunData) -> pd.DataFrame:
    """Distance of mean values from those of the reference arm in the same world."""
    return metrics.drift_from_reference(run.values, dict(run.contrasts))


def velocity(run: RunData) -> pd.DataFrame:
    """Distance moved per step."""
    return metrics.velocity(run.values)


def polarisation(run: RunData) -> pd.DataFrame:
    """Share of users' variance that lies between segments."""
    return metrics.polarisation(run.values)


def bimodality(run: RunData) -> pd.DataFrame:
    """Sarle's coefficient of tracked users, averaged over values."""
    return metrics.bimodality(run.users, _tracked(run))


def spread(run: RunData) -> pd.DataFrame:
    """Root mean variance of users' values."""
    return metrics.spread(run.values)


def diversity(run: RunData) -> pd.DataFrame:
    """Effective number of values on which users differ."""
    return metrics.diversity(run.values)


def participation(run: RunData) -> pd.DataFrame:
    """Effective number of directions in which tracked users differ."""
    return metrics.participation(run.users, _tracked(run))


def lock_in_time(run: RunData) -> pd.DataFrame:
    """First step after which mean values stay near where they end; NaN where that never happened."""
    return metrics.lock_in(run.values)


def _tracked(run: RunData) -> list[str]:
    """The value columns of tracked users; with no column, or no row, the measures above are empty frames."""
    return [name for name in run.value_variables if name in run.users.columns]
