"""A model that is named by its id on the hub: what of it is recorded, and what is said where nothing can be."""

import hashlib
import json

import pytest
from huggingface_hub import constants
from typer.testing import CliRunner

from populace.agents.llm.backends.hub import hub_id, snapshot
from populace.agents.llm.policies import TransformersOptions, VLLMSeatOptions
from populace.cli import app
from populace.errors import RunError
from populace.scenarios import load
from populace.scenarios.inputs import check_models, model_claims

COMMITS = ("0123456789abcdef0123456789abcdef01234567", "fedcba9876543210fedcba9876543210fedcba98")


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """A cache in the hub's form that holds two commits of some/model, the first as `main`."""
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    home = tmp_path / "hub" / "models--some--model"
    (home / "refs").mkdir(parents=True)
    (home / "refs" / "main").write_text(COMMITS[0])
    for k, commit in enumerate(COMMITS):
        (home / "snapshots" / commit).mkdir(parents=True)
        (home / "snapshots" / commit / "config.json").write_text("{}")
        (home / "snapshots" / commit / "model.safetensors").write_bytes(b"weights" + bytes([k]))
    return home


def scenario(model="some/model", **more):
    return {
        "world": {"id": "populace/drift-v0"},
        "worlds": 1,
        "horizon": 1,
        "population": {"size": 2},
        "agents": {"assistant": {"policy": "llm/transformers", "model": model, **more}},
    }


def test_a_cached_model_is_known_by_its_commit_and_the_hashes_of_its_files(cache):
    found = model_claims(load(scenario()))["some/model"]
    assert found["commit"] == COMMITS[0]
    assert set(found["files"]) == {"config.json", "model.safetensors"}
    assert found["files"]["model.safetensors"]["sha256"] == hashlib.sha256(b"weights\0").hexdigest()
    named = model_claims(load(scenario(revision=COMMITS[1])))
    assert named[f"some/model@{COMMITS[1]}"]["commit"] == COMMITS[1]


def test_a_run_does_not_go_on_with_another_commit(cache, tmp_path):
    info = {"models": model_claims(load(scenario()))}
    check_models(tmp_path, info, load(scenario()))
    (cache / "refs" / "main").write_text(COMMITS[1])
    with pytest.raises(RunError, match=r"some/model.*was 0123456789ab"):
        check_models(tmp_path, info, load(scenario()))


def test_files_that_were_changed_within_a_commit_are_found(cache, tmp_path):
    info = {"models": model_claims(load(scenario()))}
    (cache / "snapshots" / COMMITS[0] / "model.safetensors").write_bytes(b"others")
    with pytest.raises(RunError, match="some/model"):
        check_models(tmp_path, info, load(scenario()))


def test_a_model_that_is_not_cached_is_told(cache, tmp_path):
    assert "unverified" in model_claims(load(scenario("some/other")))["some/other"]
    (tmp_path / "s.yaml").write_text(json.dumps(scenario("some/other")))
    done = CliRunner().invoke(app, ["validate", str(tmp_path / "s.yaml"), "--json"], catch_exceptions=False)
    (note,) = [note for note in json.loads(done.stdout)["notes"] if note.startswith("model:")]
    assert "some/other is not in this machine's cache" in note


def test_folders_and_tapes_are_no_models_of_the_hub(cache, tmp_path):
    assert hub_id(TransformersOptions(model=str(tmp_path))) is None
    assert hub_id(VLLMSeatOptions(model="some/model")) == ("some/model", None)
    assert snapshot("not an id at all") is None
    assert snapshot("some/model", "no-such-branch") is None
