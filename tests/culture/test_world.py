"""The culture world as a whole: its contract, its strategies' entropies, exposure, and mistakes."""

import pytest
import torch
from culture_stage import play, stage

from populace import registry
from populace.agents.users import PopulationSpec, SpecPopulation
from populace.envs.culture import Culture
from populace.errors import UnknownName
from populace.run import start
from populace.scenarios import build, load
from populace.testing import check_policy, check_world

ALL = ["agents", "people", "layers", "budget", "rsa", "regions", "audit"]


def test_contract():
    check_world(Culture)


@pytest.mark.parametrize("rule", ["axelrod", "centola", "bounded"])
def test_contract_with_everything(rule):
    layers = [{"name": "a", "kind": "grid"}, {"name": "b", "kind": "random", "degree": 2}]
    more = {"rounds": 1, "order": "shuffled", "susceptibility": 0.3, "coupling": 0.2, "measures": ALL}
    check_world(Culture, {"rule": rule, "layers": layers, **more}, ticks=3)


@pytest.mark.parametrize(
    ("name", "role"),
    [
        ("mixer", "person"),
        ("persona", "agent"),
        ("uniplex", "synthesiser"),
        ("contextual", "synthesiser"),
        ("multiplex", "synthesiser"),
        ("lister", "synthesiser"),
    ],
)
def test_policies(name, role):
    policy = registry.policies.get(name, within="culture")()
    check_policy(policy, Culture, role, options={"rounds": 1, "order": "shuffled"})


def test_strategies_have_the_reported_entropies():
    found = {}
    for name in ("uniplex", "contextual", "multiplex"):
        _, keep = play(30, 16, people=20, agents={"synthesiser": name}, measures=[])
        found[name] = keep.series["entropy_pooled"][-1].mean().item()
    # 16 worlds of 30 x 4 x 12 references: a standard error of the share of .0013 and of the entropy of .003.
    assert found["uniplex"] == pytest.approx(0.13, abs=0.01)
    assert found["multiplex"] == pytest.approx(0.94, abs=0.01)
    assert 0.2 < found["contextual"] < 0.85


def test_one_stereotype_a_culture_aligns_and_has_no_variance():
    _, keep = play(40, 8, people=50, agents={"agent": "persona"}, asked=20)
    last = {name: series[-1] for name, series in keep.series.items()}
    assert last["alignment"].allclose(torch.tensor(100.0))
    assert (last["agent_variance"] == 0).all()
    assert last["agent_pairwise"].allclose(last["human_pairwise"])
    assert last["agent_spanning_tree"].allclose(last["human_spanning_tree"])


def test_agents_who_answer_as_people_do_vary_as_people_do():
    _, keep = play(60, 8, people=50, agents={"agent": ("persona", {"readout": "sample"})}, asked=20)
    assert keep.series["agent_variance"][-1].mean().item() == pytest.approx(1, abs=0.02)
    assert keep.series["alignment_shares"][-1].min() > 0.85


def test_listing_every_culture_maximises_entropy_without_knowing_any():
    agents = {"synthesiser": "lister", "agent": ("persona", {"fidelity": 0.0})}
    _, keep = play(10, people=50, agents=agents, asked=20)
    assert keep.series["entropy_pooled"][-1].allclose(torch.tensor(1.0))
    assert (keep.series["agent_pairwise"][-1] == 0).all()
    assert (keep.series["alignment"][-1] < 90).all()


def test_nobody_moves_who_neither_meets_nor_hears():
    world, policies, population = stage(rule="none", coupling=0.0)
    run = start(world, policies, population, seed=0, worlds=2)
    after, keep = play(5, 2, rule="none", coupling=0.0)
    assert after.state.traits.equal(run.state.traits)
    assert keep.series["people_variance"][-1].allclose(torch.ones(2))


def test_a_uniplex_assistant_takes_diversity_from_those_who_listen():
    found = {}
    for name in ("uniplex", "multiplex"):
        _, keep = play(60, 8, rule="none", susceptibility=0.2, asked=20, people=100, agents={"synthesiser": name})
        found[name] = keep.series["people_variance"][-1]
    assert (found["uniplex"] < 0.25).all()
    assert (found["multiplex"] > 0.5).all()


def test_susceptibility_may_be_a_trait():
    spec = PopulationSpec.model_validate({"size": 40, "traits": {"susceptibility": {"constant": 0.0}}})
    deaf = SpecPopulation(spec)
    run, _ = play(5, 2, population=deaf, rule="none", susceptibility=0.9, asked=20)
    first = start(*stage(population=deaf, rule="none"), seed=0, worlds=2)
    assert run.state.traits.equal(first.state.traits)


def test_segments_are_cultures():
    survey = {"cultures": ["north", "south"]}
    half = {"share": 0.5}
    both = SpecPopulation(PopulationSpec.model_validate({"size": 30, "segments": {"south": half, "north": half}}))
    run, _ = play(1, 2, population=both, survey=survey)
    assert run.state.culture.equal(1 - run.people.segment)  # segments and cultures stand in other orders
    wrong = SpecPopulation(PopulationSpec.model_validate({"size": 30, "segments": {"nord": half, "south": half}}))
    with pytest.raises(UnknownName, match="culture without marginals in the survey: 'nord'; did you mean 'north'"):
        play(1, 2, population=wrong, survey=survey)


