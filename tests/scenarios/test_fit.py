"""What only shows when world and population are built is told by validation, at the line of the key to mend."""

import re

import pytest

from populace.errors import PopulaceError, ScenarioError, UnknownName
from populace.scenarios import load
from populace.scenarios.showing import describe, sentence, write_new

TOWN = """\
world:
  id: populace/coevolution-v0
  history: {series: walk}
worlds: 2
horizon: 3
population:
  size: 10
  values: [a, b]
"""


def told(tmp_path, text, place, why):
    """The first mistake of `text` stands at `place` (line:column) and says `why`."""
    file = tmp_path / "town.yaml"
    file.write_text(text)
    with pytest.raises(ScenarioError) as caught:
        load(file)
    assert str(caught.value).startswith(f"{file}:{place}: ")
    assert re.search(why, caught.value.message)
    return caught.value


def changed(old, new):
    assert TOWN.count(old) == 1
    return TOWN.replace(old, new)


def test_the_town_itself_is_valid(tmp_path):
    (tmp_path / "town.yaml").write_text(TOWN)
    assert len(load(tmp_path / "town.yaml").cells) == 1


def test_a_series_of_other_values(tmp_path):
    """At the series where it is named, else at the population's values; never at what is not there."""
    why = r"centuries has the 5 values religion, .*the population has 2.*walk"
    told(tmp_path, changed("series: walk", "series: centuries"), "3:21", r"^world\.history\.series: " + why)
    told(tmp_path, changed("  history: {series: walk}\n", ""), "7:3", r"^population\.values: " + why)


def test_people_without_values(tmp_path):
    told(tmp_path, changed("  values: [a, b]\n", ""), "6:1", "^population.values: the people of this world need values")


def test_value_names_given_twice(tmp_path):
    told(tmp_path, changed("[a, b]", "[a, a]"), "8:12", "given twice: 'a'")


@pytest.mark.parametrize(
    ("trait", "why"),
    [
        ("assistant_rate: 7", "the trait assistant_rate is 7; .* between 0 and 1"),
        ("history_rate: {uniform: {low: -0.5, high: 0.5}}", "history_rate goes from -0.5 to 0.5"),
        ("peer_rate: {discrete: {options: [0, 2]}}", "peer_rate goes from 0 to 2"),
        ("peer_rate: {gamma: {shape: 1}}", None),
        ("assistant_rate: {normal: {mean: 0, sd: 5}}", None),
        ("assistant_rate: {beta: {a: 2, b: 4}}", None),
        ("assistant_rate: 1", None),
        ("patience: 7", None),
    ],
)
def test_rates_as_traits(tmp_path, trait, why):
    text = TOWN + f"  traits:\n    {trait}\n"
    if why is not None:
        name = trait.split(":")[0]
        column = 5 if "{" in trait else 5 + len(name) + 2
        told(tmp_path, text, f"10:{column}", rf"^population\.traits\.{name}: .*{why}")
    else:
        (tmp_path / "town.yaml").write_text(text)
        assert load(tmp_path / "town.yaml").cells


def test_a_rate_of_one_segment(tmp_path):
    parts = "  segments: {x: {share: 0.5, traits: {peer_rate: 3}}, y: {share: 0.5}}\n  traits: {peer_rate: 0.1}\n"
    told(tmp_path, TOWN + parts, "10:23", "peer_rate goes from 0.1 to 3")


@pytest.mark.parametrize("text", ["", "a,b\n", "a,b\n1\n2,3,4\n", "a,b\n1,x\n"])
def test_a_bad_table_is_told_at_its_file(tmp_path, text):
    (tmp_path / "people.csv").write_text(text)
    data = changed("  values: [a, b]\n", "  data:\n    file: people.csv\n    values: [a, b]\n")
    told(tmp_path, data, "9:11", r"^population\.data\.file: ")


@pytest.mark.parametrize("text", ["from,target\n0,1\n", "source,target\n0,99\n"])
def test_a_bad_edge_list_is_told_at_its_file(tmp_path, text):
    (tmp_path / "ties.csv").write_text(text)
    told(tmp_path, TOWN + "  network:\n    kind: file\n    file: ties.csv\n", "11:11", r"^population\.network\.file: ")


def test_too_many_users(tmp_path):
    for size in ("99999999999999999999", "1000000001"):
        told(tmp_path, changed("size: 10", f"size: {size}"), "7:9", "^population.size: expected a number of at most")


@pytest.mark.parametrize("text", ["", "a\n1\n2\n", "a,b\n1,2\n", "a,b\n1,2\n3,nan\n"])
def test_a_bad_series_is_told_at_its_key(tmp_path, text):
    (tmp_path / "course.csv").write_text(text)
    told(tmp_path, changed("series: walk", "series: course.csv"), "3:21", r"^world\.history\.series: ")


def test_a_bank_with_too_few_items(tmp_path):
    (tmp_path / "bank.csv").write_text("a,b\n1,0\n0,1\n")
    text = changed("worlds:", "  questionnaire: {loadings: bank.csv}\nworlds:")
    told(tmp_path, text, "4:29", r"^world\.questionnaire\.loadings: .*has 2 items")


def test_a_new_file_makes_no_folders(tmp_path):
    with pytest.raises(PopulaceError, match=r"there is no folder .*nowhere"):
        write_new(tmp_path / "nowhere" / "a.yaml", "value-lock-in")
    assert not (tmp_path / "nowhere").exists()
    assert write_new(tmp_path / "a.yaml", "value-lock-in").is_file()


def test_descriptions_are_whole_sentences():
    text = describe("populace/coevolution-v0")["text"]
    whole = "overrides it. (default 0.02)"
    (line,) = [line for line in text.splitlines() if line.startswith("  assistant_rate:")]
    assert line.endswith(whole)
    assert sentence("One\n    two.\n\n    More.") == "One two."
    assert sentence(None) == ""


def test_a_policys_last_name_suggests_its_whole_name():
    with pytest.raises(UnknownName, match="coevolution/mirror"):
        describe("mirror")
