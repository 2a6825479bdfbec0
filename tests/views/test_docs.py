import re
from pathlib import Path

import numpy as np


def test_examples_of_the_page_run():
    page = Path(__file__).resolve().parents[2] / "docs" / "views.md"
    code = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert len(code) == 5
    names: dict[str, object] = {}
    for block in code:
        exec(block, names)
    assert np.shape(names["last"])  # an episode ended
