"""The prompts that docs/prompts shows are those that models are asked with, and each is one that a person can read."""

import re
from functools import cache
from pathlib import Path

import pytest
from pseudo import table

from populace.arithmetic import using
from populace.errors import PopulaceError
from populace.registry import manifests
from populace.testing.prompts import SETTINGS, _built, names, page, prompts
from populace.wordings import Worded

PAGES = Path(__file__).parents[2] / "docs" / "prompts"
LONGEST = 2000
"""Characters of a line of a prompt at most; about a third of a printed page."""
FAULTS = {
    "a number that is none": r"\b(inf|nan|NaN|Infinity)\b",
    "needless zeros": r"\d\.\d*00\b",
    "third person for the seat": r"\b[Tt]he (principal|agent)\b|\bIts own\b|^(- )?Its? \b(?!need)",
    "an unresolved template": r"\{\{|\{%|%\}|\{[a-z_]+\}",
    "two spaces": r"(?<=\S) {2,}(?=\S)",
    "two marks": r"[?!;:,]\.|(?<!\.)\.\.(?!\.)| [.,;:](?!\w)",
    "an empty bracket": r"\(\s*\)|\[\s*\]",
}
"""What no prompt may hold: name -> regular expression, line by line."""
SPEAKING = {
    # Labels that are names of their own: given by a scenario, or plain words.
    ("matrix", "act"), ("shopping", "provider"), ("culture", "layer"), ("coevolution", "answers"),
    ("culture", "answers"), ("culture", "question"),
}  # fmt: skip


def short(world):
    return world.removeprefix("populace/").removesuffix("-v0")


@cache
def shown(world):
    """Every prompt of a world: (setting, prompt, whether the world's own words come from a table)."""
    return [
        (setting.title, one, isinstance(_built(world, setting).world.dialogue(), Worded))
        for setting in SETTINGS[world]
        for one in prompts(world, setting)
    ]


@pytest.mark.parametrize("world", manifests.shipped())
def test_a_printed_page_is_current(world):
    now = (PAGES / f"{short(world)}.md").read_text(encoding="utf-8")
    with using("kernels"):  # whose bits are the same on all processors
        found = page(world)
    assert found == now, "print it again: populace prompts --out docs/prompts"


def test_every_shipped_world_has_a_page_and_no_page_is_of_nothing():
    shorts = {short(world) for world in manifests.shipped()}
    assert {path.stem for path in PAGES.glob("*.md")} == shorts


@pytest.mark.parametrize("world", manifests.shipped())
def test_every_prompt_can_be_read_by_a_person(world):
    """Of all roles, phases and faces; the world's own words where they come from a table."""
    for title, one, worded in shown(world):
        if one.face != "fields" and not worded:
            continue
        where = f"{title}: {one.role} in {one.phase}, {one.face}"
        told = [text for who, text in one.chat.messages if who != "assistant"]
        assert re.search(r"\b[Yy]ou\b", told[0]), f"{where}: nobody is addressed in {told[0]!r}"
        for line in "\n".join(told).split("\n"):
            assert len(line) <= LONGEST, f"{where}: a line of {len(line)} characters"
            for fault, pattern in FAULTS.items():
                assert not re.search(pattern, line), f"{where}: {fault} in {line!r}"


@pytest.mark.parametrize("world", manifests.shipped())
def test_every_choice_is_explained_and_every_range_is_said_in_words(world):
    for setting in SETTINGS[world]:
        stage = _built(world, setting).world
        for role in stage.cast.values():
            assert role.about.startswith("You "), role.about
            for f in role.does:
                where = f"{role.name}'s {f.name}"
                if f.kind == "choice" or f.names:
                    assert f.meanings or (short(world), f.name) in SPEAKING, f"{where}: labels without a meaning"
                if f.kind == "real" and abs(f.low) < 1e9 and abs(f.high) < 1e9:
                    assert f.ends is not None, f"{where}: nothing says what {f.low:g} and {f.high:g} are"
            for f in (*role.sees, *role.does):
                assert not re.match(r"(Its?|The (principal|agent))\b", f.about), f"{role.name}'s {f.name}: {f.about}"
                if f.kind == "choice" and f in role.sees and not f.private:
                    assert f.meanings, f"{role.name} sees {f.name}: labels without a meaning"


def test_the_faults_are_found_where_they_are():
    """Lines as they once stood in prompts, each with its fault."""
    lines = {
        "a number that is none": "must: [-inf, 0]",
        "needless zeros": "budget: 50000.00",
        "third person for the seat": "Its own weights. weights: [0.5]",
        "an unresolved template": "You are {name}.",
        "two spaces": "There  are two.",
        "two marks": "What do you offer?. Say it.",
        "an empty bracket": "What you see: []",
    }
    assert set(lines) == set(FAULTS)
    for fault, line in lines.items():
        assert [name for name, pattern in FAULTS.items() if re.search(pattern, line)] == [fault]


def test_a_page_in_another_language_says_what_there_is_nothing_to_talk_about_in(tmp_path):
    path = tmp_path / "xx.yaml"
    path.write_text(table("populace.envs.drift"), encoding="utf-8")
    shown = page("populace/drift-v0", str(path))
    assert "Gívé évéry cónvérsátíón á príóríty" in shown
    assert "This is not shown: matter: 'claims' does not come in the language 'xx'" in shown
    with pytest.raises(PopulaceError, match="'zz' is neither a language"):
        page("populace/drift-v0", "zz")


def test_names_of_prompts_are_listed_with_what_a_template_may_use():
    lines = names("populace/drift-v0").splitlines()
    assert lines[0].startswith("# populace.envs.drift, language en, version 1, sha256 ")
    assert "user.put.user: claim, hope, name, talk" in lines
