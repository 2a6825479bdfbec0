"""What is said about tables, people and contracts that are wrong: row and column, before anything runs."""

import pytest
from shopping_stage import Buyers, play

from populace.envs.shopping import Shopping, ShoppingOptions
from populace.envs.shopping.options import ShoppingOptions as Options
from populace.errors import PopulaceError

GOOD = "title,price,quality\na,1,2\nb,2,3\n"


def build(**options):
    return Shopping(ShoppingOptions(**options), Buyers(3).census)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("title,price\na,1\nb,\n", "line 3, column 'price': missing; expected a number"),
        ("title,price\na,cheap\n", "line 2, column 'price': 'cheap' is no number"),
        ("title,price\na,0\n", "line 2, column 'price': '0' is out of range; expected a number above 0"),
        (
            "title,price,commission\na,1,1.5\n",
            "line 2, column 'commission': '1.5' is out of range",
        ),
        (
            "title,price,quality\na,1,nan\n",
            "line 2, column 'quality': 'nan' is no number; leave the cell of a missing entry empty",
        ),
        ("title,price\na,inf\n", "line 2, column 'price': 'inf' is infinite; expected a finite number"),
        (
            "title,price,quality\na,1\n",
            "line 2 .row 1 below the header., column 'quality': it has 2 cells",
        ),
        ("title,price\na,1\nb,2,9\n", "line 3 .row 2 below the header., column 3: it has 3 cells and the header 2"),
        ("title,price,price\na,1,2\n", "columns 2 and 3 are both called 'price'"),
        ("title,quality\na,1\n", "unknown column of .*products.csv 'price'; expected one of: quality, title"),
        ("title,price\n", "there are no products"),
    ],
)
def test_product_tables(tmp_path, text, message):
    path = tmp_path / "products.csv"
    path.write_text(text)
    with pytest.raises(PopulaceError, match=message):
        build(catalogue=str(path))


def test_a_good_table_is_taken(tmp_path):
    path = tmp_path / "products.csv"
    path.write_text(GOOD)
    _, _, found = play(users=4, catalogue=str(path))
    assert found["regret"].item() == 0


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "wealth,trust\n10,1\n-5,1\n",
            "line 3, column 'wealth': '-5' is out of range; expected a number of at",
        ),
        ("wealth,trust\n10,1.2\n", "line 2, column 'trust': '1.2' is out of range"),
        ("welth\n10\n", "unknown column of .*customers.csv 'welth'; did you mean 'wealth'"),
        ("weight/qualty\n1\n", "unknown column of .*customers.csv 'weight/qualty'; did you mean 'weight/quality'"),
        ("wealth\n", "there are no customers"),
    ],
)
def test_customer_tables(tmp_path, text, message):
    path = tmp_path / "customers.csv"
    path.write_text(text)
    with pytest.raises(PopulaceError, match=message):
        build(customers=str(path))


def test_customers_from_a_table(tmp_path):
    path = tmp_path / "customers.csv"
    path.write_text("wealth,budget,weight/quality\n10,5,2\n20,6,-1\n")
    world, run, _ = play(users=3, customers=str(path))
    who = run.state.customers
    assert who.wealth[0].tolist() == [10, 20, 10]
    assert who.weights[0, :, world.catalogue.attributes.index("quality")].tolist() == [2, -1, 2]


def test_negative_wealth_in_the_population():
    with pytest.raises(PopulaceError, match=r"row 1 .of world 0., column 'wealth': -3 is negative"):
        play(population=Buyers(3, (("wealth", (1.0, -3.0, 2.0)),)))


def test_a_contract_that_no_one_would_accept():
    good = {"name": "fine", "contract": {"flat": 1.0, "outside": 1.0}}
    bad = {"name": "mean", "contract": {"flat": 0.1, "commission": 0.01, "outside": 5.0}}
    with pytest.raises(
        PopulaceError, match=r"providers row 1 .'mean'., columns flat, commission and bonus: .* no one would"
    ):
        build(catalogue="tin-men-loyalty", providers=(good, bad))
    build(catalogue="tin-men-loyalty", providers=(good,))


def test_names_that_are_not_there():
    with pytest.raises(PopulaceError, match="'shelf-of-eigt'; did you mean 'shelf-of-eight'"):
        build(catalogue="shelf-of-eigt")
    with pytest.raises(PopulaceError, match="weights names the attribute 'qualty'; did you mean 'quality'"):
        build(weights={"qualty": 1.0})
    with pytest.raises(PopulaceError, match="a shelf of 100 cannot be filled from 64 products"):
        build(shelf=100)


def test_phases():
    with pytest.raises(ValueError, match="needs the phase 'message'"):
        Options(phases=("delegate",))
    with pytest.raises(ValueError, match="must follow the order"):
        Options(phases=("message", "delegate"))
