import re
from pathlib import Path

import pandas as pd
import pytest
from ruamel.yaml import YAML

from populace.agents.users import PopulationSpec, SpecPopulation, sample

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "populations.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```yaml\n(.*?)```", PAGE, flags=re.DOTALL)
KINDS = [
    kind
    for row in re.findall(r"^\| \w+ \| .*$", PAGE, flags=re.MULTILINE)
    for kind in re.findall(r"`(\{\w+: .*?\})`", row)
]


def parsed(text):
    return YAML(typ="safe").load(text)


@pytest.fixture
def folder(tmp_path):
    table = {"O": [1.0, 2, 3], "A": [3.0, 2, 2], "age": [20, 30, 40], "sex": list("fmf"), "country": list("xxy")}
    for name in ("survey.csv", "people.csv"):
        pd.DataFrame(table | {"w": [1, 2, 1]}).to_csv(tmp_path / name, index=False)
    return tmp_path


@pytest.mark.parametrize("text", BLOCKS)
def test_every_example_of_the_page_is_a_population(text, folder):
    example = parsed(text)
    spec = PopulationSpec.model_validate(example.get("population", example), context={"folder": folder})
    census = SpecPopulation(spec.model_copy(update={"size": 20})).census
    assert census.values or census.traits


@pytest.mark.parametrize("text", KINDS)
def test_every_distribution_of_the_page_can_be_sampled(text, folder):
    spec = PopulationSpec.model_validate({"size": 20, "traits": {"x": parsed(text)}}, context={"folder": folder})
    assert sample(spec).trait("x").shape == (1, 20)


def test_the_page_has_its_examples():
    assert len(BLOCKS) == 5
    assert {next(iter(parsed(kind))) for kind in KINDS} >= {"uniform", "normal", "beta", "categorical", "empirical"}


@pytest.mark.parametrize("text", re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL))
def test_every_snippet_of_the_page_runs_alone(text):
    names = {}
    exec(text, names)
    if "choice" in names:
        assert names["choice"].shape == (8, 50, 30)
        assert names["answers"].shape == (8, 50, 2)
        assert set(names["answers"].unique().tolist()) <= {1, 2, 3, 4}
