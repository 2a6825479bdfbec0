"""How a model of `transformers` is loaded, and what it says of how it wants to be sampled."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from pickle import UnpicklingError
from typing import Any, NamedTuple

import torch

from populace.agents.llm.backends.fetched import located
from populace.agents.llm.backends.local_options import LocalOptions, base_of
from populace.agents.llm.decoding.sampling import Sampling
from populace.errors import MissingExtra, PopulaceError


class Loaded(NamedTuple):
    """A model ready to be asked."""

    model: Any
    tokenizer: Any
    ends: tuple[int, ...]
    """Tokens that end a reply; the first is the one scored after a label."""
    longest: int | None
    """Tokens that fit into its context."""


def load(options: LocalOptions) -> Loaded:
    """Model and tokenizer; torch's global generator, which transformers uses for missing weights, stays as it was.

    Raises:
        MissingExtra: `transformers` is not installed.
        PopulaceError: The model cannot be loaded, or has no chat template.
    """
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer
    except ImportError:
        raise MissingExtra("the policy llm/transformers", "transformers", "llm") from None
    device = options.device or ("cuda" if torch.cuda.is_available() else "cpu")
    extra: dict[str, Any] = {} if options.attention is None else {"attn_implementation": options.attention}
    there = located(options.model)
    try:
        place, words, form = _parts(there)
        form |= {"revision": options.revision, "trust_remote_code": False}
        with torch.random.fork_rng(devices=[]), _no_bars():
            tokenizer = AutoTokenizer.from_pretrained(
                words, **(form if words == place else {"trust_remote_code": False})
            )
            model: Any = AutoModelForCausalLM.from_pretrained(place, dtype=options.dtype, **form, **extra)
    except Exception as error:  # what a folder holds can fail in any way
        raise cannot_load(options.model, error) from error
    if tokenizer.chat_template is None:
        raise PopulaceError(
            f"{options.model!r} has no chat template: take a model that was made for conversation (its name often ends "
            "in -Instruct or -Chat), or save its tokenizer with a chat_template"
        )
    # What was dealt out over devices, or lies on a GPU because its weights cannot be moved, stays.
    if getattr(model, "hf_device_map", None) is None and model.device.type != torch.device(device).type:
        model = model.to(device)
    ends = model.generation_config.eos_token_id
    found = [] if ends is None else [ends] if isinstance(ends, int) else list(ends)
    own = tokenizer.eos_token_id
    found = [own, *(end for end in found if end != own)] if own is not None else found
    longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
    model.train(False)
    return Loaded(model, tokenizer, tuple(found), longest)


def _parts(model: str) -> tuple[str, str, dict[str, Any]]:
    """Where weights and tokenizer are, and how they are read: GGUF files, and adapters that have no tokenizer."""
    path = Path(model)
    files = [path] if path.is_file() else sorted(path.glob("*.gguf")) if path.is_dir() else []
    if len(files) == 1 and files[0].suffix == ".gguf" and not (path / "config.json").exists():
        import_module("gguf")  # transformers fails without it, and does not always say so
        return str(files[0].parent), str(files[0].parent), {"gguf_file": files[0].name}
    if len(files) > 1 and not (path / "config.json").exists():
        raise ValueError(f"it holds {len(files)} GGUF files: name one of them, such as {files[0]}")
    adapter = path / "adapter_config.json"
    if adapter.is_file() and not any((path / name).exists() for name in ("tokenizer.json", "tokenizer_config.json")):
        base = base_of(path)
        if not base:
            raise ValueError(
                "it is an adapter without a tokenizer, and does not name its base model: save the tokenizer"
            )
        return model, base, {}
    return model, model, {}


def sampling(options: LocalOptions, own: Any) -> Sampling:
    """How tokens are drawn: as the options say, and where they say nothing, as the model's `generation_config` does.

    Of that, temperature, top_p, top_k and repetition_penalty are followed.
    """
    o = options
    temperature = (own.temperature or 1.0) if own.do_sample else 0.0
    return Sampling(
        (own.repetition_penalty or 1.0) if o.repetition_penalty is None else o.repetition_penalty,
        temperature if o.temperature is None else o.temperature,
        (own.top_k or 0) if o.top_k is None else o.top_k,
        (own.top_p or 1.0) if o.top_p is None else o.top_p,
    )


def cannot_load(model: str, error: Exception) -> PopulaceError:
    """What to tell of a model that transformers cannot load, or whose folder holds code."""
    if "trust_remote_code" in str(error):
        return PopulaceError(
            f"the model {model!r} brings code of its own, and code in a model's folder is never run: take a model that "
            "transformers knows, or write a policy that loads this one (docs/security.md)"
        )
    if isinstance(error, UnpicklingError):
        return PopulaceError(
            f"cannot load the model {model!r}: its weights are pickled, and hold more than numbers; ask for them in "
            "the safetensors format"
        )
    if "gguf" in str(error).lower() and isinstance(error, ImportError):
        return PopulaceError(
            f"cannot load the model {model!r}: a GGUF file is read by another package: pip install gguf"
        )
    why = "".join(filter(str.isprintable, (str(error).splitlines() or [type(error).__name__])[0]))
    return PopulaceError(
        f"cannot load the model {model!r}: {why}; it must be a folder with weights and tokenizer in the transformers "
        "format, a GGUF file, or an id on the hub; an adapter without a tokenizer takes that of its base model, which "
        "must be there"
    )


@contextmanager
def _no_bars() -> Iterator[None]:
    """No progress bars of transformers: a run has one of its own."""
    from transformers.utils import logging

    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        yield
    finally:
        if shown:
            logging.enable_progress_bar()
