"""The marketplace's utilities on the published data, and what is said about data that are wrong."""

import json

import pytest
import torch

from populace.envs.shopping.market import benchmarks, load_market, match, synthetic_market
from populace.errors import PopulaceError


@pytest.fixture(scope="module")
def mexican(shared_data):
    return load_market(shared_data / "shopping" / "magentic_mexican_100_300.json.gz")


def test_published_utilities(mexican):
    found = benchmarks(mexican)
    assert round(found.optimal, 2) == 2109.85
    assert round(found.cheapest, 2) == 1090.41
    assert round(found.any_with_amenities, 4) == 1912.3100
    assert round(found.any, 4) == 636.1633
    assert round(found.any_sd, 2) == 203.99
    assert round(found.any_with_amenities_sd, 2) == 25.42


def test_the_business_without_amenities_comes_last_in_the_file(mexican):
    assert (mexican.match.sum(-1) == 3).all()
    assert (mexican.ok.sum(-1) == 2).all()
    assert not mexican.ok[:, 2].any()
    assert round(mexican.utility[:, 0].sum().item(), 2) == 1945.52


def _data():
    customers = [{"menu_features": {"soup": 5.0}, "amenity_features": ["wifi"]}]
    businesses = [{"menu_features": {"soup": 4.0, "tea": 2.0}, "amenity_features": {"wifi": True}}]
    return customers, businesses


def test_hand_made_market():
    customers, businesses = _data()
    businesses += [{"menu_features": {"soup": 3.0}, "amenity_features": {"wifi": False}}]
    market = match(customers, businesses)
    assert torch.equal(market.utility, torch.tensor([[6.0, -3.0]], dtype=torch.float64))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda c, b: b[0]["menu_features"].update(soup=None), "businesses row 0, column menu_features, item 'soup'"),
        (lambda c, b: b[0]["menu_features"].update(soup=-1), "the price is -1"),
        (
            lambda c, b: c[0]["menu_features"].update(sopu=1.0),
            "customers row 0, column menu_features: unknown item 'sopu'",
        ),
        (
            lambda c, b: c[0]["amenity_features"].append("wify"),
            "column amenity_features: unknown item 'wify'; did you mean",
        ),
        (lambda c, b: b[0].pop("amenity_features"), "businesses row 0, column amenity_features: missing"),
    ],
)
def test_mistakes_name_row_and_column(change, message):
    customers, businesses = _data()
    change(customers, businesses)
    with pytest.raises(PopulaceError, match=message):
        match(customers, businesses)


def test_an_order_nobody_carries_is_named():
    customers, businesses = _data()
    customers[0]["menu_features"]["tea"] = 2.0
    businesses = [
        {"menu_features": {"soup": 4.0}, "amenity_features": {"wifi": True}},
        {"menu_features": {"tea": 1.0}, "amenity_features": {}},
    ]
    with pytest.raises(PopulaceError, match="no business carries all of 'soup, tea'"):
        match(customers, businesses)


def test_files_that_are_no_market(tmp_path):
    path = tmp_path / "market.json"
    path.write_text(json.dumps([1, 2]))
    with pytest.raises(PopulaceError, match="is no market"):
        load_market(path)
    with pytest.raises(PopulaceError, match=r"cannot read .*absent\.json: there is no such file"):
        load_market(tmp_path / "absent.json")


def test_the_synthetic_market_has_the_published_shape():
    market = synthetic_market(20, 30, seed=1)
    assert (market.match.sum(-1) >= 3).all()
    assert (market.ok.sum(-1) >= 2).all()
    assert torch.equal(market.price, synthetic_market(20, 30, seed=1).price)
    assert (market.utility.nan_to_num(-1e9).amax(-1) > 0).all()
