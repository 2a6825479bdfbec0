"""What all tests share: the folders' own helper modules, and where real data lie."""

import os
import sys
import tempfile
from pathlib import Path

# Tests run side by side: one thread each, or they would wait for one another (subprocesses inherit it).
os.environ.setdefault("OMP_NUM_THREADS", "1")
# What tests grant is remembered nowhere.
os.environ["POPULACE_CONFIG_HOME"] = tempfile.mkdtemp(prefix="populace-config-")

import pytest

HERE = Path(__file__).resolve().parent
for folder in sorted(path for path in HERE.iterdir() if path.is_dir()):
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


@pytest.fixture(scope="session")
def shared_data() -> Path:
    """The folder of real data beside the checkout; tests that need it skip where it is not."""
    path = HERE.parent.parent / "shared" / "data"
    if not path.is_dir():
        pytest.skip(f"the shared data are not beside this checkout ({path})")
    return path


LONGEST = {f"test_{name}.py" for name in ("server", "stopping", "outages", "pocket", "page", "own_policies")}
"""Files that take longest: they are given out first, so that two processes end at about the same time."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.name not in LONGEST)  # stable: all else stays in its order
