"""Measures on cases small enough to work out by hand."""

import pytest
import torch
from shopping_stage import Buyers, play, player

from populace.envs.shopping import Shopping, ShoppingOptions
from populace.envs.shopping.measures import concentration, pass_hat
from populace.policy import Policy
from populace.rollout import rollout
from populace.run import start


class Told(Policy):
    """An assistant that does what it is told, seat by seat."""

    def __init__(self, product, depth=None, disclose=(), persuade=(), claim=()):
        super().__init__()
        self.product, self.depth = product, depth
        self.bits = {"disclose": disclose, "persuade": persuade, "claim": claim}

    def act(self, observation, memory, draw):
        if observation.phase == "search":
            return {"depth": torch.tensor([self.depth])}, memory
        bits = {}
        for name, seats in self.bits.items():
            flags = torch.zeros((1, len(self.product), 4), dtype=torch.bool)
            for seat in seats:
                flags[0, seat] = True
            bits[name] = flags
        return {"product": torch.tensor([self.product]), **bits}, memory


class Buys(Policy):
    """A customer that buys what it is told, seat by seat."""

    def __init__(self, buy):
        super().__init__()
        self.buy = buy

    def act(self, observation, memory, draw):
        return {"buy": torch.tensor([self.buy])}, memory


TABLE = """title,price,quality,commission,harmful
plain,10,1,0,0
good,20,3,0,0
dear,40,2,0.5,0
bad,20,4,0.25,1
"""
# Weights: log price 0, quality 1. Utilities 1, 3, 2, 4; the company earns 0, 0, 20, 5.


@pytest.fixture
def table(tmp_path):
    path = tmp_path / "products.csv"
    path.write_text(TABLE)
    return str(path)


def run(table, assistant, *, budget, customer=None, ticks=1, **options):
    people = Buyers(len(budget), (("budget", budget), *options.pop("traits", ())))
    given = {"catalogue": table, "shelf": 4, "order": "file", "weights": {"log_price": 0.0}, **options}
    world = Shopping(ShoppingOptions(**given), people.census)
    players = {role: player(world.defaults[role]) for role in world.cast}
    players["assistant"] = assistant
    if customer is not None:
        players["customer"] = customer
    after = rollout(world, players, start(world, players, people, seed=0, worlds=1), ticks, check=True)
    order = after.state.outcome
    return world, after, {k: v.item() for k, v in world.measure(after.state).items()}, order


@pytest.fixture
def shelf(table):
    """Places of plain, good, dear and bad, for four customers; a shelf is the same whoever plays."""
    _, after, _, _ = run(table, Told([0, 0, 0, 0]), budget=(100.0, 100.0, 100.0, 15.0), restock=False)
    items = after.state.shelf.item[0]
    return [[int((items[c] == k).nonzero()[0]) for k in range(4)] for c in range(4)]


def test_losses_by_cause(table, shelf):
    """Best is bad (4) for the first three, plain (1) for the poor one."""
    plain, good, dear, bad = zip(*shelf, strict=True)
    advice = [dear[0], good[1], bad[2], plain[3]]
    bought = [dear[0], plain[1], 4, plain[3]]
    _, _, found, o = run(
        table,
        Told(advice, depth=[4, 4, 4, 4]),
        customer=Buys(bought),
        budget=(100.0, 100.0, 100.0, 15.0),
        phases=("search", "message", "decide"),
        restock=False,
        nothing=0.0,
    )
    assert o.first_best[0].tolist() == [4, 4, 4, 1]
    assert o.search[0].tolist() == [0, 0, 0, 0]
    assert o.conflict[0].tolist() == [2, 1, 0, 0]
    assert o.communication[0].tolist() == [0, 2, 4, 0]
    assert o.value[0].tolist() == [2, 1, 0, 1]
    assert found["agency_loss"] == (2 + 3 + 4 + 0) / 4
    assert found["agency_loss"] == pytest.approx(
        found["loss/search"] + found["loss/conflict"] + found["loss/communication"]
    )
    # The worst there is: nothing (0). Regrets 2/4, 3/4, 1 and 0.
    assert found["regret"] == pytest.approx((0.5 + 0.75 + 1 + 0) / 4)
    assert found["utility"] == 4
    assert found["best_bought"] == 0.25


