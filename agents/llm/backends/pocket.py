"""`pocket`: a language model of under two million parameters that comes with the library and runs offline.

It was trained from scratch on what scripts say in the five worlds (`examples/pocket`), and knows nothing else: a toy
that reads and writes these forms, for trying out language models on seats. Its card is `pocket_model/README.md`.
"""

import json
from importlib.resources import as_file, files
from pathlib import Path
from typing import Literal

from pydantic import Field

from populace import trust
from populace.agents.llm.backends.base import Backend
from populace.agents.llm.backends.local import Local
from populace.agents.llm.backends.local_options import LocalOptions
from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.rehearsal import Range

VERSION = 1
"""Rises whenever the shipped weights change, so that tapes of other weights are not mistaken for it."""


class PocketOptions(ModelOptions):
    """How the shipped model is sampled."""

    device: str | None = None
    """`cpu`, `cuda`, ...; a GPU if there is one when not given."""
    temperature: float = Field(default=0.7, ge=0)
    """0: the likeliest reply, and identical prompts are asked once."""
    top_p: float = Field(default=1.0, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability."""
    max_reply: int = Field(default=512, ge=1)
    """Tokens of a reply at most; one that is longer is cut off."""
    choices: Literal["score", "write"] = "score"
    """Where a reply must be one of some labels: `score` picks among them by the probability that the model would write
    each, and nothing else; `write` lets it write, and reads what it wrote."""
    batch_tokens: int = Field(default=32768, ge=1)
    """Tokens in the model at a time, padding and replies included."""

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """By tokens a second (assumed, for two processor cores to a GPU)."""
        low, likely, high = written
        return Range(read / 50_000 + low / 5_000, read / 5_000 + likely / 500, read / 1_000 + high / 100)


def folder() -> Path:
    """Where the weights, the tokenizer and the card are."""
    with as_file(files("populace.agents.llm") / "pocket_model") as path:
        return path


def of(options: PocketOptions, model: Path) -> LocalOptions:
    """The same options for a model in that folder, computed in float32: half precision is for the disk only.

    It was trained on bare labels, and so is scored without a lead.
    """
    own = options.model_dump(include=set(PocketOptions.model_fields))
    with trust.speaking(trust.Word()):  # the folder is the caller's, not a scenario's
        return LocalOptions(model=str(model), dtype="float32", lead=False, top_k=0, repetition_penalty=1.0, **own)


def opened(options: PocketOptions) -> Backend:
    """The shipped model; it is loaded when first asked."""
    o, backend = options, Local(of(options, folder()))
    # Not by its folder, which is another on every machine.
    backend.voice = json.dumps(["pocket", VERSION, o.temperature, o.top_p, o.max_reply, o.choices])
    return backend
