"""What docs/scaling.md shows is run."""

import re
from pathlib import Path

import pytest

pytestmark = pytest.mark.executors
PAGE = Path(__file__).parents[2] / "docs" / "scaling.md"


def test_the_recipe_that_chooses_its_next_point_runs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("optuna", reason="optuna is not installed (extra executors)")
    blocks = re.findall(r"```python\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    recipe = next(block for block in blocks if "import optuna" in block)
    small = recipe.replace("n_trials=20", "n_trials=2").replace(
        '"worlds=8"', '"worlds=2", "horizon=3", "record.users=0"'
    )
    assert small.count("n_trials=2)") == 1
    assert small.count('"horizon=3"') == 1
    monkeypatch.chdir(tmp_path)
    exec(compile(small, str(PAGE), "exec"), {"__name__": "recipe"})
    assert "turnover" in capsys.readouterr().out
    assert sorted(path.name for path in (tmp_path / "runs").iterdir()) == ["turnover-0", "turnover-1"]


def test_the_query_of_the_page_names_columns_that_are_there(tmp_path):
    from populace.analysis.stored import COLUMNS

    [query] = re.findall(r"```sql\n(.*?)```", PAGE.read_text(), flags=re.DOTALL)
    words = set(re.findall(r"[a-z_]+", re.sub(r"'[^']*'", "", query)))
    assert words - {"avg"} <= set(COLUMNS["steps"])