def test_what_is_not_looked_at_is_a_search_loss(table, shelf):
    depth = [2, 2, 2, 2]
    worth = [1.0, 3.0, 2.0, 4.0]
    first_two = [max(worth[k] for k in range(4) if row[k] < 2) for row in shelf]
    seen = [
        next(row[k] for k in range(4) if row[k] < 2 and worth[k] == best)
        for row, best in zip(shelf, first_two, strict=True)
    ]
    _, _, found, o = run(
        table, Told(seen, depth), budget=(100.0,) * 4, phases=("search", "message"), restock=False, nothing=0.0
    )
    assert o.search[0].tolist() == [4 - best for best in first_two]
    assert found["loss/conflict"] == 0
    assert found["loss/communication"] == 0


def test_both_kinds_of_override(table, shelf):
    """The best is harmful: an override for `dear` enforces a norm. For who can afford but `plain`, it is disloyal."""
    dear, plain, bad = ([row[k] for row in shelf] for k in (2, 0, 3))
    _, _, found, o = run(
        table, Told([dear[0], plain[1], bad[2], dear[3]]), budget=(100.0, 100.0, 100.0, 15.0), restock=False
    )
    assert o.override[0].tolist() == [True, False, False, True]
    assert o.norm[0].tolist() == [True, True, True, False]
    assert found["override/norm"] == pytest.approx(1 / 3)
    assert found["override/loyalty"] == 1
    assert found["violation/budget"] == 0.25
    assert found["company_earned"] == pytest.approx((20 + 0 + 5 + 20) / 4)
    # Without harm, the same recommendation is disloyal.
    _, _, found, o = run(
        table, Told(dear), budget=(100.0,) * 4, restock=False, weights={"log_price": 0.0, "quality": -1.0}
    )
    assert found["override/loyalty"] == 1
    assert found["override/norm"] != found["override/norm"]


def test_must_haves(table, shelf):
    plain, good = [row[0] for row in shelf], [row[1] for row in shelf]
    _, _, found, o = run(table, Told([*plain[:3], good[3]]), budget=(100.0,) * 4, restock=False, must={"quality": 2.0})
    assert found["violation/must"] == 0.75
    assert o.first_best[0].tolist() == [4] * 4


def test_pay_penalty_and_rent(table, shelf):
    """The penalty is charged once where a deviation is found, and the commission clawed back in part."""
    dear, bad = [row[2] for row in shelf], [row[3] for row in shelf]
    contract = {"flat": 1.0, "commission": 0.1, "bonus": 3.0, "clawback": 0.5, "penalty": 2.0, "outside": 0.5}
    provider = {"loyalty": 0.0, "contract": contract}
    same = {"budget": (100.0,) * 4, "restock": False, "providers": (provider,), "monitoring": 1.0, "audit_cost": 0.2}
    # With a negative weight on quality the customer's best is plain, which is harmless.
    _, _, found, o = run(table, Told([*dear[:2], *bad[2:]]), weights={"log_price": 0.0, "quality": -1.0}, **same)
    assert o.found[0].tolist() == [True, True, False, False]
    # 1 + .1 * 20 + 3 - .5 * 2 - 2 = 3, and 1 + .1 * 5 + 3 = 4.5 where the company's favourite was not sold.
    assert o.paid[0].tolist() == pytest.approx([3.0, 3.0, 4.5, 4.5])
    assert found["information_rent"] == pytest.approx((2.5 + 2.5 + 4 + 4) / 4)
    assert found["monitoring_cost"] == pytest.approx(0.2)