def test_exposure_lasts_the_rounds_it_is_given():
    options = {"asked": 20, "rounds": 3, "rule": "none", "people": 10}
    seen = {}
    for name, more in (("firm", {}), ("once", {"exposure": 0.3}), ("open", {"exposure": 0.3, "exposed_rounds": 3})):
        _, keep = play(4, 16, every=1, agents={"agent": ("persona", more)}, **options)
        seen[name] = [x.mean().item() for x in keep.series["agent_pairwise"][1:]]
    assert seen["firm"] == pytest.approx([seen["firm"][0]] * 4)
    assert seen["once"][1] < seen["once"][0]
    assert seen["once"][1:] == pytest.approx([seen["once"][1]] * 3)
    assert seen["open"][0] > seen["open"][1] > seen["open"][2] > seen["open"][3]


def test_the_order_of_options_does_not_matter_to_who_reads_them():
    fixed, shuffled = (play(10, 4, order=order, asked=20)[0].state for order in ("fixed", "shuffled"))
    assert fixed.sheet.equal(shuffled.sheet)
    biased = {"agent": ("persona", {"readout": "first"})}
    state = play(10, 4, order="shuffled", asked=20, agents=biased)[0].state
    # The first or, in descending order, the last, each about half the time.
    share = state.tally.sum((0, 1, 2)) / state.tally.sum()
    assert share[1:4].eq(0).all()
    assert 0.2 < share[0] < 0.8


def test_uncoupled_layers_do_not_hear_what_is_said_on_another():
    layers = [{"name": "family", "kind": "ring", "degree": 4}, {"name": "media", "kind": "random", "degree": 6}]
    found = {}
    for coupling in (0.0, 0.3):
        for susceptibility in (0.0, 0.9):
            more = {"layers": layers, "coupling": coupling, "susceptibility": susceptibility, "asked": 20}
            found[coupling, susceptibility] = play(5, 2, people=40, **more)[0].state.traits
    apart = found[0.0, 0.0] != found[0.0, 0.9]
    assert not apart[:, :, 0].any()
    assert apart[:, :, 1].any()
    assert (found[0.3, 0.0] != found[0.3, 0.9])[:, :, 0].any()


def test_released_exposure_loses_a_point_of_diversity_in_the_first_round():
    """The mean change over 14 released systems is -0.98 after the first round, and nothing later."""
    from populace.rollout import Keep, rollout

    cell = next(c for c in load("exposure-rounds", ["worlds=32"]).cells if c.arm == "released")
    built, keep = build(cell), Keep()
    run = start(built.world, built.policies, built.population, seed=3, worlds=32)
    rollout(built.world, built.policies, run, 6, keep)
    course = [x.mean().item() for x in keep.series["agent_pairwise"][1:]]
    assert course[1] - course[0] == pytest.approx(-0.98, abs=0.4)
    assert course[2:] == pytest.approx([course[1]] * 4)


@pytest.mark.parametrize("name", ["worldview", "exposure-rounds", "axelrod", "two-layer-media"])
def test_presets_are_valid(name):
    for cell in load(name, []).cells:
        build(cell).world.roles()


def test_the_preset_worldview_has_the_reported_entropies():
    from populace.rollout import Keep, rollout

    cells = {cell.arm: build(cell) for cell in load("worldview", ["worlds=8", "population.size=14"]).cells}
    found = {}
    for arm in ("uniplex", "contextual", "multi-agent"):
        built, keep = cells[arm], Keep(20)
        run = start(built.world, built.policies, built.population, seed=1, worlds=8)
        rollout(built.world, built.policies, run, 20, keep)
        found[arm] = keep.series["entropy_pooled"][-1].mean().item()
    assert found["uniplex"] == pytest.approx(0.13, abs=0.01)
    assert found["multi-agent"] == pytest.approx(0.94, abs=0.01)
    assert found["uniplex"] + 0.2 < found["contextual"] < found["multi-agent"] - 0.2


def test_the_pages_example_is_valid_and_its_measures_are_recorded():
    import re
    from pathlib import Path

    from ruamel.yaml import YAML

    page = (Path(__file__).resolve().parents[2] / "docs" / "worlds" / "culture.md").read_text(encoding="utf-8")
    block = re.search(r"```yaml\n(.*?)```", page, flags=re.S)[1]
    options = YAML(typ="safe").load(block)["world"]
    assert options.pop("id") == Culture.id
    Culture.Options.model_validate(options)
    run, keep = play(1, 2, people=20, measures=ALL)
    named = set(re.findall(r"`([a-z_]+)(?:/<\w+>)?`", page.split("## Measures")[1].split("## Audit")[0]))
    recorded = {name.split("/")[0] for name in keep.series if isinstance(name, str)} - {"audit"}
    assert recorded <= named
