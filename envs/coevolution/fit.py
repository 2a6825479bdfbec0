"""Whether a population fits the options: what can be known before anyone is sampled."""

import math

from populace.envs.coevolution import history, questionnaire
from populace.envs.coevolution.options import CoevolutionOptions, History
from populace.errors import OptionError
from populace.population import Census

RATES = ("history_rate", "assistant_rate", "peer_rate")
"""Traits that take the place of options; shares of a way, from 0 to 1."""

_VALUES = (("population", "values"), ("population", "survey"), ("population", "data"))


def check(options: CoevolutionOptions, census: Census) -> None:
    """Raise OptionError when history, questionnaire or rates do not fit the population; files are read for it."""
    if not census.values:
        raise OptionError("the people of this world need values; give a system, or a list of names", *_VALUES)
    _check_series(options.history, census.values)
    questionnaire.check(options.questionnaire, census.values)
    for name in RATES:
        low, high = census.bounds.get(name, (0.0, 1.0))
        # Unbounded distributions are cut off at 0 and 1 instead.
        if (low < 0 and math.isfinite(low)) or (high > 1 and math.isfinite(high)):
            numbers = f"is {low:g}" if low == high else f"goes from {low:g} to {high:g}"
            raise OptionError(
                f"the trait {name} {numbers}; a rate is a share of the way and lies between 0 and 1",
                ("population", "traits", name),
                ("population", "data", "traits"),
            )


def _check_series(history_of: History, values: tuple[str, ...]) -> None:
    series = history_of.series
    if series in ("walk", "still"):
        return
    if series != "centuries":
        history.read_points(series, values, history_of.format)
    elif len(values) != len(history.CENTURY_VALUES):
        raise OptionError(
            f"centuries has the {len(history.CENTURY_VALUES)} values {', '.join(history.CENTURY_VALUES)}, "
            f"the population has {len(values)}; give it those, or set world.history.series to walk",
            ("world", "history", "series"),
            *_VALUES,
        )
