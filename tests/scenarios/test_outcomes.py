"""`outcomes` and arms' `about` in scenario files: checked against what is measured, kept in run.json."""

import json

import pytest

import populace
from populace.errors import ScenarioError
from populace.measures import find
from populace.outcomes import Outcome
from populace.registry import manifests, worlds
from populace.scenarios import library, load
from populace.scenarios.jsonschema import json_schema

BASE = """\
schema: 1
name: asked
about: Is it so?
outcomes: {outcomes}
world:
  id: populace/coevolution-v0
worlds: 2
horizon: 2
population: {{size: 4, values: [a, b, c, d, e]}}
arms:
  echo: {{about: "Says it again.", agents.assistant: mirror}}
  learner: {{agents.assistant: lifelong}}
"""


def written(tmp_path, outcomes):
    path = tmp_path / "asked.yaml"
    path.write_text(BASE.format(outcomes=outcomes))
    return path


@pytest.mark.parametrize("name", library())
def test_every_library_scenario_says_what_it_asks_and_what_its_arms_are(name):
    scenario = load(name)
    assert scenario.resolved.get("outcomes") or scenario.file is None
    assert scenario.outcomes
    arms = {cell.base_arm for cell in scenario.cells}
    assert arms == {"main"} or set(scenario.about_arms) == arms


def test_a_bare_name_is_an_outcome(tmp_path):
    scenario = load(written(tmp_path, "[diversity, {measure: drift, contrast: start, smallest: 0.1}]"))
    assert scenario.outcomes == (
        Outcome(measure="diversity"),
        Outcome(measure="drift", contrast="start", smallest=0.1),
    )


@pytest.mark.parametrize(
    ("outcomes", "line", "words"),
    [
        ("[divresity]", 4, "outcomes.0: unknown measure 'divresity'; did you mean 'diversity'?"),
        ("[drift, {measure: drift, contrast: ecko}]", 4, "outcomes.1: unknown arm 'ecko'; did you mean 'echo'?"),
        ("[{measure: reward, role: asistant}]", 4, "unknown role 'asistant'; did you mean 'assistant'?"),
        ("[{measure: rewrad, role: assistant}]", 4, "unknown measure of assistant 'rewrad'; did you mean 'reward'?"),
        ("[reward]", 4, "'reward' is a measure of seats: add role: "),
        ("[drift, drift]", 4, "outcomes.1: the measure 'drift' is named twice with the same contrast"),
        ("[{measure: drift, player: a}]", 4, "a player belongs to a role: name the role too"),
        ("[{measure: drift, smallest: -1}]", 4, "outcomes.0.smallest: expected a number of at least 0"),
        ("[{measure: drift, smalest: 1}]", 4, "unknown key 'smalest' in outcomes.0; did you mean 'smallest'?"),
    ],
)
def test_mistakes_in_outcomes_are_told_with_their_line(tmp_path, outcomes, line, words):
    with pytest.raises(ScenarioError) as caught:
        load(written(tmp_path, outcomes))
    assert words in str(caught.value)
    assert caught.value.line == line


def test_what_an_arm_is_must_be_text(tmp_path):
    path = tmp_path / "asked.yaml"
    path.write_text(BASE.format(outcomes="[drift]").replace('"Says it again."', "3"))
    with pytest.raises(ScenarioError, match=r"arms\.echo\.about: expected text"):
        load(path)
    path.write_text(BASE.format(outcomes="[drift]").replace('about: "Says', 'abuot: "Says'))
    with pytest.raises(ScenarioError, match=r"unknown key .abuot. in arms\.echo; did you mean .about."):
        load(path)


def test_a_learners_measures_may_be_asked_for():
    scenario = load({"extends": "therapy", "outcomes": [{"measure": "loss", "role": "assistant"}]})
    assert [one.key for one in scenario.outcomes] == ["loss/assistant"]


def test_a_scenario_without_outcomes_asks_what_its_world_does(tmp_path):
    scenario = load(written(tmp_path, "[]"))
    assert [one.measure for one in scenario.outcomes] == ["history_error", "diversity", "assistant_error"]


@pytest.mark.parametrize("manifest", [m for m in manifests if m.id.startswith("populace/")], ids=lambda m: m.id)
def test_worlds_name_only_what_they_measure(manifest):
    made = populace.builder.build(worlds.get(manifest.id), users=6)
    assert manifest.outcomes
    assert all(find(made.world.declared, one.measure) for one in manifest.outcomes)


def test_run_json_keeps_what_was_asked_and_what_arms_are(tmp_path):
    run = populace.simulate(written(tmp_path, "[{measure: drift, smallest: 0.1}]"), out=tmp_path / "run")
    info = json.loads((run.path / "run.json").read_text())
    assert info["outcomes"] == [Outcome(measure="drift", smallest=0.1).model_dump()]
    assert [arm["about"] for arm in info["arms"].values()] == ["Says it again.", ""]
    again = load(run.path / "scenario.yaml")
    assert again.outcomes == (Outcome(measure="drift", smallest=0.1),)
    assert again.about_arms == {"echo": "Says it again."}


def test_the_schema_knows_outcomes_and_abouts():
    schema = json_schema(shipped=True)
    assert {"type": "string"} in schema["$defs"]["Outcome"]["anyOf"]
    assert schema["properties"]["outcomes"]["items"] == {"$ref": "#/$defs/Outcome"}
    arm = schema["properties"]["arms"]["additionalProperties"]["anyOf"][0]
    assert arm["properties"]["about"]["type"] == "string"
