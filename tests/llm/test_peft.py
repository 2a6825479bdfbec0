"""Adapted and quantised models load as transformers loads them, and are sampled like any other."""

import json
import sys

import pytest
import torch
from peft import LoraConfig, PeftModel, get_peft_model
from tiny_model import save
from torchao.quantization import Int8WeightOnlyConfig
from transformers import AutoModelForCausalLM, AutoTokenizer, TorchAoConfig

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.errors import PopulaceError

LABELS = ("clear", "vague", "end", "ending")


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    return save(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="session")
def adapted(folder, tmp_path_factory):
    """A folder with an adapter of random weights and nothing else but a tokenizer, and one with the merged weights."""
    adapter, merged = tmp_path_factory.mktemp("adapter"), tmp_path_factory.mktemp("merged")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        # Not the usual start, at which an adapter changes nothing.
        lora = LoraConfig(r=4, target_modules=["q_proj", "v_proj", "up_proj"], init_lora_weights=False)
        get_peft_model(AutoModelForCausalLM.from_pretrained(folder), lora).save_pretrained(adapter)
    whole = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(folder), adapter).merge_and_unload()
    whole.save_pretrained(merged)
    for place in (adapter, merged):
        AutoTokenizer.from_pretrained(folder).save_pretrained(place)
    return adapter, merged


def local(folder, **more):
    return Local(LocalOptions(**{"model": str(folder), "device": "cpu", "max_reply": 12, **more}))


def asks(count, labels=()):
    return [Ask((("system", "be kind"), ("user", f"how are you {i}")), labels, 7919 * i) for i in range(count)]


def scores(backend):
    prompts = backend._prompts([ask.messages for ask in asks(6)])
    with torch.inference_mode():
        return backend.decoder.score(prompts, backend._labels(LABELS))


def test_an_adapters_folder_is_a_model(folder, adapted):
    adapter, merged = adapted
    assert not (adapter / "model.safetensors").exists()
    assert (adapter / "adapter_model.safetensors").stat().st_size < 0.25 * (merged / "model.safetensors").stat().st_size
    bare, own, same = (scores(local(place)) for place in (folder, adapter, merged))
    assert (own - bare).abs().max() > 0.1
    # W x + B A x against (W + B A) x: float32 rounding, through two layers of outputs of some units.
    torch.testing.assert_close(own, same, atol=2e-4, rtol=0)


@pytest.mark.parametrize("labels", [(), LABELS])
def test_adapted_and_merged_seats_say_the_same(folder, adapted, labels):
    said = [[reply.text for reply in ask_all(local(place), asks(12, labels))] for place in (folder, *adapted)]
    assert said[1] == said[2]
    if not labels:
        assert said[0] != said[1]


@pytest.fixture(scope="session")
def quantised(folder, tmp_path_factory):
    """A folder whose linear weights are eight-bit integers."""
    place = tmp_path_factory.mktemp("int8")
    how = TorchAoConfig(Int8WeightOnlyConfig())
    AutoModelForCausalLM.from_pretrained(folder, quantization_config=how, dtype=torch.float32).save_pretrained(place)
    AutoTokenizer.from_pretrained(folder).save_pretrained(place)
    return place


def test_an_adapter_without_a_tokenizer_takes_that_of_its_base_model(folder, adapted, tmp_path):
    bare = tmp_path / "bare"
    bare.mkdir()
    for name in ("adapter_config.json", "adapter_model.safetensors"):
        (bare / name).write_bytes((adapted[0] / name).read_bytes())
    assert torch.equal(scores(local(bare)), scores(local(adapted[0])))
    config = json.loads((bare / "adapter_config.json").read_text())
    (bare / "adapter_config.json").write_text(json.dumps(config | {"base_model_name_or_path": None}))
    with pytest.raises(PopulaceError, match="does not name its base model"):
        local(bare).loaded  # noqa: B018


def test_a_gguf_file_says_what_it_needs(tmp_path, monkeypatch):
    for name in ("a.gguf", "b.gguf"):
        (tmp_path / name).write_bytes(b"GGUF")
    with pytest.raises(PopulaceError, match="2 GGUF files: name one of them"):
        local(tmp_path).loaded  # noqa: B018
    (tmp_path / "b.gguf").unlink()
    monkeypatch.setitem(sys.modules, "gguf", None)
    for place in (tmp_path, tmp_path / "a.gguf"):
        with pytest.raises(PopulaceError, match="pip install gguf"):
            local(place).loaded  # noqa: B018


def test_a_quantised_folder_is_a_model(folder, quantised):
    backend = local(quantised, temperature=0)
    model, tokenizer = backend.loaded.model, backend.loaded.tokenizer
    assert model.is_quantized
    assert model.model.layers[0].mlp.up_proj.weight.qdata.dtype == torch.int8
    given = asks(6)
    for ask, reply in zip(given, ask_all(backend, given), strict=True):
        chat = [{"role": who, "content": text} for who, text in ask.messages]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False, return_tensors="pt")
        out = model.generate(prompt, max_new_tokens=12, do_sample=False)[0, prompt.shape[1] :]
        assert reply.text == tokenizer.decode(out, skip_special_tokens=True)
    # It is another model than the one in full precision, if not by much.
    gap = (scores(backend) - scores(local(folder))).abs().max()
    assert 1e-4 < gap < 1.0
