"""The example world is installed as a user would install it, and is found wherever the library's worlds are found."""

import json
import re

import pandas as pd
import pytest
import torch
from installing import EXAMPLES, ROOT, Environment

from populace.cli import app
from populace.cli.starting import KINDS
from populace.rollout import Keep, rollout
from populace.run import start
from populace.testing import check_policy, check_world

PACKAGE = EXAMPLES / "own_world"
SOURCES = [*(PACKAGE / "own_world").rglob("*.py"), *PACKAGE.rglob("*.yaml"), PACKAGE / "pyproject.toml"]


@pytest.fixture(scope="module")
def installed(tmp_path_factory):
    return Environment(tmp_path_factory.mktemp("own-world"), PACKAGE)


@pytest.fixture(scope="module")
def played(installed):
    """A run of its scenario, shortened."""
    short = ["--set", "worlds=4", "--set", "horizon=20", "--set", "population.size=30"]
    installed.run("-m", "populace", "run", "filter-bubble", "--out", "out", "-q", *short)
    return installed.folder / "out"


@pytest.fixture
def world(monkeypatch):
    monkeypatch.syspath_prepend(str(PACKAGE))
    from own_world import policies, world

    return world, policies


def test_it_is_short():
    """Lines that are not blank of everything that is installed: code, scenario and pyproject.toml."""
    lines = [line for file in SOURCES for line in file.read_text().splitlines() if line.strip()]
    assert len(lines) <= 250


def test_the_command_line_lists_and_shows_it_like_a_world_of_the_library(installed):
    found = json.loads(installed.run("-m", "populace", "list", "--json"))
    assert "own/feed-v0" in found["worlds"]
    assert found["scenarios"]["filter-bubble"] == "Three news feeds and the polarisation of their readers."
    assert {"feed/engaging", "feed/outward", "feed/central", "feed/selective"} <= set(found["policies"])
    mine, ours = (
        json.loads(installed.run("-m", "populace", "show", name, "--json"))
        for name in ("own/feed-v0", "populace/drift-v0")
    )
    assert mine.keys() == ours.keys()
    assert [role["name"] for role in mine["roles"]] == ["feed", "reader"]
    assert mine["docs"] == "README.md"


CODE = """
import json, jsonschema, gymnasium, pettingzoo
from gymnasium.utils.env_checker import check_env
from pettingzoo.test import api_test, parallel_api_test
import populace
from populace.envs import feed_v0
from populace.testing import check_world

check_world("own/feed-v0")
parallel_api_test(feed_v0.parallel_env(users=3), num_cycles=30)
api_test(feed_v0.env(users=3), num_cycles=30)
assert pettingzoo.make("parallel", "own/feed-v0", users=3).reset(seed=0)
check_env(gymnasium.make("own/feed-v0", users=3, seat=("feed", 0)).unwrapped, skip_render_check=True)
batch = gymnasium.make_vec("own/feed-v0", num_envs=2, users=3)
assert batch.reset(seed=0)[0].shape[0] == 2

from populace.scenarios import json_schema
schema = json_schema()
check = jsonschema.Draft202012Validator(schema)
scenario = {"schema": 1, "name": "x", "worlds": 1, "horizon": 1, "agents": {"feed": "outward"}}
world = {"id": "own/feed-v0", "pull": 0.2}
assert not list(check.iter_errors({**scenario, "world": world}))
assert list(check.iter_errors({**scenario, "world": {**world, "pul": 0.2}}))
"""


def test_views_checks_and_the_schema_of_scenarios_find_it(installed):
    installed.run("-c", CODE)


def test_its_report_has_its_own_section_and_says_what_its_measures_mean(played):
    page = (played / "report.html").read_text(encoding="utf-8")
    assert "Did the feed polarise its readers?" in page
    assert "Polarisation over time, one line per arm." in page
    assert "standard deviation of opinions between readers" in page
    steps = pd.read_parquet(played / "steps.parquet")
    assert {"opened", "polarisation", "extreme"} <= set(steps["measure"])


def test_populace_audit_offers_what_it_offers(installed, played):
    offered = json.loads(installed.run("-m", "populace", "audit", "--json"))["audits"]
    assert offered["own/feed-v0"] == {"polarisation": "own_world.report:polarisation"}
    rows = json.loads(installed.run("-m", "populace", "audit", "polarisation", str(played), "--json"))["audit"]
    assert {row["arm"] for row in rows} == {"central", "engaging", "outward"}


