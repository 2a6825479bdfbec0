"""The prompts that docs/prompts shows are those that models are asked with."""

from pathlib import Path

import pytest

from populace.registry import manifests
from populace.testing.prompts import page

PAGES = Path(__file__).parents[2] / "docs" / "prompts"


@pytest.mark.parametrize("world", manifests.shipped())
def test_a_printed_page_is_current(world):
    short = world.removeprefix("populace/").removesuffix("-v0")
    now = (PAGES / f"{short}.md").read_text(encoding="utf-8")
    assert page(world) == now, "print it again: populace prompts --out docs/prompts"


def test_every_shipped_world_has_a_page_and_no_page_is_of_nothing():
    shorts = {world.removeprefix("populace/").removesuffix("-v0") for world in manifests.shipped()}
    assert {path.stem for path in PAGES.glob("*.md")} == shorts
