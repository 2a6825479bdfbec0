"""A language model in this process, through vLLM: all asks of a tick go in together, and vLLM packs them.

Written against vLLM's documented interface (0.12 and later) and tried on a stand-in for it; never yet run on a GPU.
What was computed for a common prefix of prompts is shared. Every ask has a seed of its own; the last bits of
the arithmetic depend on the batch, so keep a tape where a run must repeat.
"""

import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from typing import Any, Literal

from pydantic import Field, field_validator

from populace.agents.llm.backends.base import Ask, Backend, Reply
from populace.agents.llm.backends.faults import TOO_LONG
from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.rehearsal import Range
from populace.dialogue import ReplyKind
from populace.errors import MissingExtra, PopulaceError
from populace.files import name_or_folder

_SEEDS = (1 << 63) - 1
"""vLLM's seeds are 63 bits wide."""
_ENDS = {"stop": ReplyKind.OK, "length": ReplyKind.CUT_OFF}
"""How a reply ended."""


class VLLMOptions(ModelOptions):
    """Which model, how it is loaded, and how it is sampled."""

    model: str
    """A folder, or an id on the Hugging Face hub; any causal model that vLLM knows, with a chat template."""
    _may_be_read = field_validator("model")(name_or_folder)
    revision: str | None = None
    """The hub's branch, tag or commit."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights; `auto` is what they were saved in, but float16 for float32."""
    gpu_memory_utilization: float = Field(default=0.9, gt=0, le=1)
    """Share of the GPU's memory that vLLM takes."""
    max_model_len: int | None = Field(default=None, ge=1)
    """Tokens of a prompt and its reply at most; the model's own context when not given."""
    tensor_parallel_size: int = Field(default=1, ge=1)
    """GPUs that share the model."""
    temperature: float | None = Field(default=None, ge=0)
    """Not given: the model's own, by its `generation_config` as vLLM reads it, for what it writes, and 1 for a choice
    among labels, which then has the chances that the model gives. 0: the likeliest reply, and identical prompts are
    asked once."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability; the model's own when not given."""
    top_k: int | None = Field(default=None, ge=0)
    """Sample among so many of the likeliest tokens, 0: among all; the model's own when not given."""
    repetition_penalty: float | None = Field(default=None, gt=0)
    """Makes tokens less likely that stand in the prompt or the reply, 1: as likely; the model's own when not given."""
    max_reply: int = Field(default=256, ge=1)
    """Tokens of a reply at most; one that is longer is cut off."""
    structured: bool = True
    """Keep replies to the form that is asked for: one of some labels, a JSON schema, or a regular form."""

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """By tokens a second (assumed, for a large model on one GPU to a small one on several)."""
        low, likely, high = written
        return Range(read / 50_000 + low / 10_000, read / 10_000 + likely / 2_000, read / 2_000 + high / 200)


