"""The vLLM backend, on a stand-in for vLLM: what is sent to it, and what is made of what it returns.

The stand-in takes arguments that vLLM declares (LLM, LLM.chat, SamplingParams, StructuredOutputsParams) and no others.
It is no proof that vLLM itself agrees: that needs a GPU.
"""

import sys
from dataclasses import dataclass
from types import ModuleType, SimpleNamespace

import pytest
from jinja2 import TemplateError
from test_worlds import cast

from populace import registry
from populace.agents.llm import Ask, ask_all
from populace.agents.llm.backends.vllm import VLLM, VLLMOptions
from populace.agents.llm.policies import VLLMSeatOptions, VLLMSeats
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError
from populace.rollout import Keep, rollout
from populace.run import start


@dataclass
class StructuredOutputsParams:
    json: str | dict | None = None
    choice: list[str] | None = None

    def __post_init__(self):
        assert (self.json is None) != (self.choice is None)


@dataclass
class SamplingParams:
    temperature: float = 1.0
    top_p: float = 1.0
    top_k: int = 0
    repetition_penalty: float = 1.0
    seed: int | None = None
    max_tokens: int | None = 16
    structured_outputs: StructuredOutputsParams | None = None


class Tokenizer:
    """A token a word."""

    chat_template = "some"

    def __init__(self, knows_system):
        self.knows_system = knows_system

    def apply_chat_template(self, chat, add_generation_prompt, return_dict):
        assert add_generation_prompt
        assert not return_dict
        if chat[0]["role"] == "system" and not self.knows_system:
            raise TemplateError("no system")
        return " ".join(message["content"] for message in chat).split()


class LLM:
    made: list["LLM"] = []
    say = staticmethod(lambda chat, params: ("fine", "stop"))
    knows_system = True

    def __init__(
        self, model, *, revision, dtype, gpu_memory_utilization, max_model_len, tensor_parallel_size,
        enable_prefix_caching, seed, trust_remote_code, generation_config,
    ):  # fmt: skip
        assert generation_config == "auto"
        assert trust_remote_code is False
        if model == "nothing":
            raise OSError("nothing is not a local folder\nand more")
        self.given = {
            "share": gpu_memory_utilization, "longest": max_model_len, "gpus": tensor_parallel_size,
            "prefixes": enable_prefix_caching, "dtype": dtype, "revision": revision, "seed": seed,
        }  # fmt: skip
        self.llm_engine = SimpleNamespace(model_config=SimpleNamespace(max_model_len=max_model_len or 2048))
        self.tokenizer, self.calls = Tokenizer(self.knows_system), []
        self.made.append(self)

    def get_tokenizer(self):
        return self.tokenizer

    def get_default_sampling_params(self):
        return SamplingParams(temperature=0.6, top_p=0.95, top_k=20)

    def chat(self, messages, sampling_params=None, use_tqdm=True):
        assert len(messages) == len(sampling_params)
        assert not use_tqdm
        self.calls.append((messages, sampling_params))
        outputs = []
        for chat, params in zip(messages, sampling_params, strict=True):
            text, end = self.say(chat, params)
            said = SimpleNamespace(text=text, token_ids=text.split(), finish_reason=end)
            prompt = self.tokenizer.apply_chat_template(chat, True, False)
            outputs.append(SimpleNamespace(prompt_token_ids=prompt, outputs=[said]))
        return outputs


@pytest.fixture(autouse=True)
def engines(monkeypatch):
    """The stand-in, and the engines that were made."""
    vllm, params = ModuleType("vllm"), ModuleType("vllm.sampling_params")
    vllm.LLM, vllm.SamplingParams = LLM, SamplingParams
    params.StructuredOutputsParams = StructuredOutputsParams
    monkeypatch.setitem(sys.modules, "vllm", vllm)
    monkeypatch.setitem(sys.modules, "vllm.sampling_params", params)
    monkeypatch.setattr(LLM, "made", [])
    return LLM.made


SCHEMA = '{"type": "number"}'
ASKS = [
    Ask((("system", "be brief"), ("user", "yes or no?")), ("yes", "no"), -5),
    Ask((("user", "how much?"),), (), 7, SCHEMA),
    Ask((("user", "tell me"),), (), 9),
]