def test_its_page_names_every_measure_policy_and_option(world):
    page = (PACKAGE / "README.md").read_text(encoding="utf-8")
    from own_world.manifest import MANIFEST

    feed, _ = world
    made = feed.Feed(feed.FeedOptions(), feed.Feed.population(3, None).census)
    names = [*made.declared, *MANIFEST.policies, *feed.FeedOptions.model_fields]
    assert [name for name in names if f"`{name}`" not in page] == []


@pytest.mark.parametrize("name", ["Engaging", "Outward", "Central"])
def test_each_feed_keeps_the_contract(name, world):
    feed, policies = world
    check_policy(getattr(policies, name)(), feed.Feed, "feed")


def test_the_reader_keeps_the_contract(world):
    feed, policies = world
    check_world(feed.Feed)
    check_policy(policies.Selective(), feed.Feed, "reader")


@pytest.mark.parametrize(("name", "slant"), [("Engaging", 0.5), ("Outward", 0.5), ("Central", 0.0)])
def test_opinions_near_an_article_at_the_published_rate(name, slant, world):
    """Without noise, each opened article leaves (1 - pull) of the distance: Deffuant et al. 2000, one-sided."""
    feed, policies = world
    made = feed.Feed(feed.FeedOptions(pull=0.1, noise=0.0), feed.Feed.population(1, None).census)
    players = {"feed": getattr(policies, name)(), "reader": policies.Selective()}
    run = start(made, players, feed.Feed.population(1, None), seed=0, worlds=torch.arange(1))
    opinion = {0.5: 0.4, 0.0: 0.2}[slant]
    run = type(run)(**{**vars(run), "state": feed.State(torch.tensor([[opinion]]), torch.tensor([[2]]))})
    run = rollout(made, players, run, 5, Keep())
    assert float(run.state.opinion) == pytest.approx(slant + (opinion - slant) * 0.9**5, abs=1e-6)


def test_replies_are_read(world):
    from own_world.dialogue import FeedDialogue

    from populace.run import see

    feed, policies = world
    made = feed.Feed(feed.FeedOptions(), feed.Feed.population(2, None).census)
    players = {"feed": policies.Engaging(), "reader": policies.Selective()}
    run = start(made, players, feed.Feed.population(2, None), seed=0, worlds=torch.arange(1))
    observation = see(made, run, made.role("feed"))
    face = FeedDialogue(feed.LABELS)
    chats = face.say(observation)
    assert len(chats) == 2
    actions, kinds = face.hear(observation, chats, ["Far right.", "As an AI, I must not choose."])
    assert actions["article"].tolist() == [[4, 2]]  # 2 is the forfeit, a neutral article
    assert kinds.tolist() == [[0, 2]]
    assert face.hear(observation, chats, ["not right", "left or right"])[1].tolist() == [[1, 1]]


PAGE = (ROOT / "docs" / "writing-a-world.md").read_text(encoding="utf-8")
QUOTED = re.compile(r"```\w+\n# (own_world/\S+|pyproject\.toml)\n(.*?)```", re.DOTALL)


def test_the_files_of_the_page_typed_in_are_the_example():
    """The snippets of a file, one after another, are that file, line for line but for blank lines."""
    typed = {}
    for file, block in QUOTED.findall(PAGE):
        typed.setdefault(file, []).extend(line for line in block.splitlines() if line.strip())
    files = {str(file.relative_to(PACKAGE)): file for file in SOURCES if file.name != "__init__.py"}
    assert typed.keys() == files.keys()
    for name, file in files.items():
        assert typed[name] == [line for line in file.read_text(encoding="utf-8").splitlines() if line.strip()], name


def test_the_other_snippets_of_the_page_run_in_order(installed):
    blocks = re.findall(r"```python\n(.*?)```", QUOTED.sub("", PAGE), re.DOTALL)
    assert len(blocks) == 3
    installed.run("-c", "\n".join(blocks))


def test_the_links_and_commands_of_the_page_exist():
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", PAGE):
        assert (ROOT / "docs" / target).exists(), target
    commands = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert set(re.findall(r"^    populace (\w+)", PAGE, re.MULTILINE)) <= commands
    assert set(re.findall(r"--(\w+) (?:my-|acme)", PAGE)) == set(KINDS)
