"""A model's folder is data: code in it is never run, whoever gave their word."""

import json
import pickle
import shutil
import sys
from contextlib import suppress
from pathlib import Path

import pytest
import torch
from pydantic import ValidationError

from populace import trust
from populace.agents.llm.backends.local import LocalOptions, load
from populace.agents.llm.backends.pocket import folder
from populace.agents.llm.interpret.prototypes import ModelEmbedding
from populace.errors import PopulaceError

pytest.importorskip("transformers")


@pytest.fixture
def model(tmp_path, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", True)  # nothing is looked for elsewhere
    place = Path(shutil.copytree(folder(), tmp_path / "model"))
    (place / "evil_model.py").write_text(f"open({str(tmp_path / 'mark')!r}, 'w').write('ran')\n")
    return place


def config(model, name="config.json", **changes):
    held = json.loads((model / name).read_text())
    (model / name).write_text(json.dumps({**held, **changes}))


AUTO = {"AutoConfig": "evil_model.C", "AutoModelForCausalLM": "evil_model.M", "AutoModel": "evil_model.M"}


@pytest.mark.parametrize("terminal", [False, True])
def test_code_beside_the_weights_is_not_run(model, tmp_path, terminal, monkeypatch):
    config(model, model_type="evil-model", auto_map=AUTO)
    # transformers asks on a terminal, where nobody has said no.
    monkeypatch.setattr(sys.stdin, "isatty", lambda: terminal, raising=False)
    monkeypatch.setattr("builtins.input", lambda *words: "y")
    with pytest.raises(PopulaceError, match="code in a model's folder is never run"):
        load(LocalOptions(model=str(model)))
    with pytest.raises(PopulaceError, match="code in a model's folder is never run"):
        _ = ModelEmbedding(str(model)).loaded
    assert not (tmp_path / "mark").exists()


def test_a_tokenizer_s_code_is_not_run(model, tmp_path):
    config(model, "tokenizer_config.json", auto_map={"AutoTokenizer": ["evil_model.T", "evil_model.T"]},
           tokenizer_class="EvilTokenizer")  # fmt: skip
    with suppress(PopulaceError):  # transformers may take a tokenizer of its own instead
        load(LocalOptions(model=str(model)))
    assert not (tmp_path / "mark").exists()


class Pickled:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return (exec, (f"open({self.mark!r}, 'w').write('ran')",))


@pytest.mark.parametrize("how", ["torch", "pickle"])
def test_pickled_weights_run_nothing(model, tmp_path, how):
    (model / "model.safetensors").unlink()
    evil = {"w": Pickled(str(tmp_path / "mark"))}
    if how == "torch":
        torch.save(evil, model / "pytorch_model.bin")
    else:
        (model / "pytorch_model.bin").write_bytes(pickle.dumps(evil))
    with pytest.raises(PopulaceError, match="cannot load the model"):
        load(LocalOptions(model=str(model)))
    with pytest.raises(PopulaceError, match="cannot load the model"):
        _ = ModelEmbedding(str(model)).loaded
    assert not (tmp_path / "mark").exists()


def test_a_kernel_of_the_hub_is_no_attention():
    for name in ("kernels-community/flash-attn", "org/kernel:f", "a.b"):
        with pytest.raises(ValidationError):
            LocalOptions(model="m", attention=name)
    assert LocalOptions(model="m", attention="sdpa").attention == "sdpa"


def test_the_base_of_an_adapter_outside_the_scenarios_folder_needs_the_users_word(tmp_path):
    """An adapter inside the folder may name weights anywhere on the machine."""
    inside, outside = tmp_path / "theirs", tmp_path / "mine"
    (inside / "adapter").mkdir(parents=True)
    outside.mkdir()
    (inside / "adapter" / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(outside)}))
    with trust.speaking(trust.guarded(allow=[inside])), pytest.raises(ValueError, match="mine"):
        LocalOptions(model=str(inside / "adapter"))
    with trust.speaking(trust.guarded(trust=True)):
        LocalOptions(model=str(inside / "adapter"))
