"""What the world refuses when it is built, and what it says of assistants that take no position."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from coevolution_stage import Crowd, society

from populace.envs.coevolution import Coevolution, CoevolutionOptions
from populace.errors import OptionError
from populace.population import Census
from populace.run import advance

WALK = {"history": {"series": "walk"}}
FIVE = tuple("abcde")


def refused(options: dict[str, Any], census: Census) -> OptionError:
    with pytest.raises(OptionError) as caught:
        Coevolution(CoevolutionOptions.model_validate(options), census)
    return caught.value


def test_values_must_be_there_and_be_the_centuries() -> None:
    assert refused(WALK, Census(10)).keys[0] == ("population", "values")
    error = refused({}, Census(10, ("a", "b")))
    assert error.keys[:2] == (("world", "history", "series"), ("population", "values"))
    Coevolution(CoevolutionOptions(), Census(10, FIVE))
    Coevolution(CoevolutionOptions.model_validate(WALK), Census(10, ("a", "b")))


def test_files_are_read_when_the_world_is_built() -> None:
    census = Census(10, ("a", "b"))
    assert refused({"history": {"series": "nowhere.csv"}}, census).keys == (("world", "history", "series"),)
    found = refused(WALK | {"questionnaire": {"loadings": "nowhere.csv"}}, census)
    assert found.keys == (("world", "questionnaire", "loadings"),)


@pytest.mark.parametrize("name", ["history_rate", "assistant_rate", "peer_rate"])
def test_rates_lie_between_nought_and_one(name: str) -> None:
    census, inf = Census(10, FIVE, traits=(name,)), float("inf")
    for bounds in [(7.0, 7.0), (-0.1, 0.5), (0.5, 1.5), (-1.0, inf)]:
        assert refused({}, replace(census, bounds={name: bounds})).keys[0] == ("population", "traits", name)
    for bounds in [(0.0, 1.0), (0.3, 0.3), (-inf, inf), (0.0, inf)]:
        Coevolution(CoevolutionOptions(), replace(census, bounds={name: bounds}))
    Coevolution(CoevolutionOptions(), census)


def test_held_out_is_unknown_where_the_position_is() -> None:
    """Group 0 of world 0 has no position: that world's score is NaN, the others' is what it was."""
    world, players, run = society({"audience": "segment"}, population=Crowd())
    run, _ = advance(world, players, run)
    position = torch.zeros(4, 1, 3, 5).add_(0.1)
    given = {"position": position, "mirror": torch.zeros(4, 1)}
    whole = advance(world, players, run, {"assistant": given})[1].measures["held_out"]
    lacking = position.clone()
    lacking[0, 0, 0, 2] = torch.nan
    found = advance(world, players, run, {"assistant": given | {"position": lacking}})[1].measures["held_out"]
    assert whole.isfinite().all()
    assert found[0].isnan()
    assert torch.equal(found[1:], whole[1:])
