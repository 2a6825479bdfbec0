"""Another language is data: prompts, replies and what scripts say in a pseudo-language, in all worlds with a table."""

from dataclasses import replace
from importlib.resources import files

import pytest
import torch
from pseudo import english, matter, table

from populace import registry
from populace.agents.users import PopulationSpec, SpecPopulation
from populace.builder import build
from populace.envs.culture.free import VARIANTS
from populace.run import advance, see, start
from populace.testing.prompts import SETTINGS
from populace.wordings import Wordings

TALKS = {
    "payoff": ("questions", "questions.csv", ("ambiguous", "harmful", "domain")),
    "agency": ("", "", ()),
    "coevolution": ("statements", "statements.csv", ()),
    "lockin": ("quantities", "quantities.csv", ()),
    "matrix": ("", "", ()),
    "drift": ("claims", "claims.csv", ("topic", "truth")),
    "culture": ("", "questions.csv", ()),
}
"""World -> its matter, the file that holds it, and its columns that are codes."""
NAMED = {"matrix": {"labels": ["k", "m"]}}
"""World -> options that name what a table cannot: acts of a game."""
IDS = ("neighbours", "work", *VARIANTS)
"""What a scenario or a file calls its layers and cultures."""
SETS = [
    (world, k)
    for world in TALKS
    for k, setting in enumerate(SETTINGS[f"populace/{world}-v0"])
    if setting.population is None or world == "culture"  # names of groups are the scenario's
]


def built(world: str, k: int, folder, language: str):
    setting = SETTINGS[f"populace/{world}-v0"][k]
    options = {**setting.options, **NAMED.get(world, {}), "language": language}
    named, file, codes = TALKS[world]
    path, package = folder / file, f"populace.envs.{world}.matter"
    if file:
        english_too = files(package).joinpath(file).read_text(encoding="utf-8")
        path.write_text(matter(package, file, codes) if language != "en" else english_too, encoding="utf-8")
    if world == "culture":  # the questions of its survey are what it talks about
        options["survey"] = {"source": "questions", "questions": 6, **({} if language == "en" else {"file": str(path)})}
    elif options.get("matter") == named:
        options["matter"] = str(path)
        if options.get("questionnaire", {}).get("loadings") == named:
            options["questionnaire"] = {**options["questionnaire"], "loadings": str(path)}
    return build(f"populace/{world}-v0", options=options, users=4)


def played(made, ticks: int = 2):
    """For each phase and role: what is told, what scripts write, and what is read of it."""
    stage, policies = made.world, made.policies
    run = start(stage, policies, made.population, seed=3, worlds=2)
    for _ in range(ticks * len(stage.phases)):
        phase, memory, given = stage.phases[run.phase], dict(run.memory), {}
        for role in stage.acting[phase]:
            policy, draw = policies[role.name], run.draw().scope(f"act/{role.name}")
            acts, memory[role.name] = policy.act(see(stage, run, role, policy.privileged), memory[role.name], draw)
            if policy.speaks or not role.only_speaks(phase):
                given[role.name] = acts
            observation = see(stage, run, role)
            dialogue = observation.dialogue()
            chats = dialogue.say(observation)
            written = dialogue.write(observation, chats, acts)
            yield role.name, phase, chats, written, dialogue.hear(observation, chats, written)
        run, step = advance(stage, policies, replace(run, memory=memory), given)
        for said in step.said.values():
            yield "said", phase, [], _texts(run, stage, said), None


def _texts(run, stage, said):
    from populace.words import Reader

    read = Reader(run.words, stage.lexicon).read
    return [read(found) for found in said.text.unique().tolist()]


@pytest.mark.parametrize(("world", "k"), SETS)
def test_nothing_that_is_said_or_told_is_english_by_nature(world, k, tmp_path):
    (tmp_path / "xx.yaml").write_text(table(f"populace.envs.{world}"), encoding="utf-8")
    for who, phase, chats, written, _ in played(built(world, k, tmp_path, str(tmp_path / "xx.yaml"))):
        for text in [text for chat in chats for _, text in chat.messages] + written:
            for name in IDS:
                text = text.replace(name, "")
            assert not english(text), (who, phase, english(text), text)


@pytest.mark.parametrize(("world", "k"), SETS)
def test_replies_in_another_language_are_read_as_in_english(world, k, tmp_path):
    (tmp_path / "xx.yaml").write_text(table(f"populace.envs.{world}"), encoding="utf-8")
    (tmp_path / "en").mkdir()
    theirs = played(built(world, k, tmp_path, str(tmp_path / "xx.yaml")))
    for own, other in zip(played(built(world, k, tmp_path / "en", "en")), theirs, strict=True):
        if own[4] is None:
            continue
        assert len(own[2]) == len(other[2])
        (acts, kinds), (others, theirs_kinds) = own[4], other[4]
        assert torch.equal(kinds, theirs_kinds), own[:2]
        for name in acts:
            assert torch.equal(acts[name], others[name]), (own[:2], name)


@pytest.mark.parametrize(("world", "k"), [*SETS, ("shopping", 0)])
def test_every_prompt_is_given_all_that_its_template_may_use(world, k, monkeypatch):
    """So that a template that `validate` lets pass does not fail in the run."""
    render, seen = Wordings.render, set()

    def checked(self, name, contexts):
        seen.add(name)
        for given in contexts:
            assert self.knows(name) <= set(given), (name, self.knows(name) - set(given))
        return render(self, name, contexts)

    monkeypatch.setattr(Wordings, "render", checked)
    setting = SETTINGS[f"populace/{world}-v0"][k]
    people = setting.population and SpecPopulation(PopulationSpec.model_validate({"size": 4, **setting.population}))
    for _ in played(build(f"populace/{world}-v0", options=setting.options, users=4, population=people)):
        pass
    assert len(seen) >= 2


def test_every_table_says_what_a_seat_is_told_whose_reply_was_not_read():
    for world in registry.manifests.shipped():
        face = build(world, users=4).world.dialogue()
        if isinstance(getattr(face, "wordings", None), Wordings):
            assert face.wordings.one("again")
