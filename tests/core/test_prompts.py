"""The prompts that docs/prompts shows are those that models are asked with."""

from pathlib import Path

import pytest
from pseudo import table

from populace.errors import PopulaceError
from populace.registry import manifests
from populace.testing.prompts import names, page

PAGES = Path(__file__).parents[2] / "docs" / "prompts"


@pytest.mark.parametrize("world", manifests.shipped())
def test_a_printed_page_is_current(world):
    short = world.removeprefix("populace/").removesuffix("-v0")
    now = (PAGES / f"{short}.md").read_text(encoding="utf-8")
    assert page(world) == now, "print it again: populace prompts --out docs/prompts"


def test_every_shipped_world_has_a_page_and_no_page_is_of_nothing():
    shorts = {world.removeprefix("populace/").removesuffix("-v0") for world in manifests.shipped()}
    assert {path.stem for path in PAGES.glob("*.md")} == shorts


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