def test_one_tick_is_one_call_with_a_seed_and_a_form_for_every_ask(engines):
    given = {"dtype": "bfloat16", "gpu_memory_utilization": 0.5, "max_model_len": 512, "tensor_parallel_size": 2}
    backend = VLLM(VLLMOptions(model="m", temperature=0.7, top_p=0.9, max_reply=20, **given))
    replies = ask_all(backend, ASKS)
    ask_all(backend, ASKS[:1])
    (engine,) = engines  # loaded once
    assert engine.given == {
        "share": 0.5, "longest": 512, "gpus": 2, "prefixes": True, "dtype": "bfloat16", "revision": None, "seed": 0,
    }  # fmt: skip
    (chats, params), _ = engine.calls
    assert chats[0] == [{"role": "system", "content": "be brief"}, {"role": "user", "content": "yes or no?"}]
    assert [p.seed for p in params] == [2**63 - 5, 7, 9]
    assert [p.structured_outputs for p in params] == [
        StructuredOutputsParams(choice=["yes", "no"]),
        StructuredOutputsParams(json=SCHEMA),
        None,
    ]
    assert {(p.temperature, p.top_p, p.max_tokens) for p in params} == {(0.7, 0.9, 20)}
    assert [(reply.text, reply.kind) for reply in replies] == [("fine", ReplyKind.OK)] * 3
    assert [(reply.tokens_in, reply.tokens_out) for reply in replies] == [(5, 1), (2, 1), (2, 1)]


def test_what_is_not_said_of_sampling_is_the_models_own(engines):
    """The stand-in's `generation_config` says .6, .95 and 20; labels have the chances that the model gives."""
    ask_all(VLLM(VLLMOptions(model="m", top_k=5)), ASKS)
    params = engines[0].calls[0][1]
    found = {(p.temperature, p.top_p, p.top_k) for p in params if p.structured_outputs and p.structured_outputs.choice}
    assert found == {(1.0, 1.0, 5)}
    found = {(p.temperature, p.top_p, p.top_k) for p in params if not getattr(p.structured_outputs, "choice", None)}
    assert found == {(0.6, 0.95, 5)}


def test_greedy_asks_have_no_seed_and_forms_can_be_left_out(engines):
    ask_all(VLLM(VLLMOptions(model="m", temperature=0, structured=False)), [*ASKS, ASKS[2]])
    ((chats, params),) = engines[0].calls
    assert len(chats) == 3  # the same is asked once
    assert [(p.seed, p.structured_outputs) for p in params] == [(None, None)] * 3


def test_what_is_too_long_or_cut_off_is_data_and_in_its_place(engines, monkeypatch):
    ends = {"one": "stop", "two": "length", "three": "abort"}
    monkeypatch.setattr(LLM, "say", staticmethod(lambda chat, params: (chat[-1]["content"], ends[chat[-1]["content"]])))
    asks = [Ask((("user", text),)) for text in ("one", "word " * 8, "two", "three", "word " * 9)]
    replies = ask_all(VLLM(VLLMOptions(model="m", max_model_len=8)), asks)
    assert [reply.kind.name for reply in replies] == ["OK", "FAILED", "CUT_OFF", "FAILED", "FAILED"]
    assert [reply.faults for reply in replies] == [(), ("prompt-too-long",), (), (), ("prompt-too-long",)]
    assert [reply.text for reply in replies] == ["one", "", "two", "three", ""]
    assert len(engines[0].calls[0][0]) == 3


def test_a_template_without_a_system_is_told_in_the_first_message(engines, monkeypatch):
    monkeypatch.setattr(LLM, "knows_system", False)
    ask_all(VLLM(VLLMOptions(model="m")), ASKS[:1])
    assert engines[0].calls[0][0] == [[{"role": "user", "content": "be brief\n\nyes or no?"}]]


def test_it_plays_an_episode(engines, monkeypatch):
    def say(chat, params):
        return params.structured_outputs.choice[0] if params.structured_outputs else "", "stop"

    monkeypatch.setattr(LLM, "say", staticmethod(say))
    stage, people, players = cast("payoff")
    players["user"] = registry.policies.get("llm/vllm")(VLLMSeatOptions(model="m"))
    assert isinstance(players["user"], VLLMSeats)
    keep = Keep()
    rollout(stage, players, start(stage, players, people, seed=0, worlds=2), 2, keep)
    assert keep.series["invalid", "user", ""][-1].tolist() == [0.0, 0.0]
    assert [len(chats) for chats, _ in engines[0].calls] == [8, 8]


def test_mistakes_say_what_to_do(monkeypatch):
    with pytest.raises(PopulaceError, match="vLLM cannot load the model 'nothing': nothing is not a local folder; it"):
        ask_all(VLLM(VLLMOptions(model="nothing")), ASKS)
    monkeypatch.setattr(Tokenizer, "chat_template", None)
    with pytest.raises(PopulaceError, match="'m' has no chat template"):
        ask_all(VLLM(VLLMOptions(model="m")), ASKS)
    monkeypatch.setitem(sys.modules, "vllm", None)
    with pytest.raises(MissingExtra, match=r'needs vllm, which is not installed: pip install "populace\[vllm\]"'):
        ask_all(VLLM(VLLMOptions(model="m")), ASKS)
