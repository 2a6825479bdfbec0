"""Every measure of every world is declared, with its kind, and stays within its bounds."""

import pytest
import torch

from populace.measures import SEAT_MEASURES, OfSeats, find, index, share
from populace.rollout import Keep, rollout
from populace.run import start
from populace.scenarios import library, load
from populace.scenarios.building import build

SCENARIOS = [name for name in library() if name != "marketplace"]  # its catalogue is a file of the user's
LONGEST = 3
"""Arms of a scenario that are played."""


def arms(name):
    cells = {cell.base_arm: cell for cell in load(name, ["worlds=2"]).cells}
    return list(cells.values())[:LONGEST]


@pytest.mark.parametrize("name", SCENARIOS)
def test_what_a_scenario_records_is_declared(name):
    for cell in arms(name):
        built, keep = build(cell), Keep()
        run = start(built.world, built.policies, built.population, seed=0, worlds=2)
        stocks = set(built.world.measure(run.state))
        rollout(built.world, built.policies, run, 2, keep)
        seats = index(SEAT_MEASURES)
        panel = set(built.world.panel(run.state))
        assert not panel & {*keep.series, *built.world.declared}, "a measure and a panel variable of one name"
        for key, series in keep.series.items():
            if isinstance(key, OfSeats) and key.measure.startswith("fault/"):
                continue  # failed tries of a language model are named by their kind, see SEAT_MEASURES
            declared = find(seats, key.measure) if isinstance(key, OfSeats) else find(built.world.declared, key)
            assert declared is not None, f"{cell.arm}: {key} is not declared"
            known = torch.cat(series)
            known = known[~known.isnan()]
            assert ((known >= declared.low - 1e-5) & (known <= declared.high + 1e-5)).all(), (key, known)
            if isinstance(key, str):
                assert (declared.kind == "stock") == (key in stocks), f"{key}: stocks are what is read off the state"


def test_a_bound_of_nought_is_kept():
    assert share("x", "a share").plain() == {
        "about": "a share",
        "kind": "flow",
        "unit": "share",
        "low": 0.0,
        "high": 1.0,
    }
