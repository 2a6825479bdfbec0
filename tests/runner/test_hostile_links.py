"""A stranger's run folder that holds links: resuming it writes, empties and deletes nothing outside of it."""

import os

import pytest

from populace.errors import RunError
from populace.scenarios import load, runner
from populace.scenarios.runner import unit

SCENARIO = {
    "schema": 1,
    "name": "linked",
    "world": {"id": "populace/payoff-v0"},
    "worlds": 2,
    "horizon": 4,
    "population": {"size": 3},
}
FILES = (".reserve", "run.json.part", "parts/steps-0000_00000.parquet.part", "spent.jsonl", "failed/0000_00000.txt")


@pytest.fixture
def cut(tmp_path, monkeypatch):
    """A run that was interrupted."""
    looks = iter(range(2))
    monkeypatch.setattr(unit, "LOOK_SECONDS", 0.0)
    stop = runner.Progress(stop=lambda: next(looks, None) is None)
    return runner.run(load(SCENARIO), tmp_path / "run", progress=stop)


@pytest.mark.parametrize("name", FILES)
def test_no_file_is_written_through_a_link(cut, tmp_path, name):
    mine = tmp_path / "mine.txt"
    mine.write_text("mine")
    (cut / name).parent.mkdir(exist_ok=True)
    (cut / name).unlink(missing_ok=True)
    (cut / name).symlink_to(mine)
    with pytest.raises(RunError, match=r"is a link"):
        runner.resume(cut)
    assert mine.read_text() == "mine"


@pytest.mark.parametrize("name", ["parts", "state", "done", "tapes", "failed"])
def test_no_folder_is_written_through_a_link(cut, tmp_path, name):
    mine = tmp_path / "mine"
    if (cut / name).exists():
        (cut / name).rename(mine)
    else:
        mine.mkdir()
    (mine / "steps-0000_00000-other.parquet").write_text("mine")
    before = sorted(path.name for path in mine.iterdir())
    (cut / name).symlink_to(mine)
    with pytest.raises(RunError, match=r"is a link"):
        runner.resume(cut)
    assert sorted(path.name for path in mine.iterdir()) == before


def test_a_pipe_in_the_folder_does_not_block(cut):
    os.mkfifo(cut / ".reserve")
    with pytest.raises(RunError, match="is a named pipe"):
        runner.resume(cut)