class VLLM(Backend):
    """A model of vLLM, loaded when first asked.

    Args:
        options: Which and how.
    """

    faults = (TOO_LONG,)

    def __init__(self, options: VLLMOptions) -> None:
        o = self.options = options
        self.greedy = o.temperature == 0
        self.voice = json.dumps(
            ["vllm", o.model, o.revision, o.dtype, o.max_model_len, o.temperature, o.top_p, o.max_reply, o.structured]
            + [own for own in (o.top_k, o.repetition_penalty) if own is not None]
        )

    @cached_property
    def engine(self) -> Any:
        """The `vllm.LLM`.

        Raises:
            MissingExtra: `vllm` is not installed.
            PopulaceError: The model cannot be loaded, or has no chat template.
        """
        o = self.options
        try:
            from vllm import LLM
        except ImportError:
            raise MissingExtra("the policy llm/vllm", "vllm", "vllm") from None
        try:
            engine = LLM(
                model=o.model,
                revision=o.revision,
                dtype=o.dtype,
                gpu_memory_utilization=o.gpu_memory_utilization,
                max_model_len=o.max_model_len,
                tensor_parallel_size=o.tensor_parallel_size,
                enable_prefix_caching=True,
                seed=0,
                trust_remote_code=False,
                generation_config="auto",
            )
        except (OSError, ValueError, RuntimeError) as error:
            why, *_ = str(error).splitlines() or [type(error).__name__]
            raise PopulaceError(
                f"vLLM cannot load the model {o.model!r}: {why}; it must be a folder or an id on the hub that vLLM "
                "knows; if the GPU is too small, lower max_model_len, or raise tensor_parallel_size"
            ) from error
        if getattr(engine.get_tokenizer(), "chat_template", "one of its own") is None:
            raise PopulaceError(
                f"{o.model!r} has no chat template: take a model that was made for conversation (its name often ends "
                "in -Instruct or -Chat), or save its tokenizer with a chat_template"
            )
        return engine

    def complete(self, asks: Sequence[Ask]) -> Iterator[tuple[int, Reply]]:
        """Replies, when all are there; prompts that leave no room for one come first, as failures."""
        longest = self.engine.llm_engine.model_config.max_model_len
        fitting, chats = [], []
        for i, ask in enumerate(asks):
            chat, length = self._chat(ask)
            if length < longest:
                fitting.append(i)
                chats.append(chat)
            else:
                yield i, Reply("", ReplyKind.FAILED, faults=(TOO_LONG,))
        if not fitting:
            return
        params = [self._params(asks[i]) for i in fitting]
        for i, output in zip(fitting, self.engine.chat(chats, sampling_params=params, use_tqdm=False), strict=True):
            said = output.outputs[0]
            yield (
                i,
                Reply(
                    said.text,
                    _ENDS.get(said.finish_reason, ReplyKind.FAILED),
                    len(output.prompt_token_ids),
                    len(said.token_ids),
                ),
            )

    def _chat(self, ask: Ask) -> tuple[list[dict[str, str]], int]:
        """The conversation as vLLM wants it, and its tokens.

        Some templates know no system: what it says then opens the first message.
        """
        from jinja2 import TemplateError

        chat = [{"role": who, "content": text} for who, text in ask.messages]
        try:
            return chat, self._length(chat)
        except TemplateError:
            if chat[0]["role"] != "system":
                raise
            system, first, *rest = chat
            chat = [{**first, "content": f"{system['content']}\n\n{first['content']}"}, *rest]
            return chat, self._length(chat)

    def _length(self, chat: list[dict[str, str]]) -> int:
        tokenizer = self.engine.get_tokenizer()
        return len(tokenizer.apply_chat_template(chat, add_generation_prompt=True, return_dict=False))

    @cached_property
    def _own(self) -> Any:
        """How the model wants to be sampled: vLLM's reading of its `generation_config`."""
        return self.engine.get_default_sampling_params()

    def _params(self, ask: Ask) -> Any:
        """How this ask is sampled."""
        from vllm import SamplingParams
        from vllm.sampling_params import StructuredOutputsParams

        o, form = self.options, None
        if o.structured and ask.options:
            form = StructuredOutputsParams(choice=[ask.lead + option for option in ask.options])
        elif o.structured and ask.schema:
            form = StructuredOutputsParams(json=ask.schema)
        elif o.structured and ask.form:
            form = StructuredOutputsParams(regex=ask.form)
        # A choice among labels has the chances that the model gives, as where labels are scored (llm/transformers).
        own = SamplingParams() if o.structured and ask.options else self._own
        drawn = {
            name: getattr(own, name) if given is None else given
            for name in ("temperature", "top_p", "top_k", "repetition_penalty")
            for given in (getattr(o, name),)
        }
        return SamplingParams(
            **drawn,
            max_tokens=o.max_reply,
            seed=None if self.greedy else ask.seed & _SEEDS,
            structured_outputs=form,
        )