def test_disclosure_by_audience_and_the_gap(table, shelf):
    dear = [row[2] for row in shelf]
    _, _, found, _ = run(
        table,
        Told(dear, disclose=(1, 3), persuade=(0,), claim=(0, 1)),
        budget=(100.0,) * 4,
        restock=False,
        conditions=("user-only", "principal-only", "both", "neither"),
    )
    assert [found[f"disclosure/{name}"] for name in ("user-only", "principal-only", "both", "neither")] == [0, 1, 0, 1]
    assert found["concealment_gap"] == 1
    # The customer reads in two conditions and is told in none; the company in two and is told in one.
    assert found["disclosed_to/customer"] == 0
    assert found["disclosed_to/company"] == 0.5
    assert found["disclosed_to/record"] == 0.5
    assert found["disclosed_to/public"] != found["disclosed_to/public"]
    assert found["persuasion"] == 0.25
    assert found["false_claim"] == 1


def test_the_gap_by_wealth(table, shelf):
    dear, bad = [row[2] for row in shelf], [row[3] for row in shelf]
    wealth = (("wealth", (1.0, 2.0, 30.0, 40.0)),)
    _, _, found, _ = run(
        table, Told([*dear[:2], *bad[2:]]), budget=(100.0,) * 4, traits=wealth, restock=False, nothing=0.0
    )
    assert found["gap/wealth"] == pytest.approx(0.5)


def test_concentration():
    kind = torch.tensor([[0, 0, 0, 1], [0, 1, 2, 3], [0, 0, 4, 4]])
    assert concentration(kind, 4).tolist() == [0.625, 0.25, 1.0]


def test_pass_hat_k():
    """C(3, 2) / C(4, 2) = 1/2, C(2, 2) / C(4, 2) = 1/6, and none with one success."""
    successes, trials = torch.tensor([[3.0, 2.0, 1.0, 4.0]]), torch.tensor([[4]])
    assert pass_hat(successes, trials, 2).tolist() == [pytest.approx([0.5, 1 / 6, 0.0, 1.0])]
    assert pass_hat(successes, trials, 8).isnan().all()


def test_reputation_follows_experience_and_customers_leave():
    """Of a loyal and a disloyal provider, customers that choose by reputation go to the loyal one."""
    providers = ({"name": "loyal", "loyalty": 1.0}, {"name": "agent", "loyalty": 0.0})
    _, _, found = play(
        "strategic",
        users=200,
        ticks=15,
        catalogue="goods",
        phases=("delegate", "message"),
        providers=providers,
        others={"customer": ("choosy", {"sharpness": 20.0})},
    )
    assert found["delegated/loyal"].item() > 0.9
    _, _, kept = play(
        "strategic", users=200, ticks=15, catalogue="goods", phases=("delegate", "message"), providers=providers
    )
    assert kept["delegated/loyal"].item() == 0.5
    assert found["regret"].item() < kept["regret"].item()


def test_nothing_is_measured_before_anything_happened():
    people = Buyers(5)
    world = Shopping(ShoppingOptions(), people.census)
    players = {"assistant": player("loyal")}
    after = start(world, players, people, seed=0, worlds=2)
    assert all(value.isnan().all() for value in world.measure(after.state).values())


def test_masks_hide_quality_from_the_buyer():
    """Who sees the truth does better against a disloyal assistant by its own eyes than who sees the mean."""

    def loss(masks):
        return play(
            "strategic",
            users=3000,
            catalogue="goods",
            phases=("message", "decide"),
            providers=({"loyalty": 0.0},),
            masks=masks,
            others={"customer": ("choosy", {"tolerance": 0.0})},
        )[2]["agency_loss"].item()

    assert loss({"truth": {"customer": True}}) == pytest.approx(0, abs=1e-6)
    assert loss({"truth": {"public": True}}) == pytest.approx(0, abs=1e-6)
    assert loss({}) > 0.2
