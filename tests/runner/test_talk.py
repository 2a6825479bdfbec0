"""What was said, in the run folder: the same rows however the run was cut up, readable, and of tracked worlds only."""

import sys
from pathlib import Path

import pytest

import populace
from populace.errors import RunError
from populace.scenarios import runner

sys.path.insert(0, str(Path(__file__).parents[1] / "core"))


def _scenario(**changes):
    scenario = {
        "schema": 1,
        "name": "chat",
        "world": {"id": "test_words:Chat", "words": True},
        "worlds": 3,
        "horizon": 4,
        "population": {"size": 3},
        "agents": {"user": "test_words:Speaks", "assistant": "test_words:Listens"},
        "record": {"worlds": 2},
    }
    return {**scenario, **changes}


def test_talk_is_recorded_of_tracked_worlds(tmp_path):
    run = populace.simulate(_scenario(), out=tmp_path / "a")
    talk = run.talk
    assert set(talk["world"]) == {0, 1}
    assert len(talk) == 2 * 4 * 3
    assert set(talk["text"]) <= {"My mood is glad.", "My mood is sad."}
    assert talk["code"].str.fullmatch("mood=(glad|sad)").all()
    assert (talk["text"].str.contains("glad") == talk["code"].str.contains("glad")).all()
    own = run.conversation("main", 1, 2)
    assert own["step"].tolist() == [1, 2, 3, 4]
    with pytest.raises(RunError, match=r"record\.worlds"):
        run.conversation("main", 2, 0)
    assert populace.simulate(_scenario(record={"talk": "none"}), out=tmp_path / "d").talk.empty


def test_rows_do_not_show_batches_and_phrases_are_read(tmp_path):
    scenario = _scenario(record={"talk": "all"}, agents={"user": "test_words:Keeps", "assistant": "test_words:Coin"})
    whole = populace.simulate(scenario, out=tmp_path / "a")
    runner.run(populace.load(scenario), tmp_path / "b", batch=1)
    assert (tmp_path / "a" / "talk.parquet").read_bytes() == (tmp_path / "b" / "talk.parquet").read_bytes()
    assert set(whole.talk["text"]) == {"I am glad.", "What a day!", "I am sad.", "Oh dear."}
    assert set(whole.talk["world"]) == {0, 1, 2}
