"""Every scenario of these worlds runs to a report that states what it should."""

import pytest

import populace

NAMES = {
    "tin-men": (
        "Overrides by who reads the explanation",
        "published, 30 per condition",
        "Agency loss by group",
        # Nothing is compared with an arm that never overrides, and the page says why.
        "No difference from loyal can be computed, as it is undefined there. Undefined in yours, gpt35-T02, gpt35-T06, "
        "gpt35-T02-form, loyal, where no override in this condition was explained.",
    ),
    "sponsored-flights": ("Agency loss by group",),
    "shelf-of-eight": ("What moved the choices", "log price"),
    "marketplace": ("Marketplace utility", "any with amenities"),
    "lemons": (),
    "cheap-talk": ("Theory and play",),
    "contract": ("Theory and play",),
    "signalling": ("Theory and play",),
    "screening": ("Theory and play", "information rent"),
    "delegation-cap": ("Theory and play",),
}


@pytest.mark.parametrize("name", NAMES)
def test_runs_to_a_report(name, tmp_path):
    run = populace.simulate(name, tmp_path / name, sets=["worlds=2", "horizon=2" if name != "lemons" else "horizon=3"])
    page = populace.report(run.path).read_text(encoding="utf-8")
    for words in NAMES[name]:
        assert words in page


def test_the_marketplace_report_states_the_published_figures(shared_data, tmp_path):
    path = shared_data / "shopping" / "magentic_mexican_100_300.json.gz"
    run = populace.simulate("marketplace", tmp_path / "m", sets=[f"world.catalogue={path}", "worlds=3"])
    page = populace.report(run.path).read_text(encoding="utf-8")
    for figure in ("2,109.85", "1,090.41", "1,912.31", "636.16"):
        assert figure in page
