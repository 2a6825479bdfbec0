"""How a local model samples when nothing is said: as its `generation_config` says, token by token like `generate`."""

import json

import pytest
import torch
from tiny_model import save
from transformers import AutoModelForCausalLM, AutoTokenizer

from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.loading import sampling
from populace.agents.llm.backends.local import Local, LocalOptions
from populace.agents.llm.decoding.sampling import Sampling, choose

ASKS = [Ask((("user", f"how are you {i}"),), (), 7919 * i) for i in range(8)]


def model(folder, **config):
    save(folder)
    path = folder / "generation_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | config))
    return folder


def drawn(folder, **more):
    backend = Local(LocalOptions(**{"model": str(folder), "device": "cpu", "max_reply": 16, **more}))
    return [reply.text for reply in ask_all(backend, ASKS)]


def test_a_model_that_says_nothing_writes_its_likeliest_reply_and_chooses_by_its_chances(tmp_path):
    folder = model(tmp_path)
    assert drawn(folder) == drawn(folder, temperature=0)
    backend = Local(LocalOptions(model=str(folder), device="cpu"))
    picked = ask_all(backend, [Ask(ASKS[0].messages, tuple("abcdefgh"), 7919 * k) for k in range(200)])
    assert len({reply.text for reply in picked}) > 1


def test_what_a_model_says_of_sampling_holds_until_told_otherwise(tmp_path):
    own = {"do_sample": True, "temperature": 0.6, "top_p": 0.8, "top_k": 7, "repetition_penalty": 1.2}
    folder = model(tmp_path, **own)
    config = AutoModelForCausalLM.from_pretrained(folder).generation_config
    assert sampling(LocalOptions(model="m"), config) == Sampling(1.2, 0.6, 7, 0.8)
    told = LocalOptions(model="m", temperature=1.0, top_p=1.0, top_k=0, repetition_penalty=1.0)
    assert sampling(told, config) == Sampling()
    assert drawn(folder) == drawn(folder, **{name: value for name, value in own.items() if name != "do_sample"})
    assert drawn(folder) != drawn(folder, temperature=3.0)


@torch.no_grad()
def test_repeated_tokens_are_penalised_as_generate_does(tmp_path):
    folder = model(tmp_path)
    whole, tokenizer = AutoModelForCausalLM.from_pretrained(folder).eval(), AutoTokenizer.from_pretrained(folder)
    plain = drawn(folder, temperature=0)
    own = drawn(folder, temperature=0, repetition_penalty=1.5)
    for ask, text in zip(ASKS, own, strict=True):
        chat = [{"role": who, "content": said} for who, said in ask.messages]
        prompt = tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False, return_tensors="pt")
        out = whole.generate(prompt, max_new_tokens=16, do_sample=False, repetition_penalty=1.5)
        assert text == tokenizer.decode(out[0, prompt.shape[1] :], skip_special_tokens=True)
    assert own != plain


def test_only_the_likeliest_k_are_drawn():
    logits = torch.tensor([[0.0, 3.0, 1.0, 2.0, -1.0]]).expand(2000, -1)
    uniform = (torch.arange(2000).unsqueeze(-1) + 0.5) / 2000
    drawn_ = choose(logits, uniform, 1.0, top_k=2)
    assert set(drawn_.tolist()) == {1, 3}
    share = float((drawn_ == 1).float().mean())
    assert share == pytest.approx(1 / (1 + torch.tensor(-1.0).exp().item()), abs=1e-3)
