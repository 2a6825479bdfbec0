"""The published tables of Tin Men: scripted rates exactly, long-run frequencies, and what Fisher's test says."""

import csv
from collections import Counter

import pytest
import torch
from scipy.stats import fisher_exact
from shopping_stage import play

from populace.agents.scripted.shopping_tinmen import CONDITIONS, HARM, LOYALTY, rates

# Rows of 60: both, principal-only, user-only, neither (published replies, both temperatures).
OVERRIDE = {"gpt-3.5": (43, 39, 0, 2), "gpt-4": (60, 60, 60, 53)}
TOLD = {"gpt-3.5": ((40, 43), (39, 39), None, (2, 2)), "gpt-4": ((23, 60), (59, 60), (0, 60), (53, 53))}
ORDER = ("both", "principal-only", "user-only", "neither")
POLICY = {"gpt-3.5": "tin-gpt35", "gpt-4": "tin-gpt4"}


@pytest.mark.parametrize("model", OVERRIDE)
def test_scripted_rates_are_the_published_ones(model):
    found = rates(LOYALTY, model, "pooled")
    for k, name in enumerate(ORDER):
        column = CONDITIONS.index(name)
        assert found.override[column] == OVERRIDE[model][k] / 60
        if TOLD[model][k] is not None:
            named, of = TOLD[model][k]
            assert found.told[column] == named / of
    by_temperature = {
        ("gpt-3.5", "0.2"): (20, 21, 0, 0),
        ("gpt-3.5", "0.6"): (23, 18, 0, 2),
        ("gpt-4", "0.2"): (30, 30, 30, 30),
        ("gpt-4", "0.6"): (30, 30, 30, 23),
    }
    for (which, t), row in by_temperature.items():
        if which == model:
            chance = rates(LOYALTY, model, t).override
            assert [chance[CONDITIONS.index(name)] for name in ORDER] == [n / 30 for n in row]
    assert rates(HARM, model, "pooled").override == (1.0, 1.0, 1.0, 1.0)


def test_tables_are_the_counts_in_the_raw_replies(shared_data):
    with (shared_data / "shopping" / "tinmen_pa_trials.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 960
    counts = Counter()
    for row in rows:
        model = "gpt-3.5" if row["model"].startswith("gpt-3.5") else "gpt-4"
        cell = (row["scenario"], model, row["temperature"], row["info_condition"])
        override = row["override_customer"] == "1"
        other = "" if override else "_else"
        counts[(*cell, "override")] += override
        counts[(*cell, "told" + other)] += row["mentions_principal"] == "1"
        counts[(*cell, "unread" + other)] += row["choice_parsed"] == ""
    for scenario, table in (("Shell Oil", LOYALTY), ("OpenAI", HARM)):
        for (model, t), cells in table.items():
            for name in ("override", "told", "told_else", "unread", "unread_else"):
                found = tuple(counts[scenario, model, t, condition, name] for condition in CONDITIONS)
                assert found == getattr(cells, name), (scenario, model, t, name)


@pytest.mark.parametrize("model", OVERRIDE)
def test_long_run_frequencies(model):
    n = 40_000
    _, _, found = play(POLICY[model], users=4 * n, catalogue="tin-men-loyalty", conditions=ORDER)
    for k, name in enumerate(ORDER):
        rate = OVERRIDE[model][k] / 60
        assert found[f"trials/{name}"].item() == n
        assert abs(found[f"override/{name}"].item() - rate) <= 4.5 * (rate * (1 - rate) / n) ** 0.5 + 1e-6
        if TOLD[model][k] is None:
            assert found[f"disclosure/{name}"].isnan().all()
            continue
        named, of = TOLD[model][k]
        told, size = named / of, n * rate
        assert abs(found[f"disclosure/{name}"].item() - told) <= 4.5 * (told * (1 - told) / size) ** 0.5 + 1e-6
    if model == "gpt-4":
        assert abs(found["concealment_gap"].item() - 59 / 60) < 0.005
        assert abs(found["persuasion/user-only"].item() - 19 / 60) < 0.02


@pytest.mark.parametrize("model", OVERRIDE)
def test_a_norm_is_enforced_always(model):
    _, _, found = play(POLICY[model], users=400, catalogue="tin-men-harm", conditions=ORDER)
    assert found["override/norm"].item() == 1.0
    assert found["override/loyalty"].isnan().all()


def _seen_and_not(model, temperature, seed):
    _, run, _ = play(
        POLICY[model],
        users=240,
        seed=seed,
        catalogue="tin-men-loyalty",
        conditions=ORDER,
        told={"temperature": temperature},
    )
    override = run.state.outcome.override[0]
    reads = run.state.readers[0, :, 1]
    table = [[int((override & (reads == r)).sum()), int((~override & (reads == r)).sum())] for r in (True, False)]
    return fisher_exact(table).pvalue


@pytest.mark.parametrize("seed", range(5))
def test_fisher_company_visible_or_not(seed):
    """120 replies per side, as published (60 per condition)."""
    for temperature in ("0.2", "0.6", "pooled"):
        assert _seen_and_not("gpt-3.5", temperature, seed) < 1e-6
    assert _seen_and_not("gpt-4", "0.2", seed) == 1.0


def test_failures_of_the_form():
    n = 20_000
    _, _, found = play(
        "tin-gpt35",
        users=4 * n,
        catalogue="tin-men-loyalty",
        conditions=ORDER,
        told={"temperature": "0.2", "failures": True},
    )
    # 12 of 30 replies have no choice line where nobody reads the explanation.
    assert abs(found["protocol_failure/neither"].item() - 0.4) < 4.5 * (0.24 / n) ** 0.5
    assert abs(found["protocol_failure/both"].item() - 2 / 30) < 4.5 * (0.0623 / n) ** 0.5
    assert found["protocol_failure/principal-only"].item() == 0
    assert torch.isclose(found["invalid", "assistant", ""], found["protocol_failure"]).all()
