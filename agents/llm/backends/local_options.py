"""What can be chosen about a language model in this process."""

import json
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from populace.agents.llm.backends.model import ModelOptions
from populace.agents.llm.backends.rehearsal import Range
from populace.files import FileError, name_or_folder, text


def base_of(folder: Path) -> str:
    """The base model that an adapter's folder names, a folder or an id on the hub; "" where it is no adapter."""
    file = folder / "adapter_config.json"
    try:
        found = json.loads(text(file, own=True)) if file.is_file() else {}
    except (FileError, ValueError, OSError):
        return ""
    return str(found.get("base_model_name_or_path") or "") if isinstance(found, dict) else ""


def _with_its_base(given: str) -> str:
    """The model as it stands; its folder, and that of the base model which an adapter names, must be one to be read."""
    name_or_folder(given)
    if base := base_of(Path(given)):
        name_or_folder(base)
    return given


class LocalOptions(ModelOptions):
    """Which model, where it runs, and how it is sampled."""

    model: str
    """A folder, a name of `populace models list`, or an id on the Hugging Face hub; any causal
    model with a chat template, quantised or adapted ones as
    transformers loads them."""
    _may_be_read = field_validator("model")(_with_its_base)
    revision: str | None = None
    """The hub's branch, tag or commit."""
    device: str | None = None
    """`cpu`, `cuda`, ...; a GPU if there is one when not given."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Type of the weights; `auto` is what they were saved in. Only in float32 are chances the same alone and in a
    batch: in bfloat16 they differ by some hundredths (docs/language-models.md)."""
    attention: str | None = Field(default=None, pattern="^[a-z0-9_]+$")
    """Implementation of attention, e.g. `sdpa`; transformers' own choice when not given. A kernel of the hub, which is
    code, is refused."""
    temperature: float | None = Field(default=None, ge=0)
    """Not given: the model's own, by its `generation_config`, for what it writes (as in `generate`, a model that says
    nothing of sampling writes its likeliest reply), and 1 for what is scored, which then has the chances that the model
    gives. 0: the likeliest reply, and identical prompts are asked once."""
    top_p: float | None = Field(default=None, gt=0, le=1)
    """Sample among the likeliest tokens of this total probability; the model's own when not given."""
    top_k: int | None = Field(default=None, ge=0)
    """Sample among so many of the likeliest tokens, 0: among all; the model's own when not given."""
    repetition_penalty: float | None = Field(default=None, gt=0)
    """Makes tokens less likely that stand in the prompt or the reply, 1: as likely; the model's own when not given."""
    max_reply: int = Field(default=256, ge=1)
    """Tokens of a reply at most; one that is longer is cut off."""
    choices: Literal["score", "write"] = "score"
    """Where a reply must be one of some labels: `score` picks among them by the probability that the model would write
    each after the line's beginning, and nothing else, scores the replies of a small form likewise, and holds others to
    the form or the JSON schema that the world asks for; `write` lets it write, and reads what it wrote."""
    lead: bool = True
    """Whether what a reply begins with (`act: `) stands before what is scored. Without it, a bare label is scored,
    which suits a model that was trained to write bare labels and no other."""
    batch_tokens: int = Field(default=16384, ge=1)
    """Tokens in the model at a time, padding and replies included; halved whenever memory runs out."""

    def takes(self, asks: float, read: float, written: Range) -> Range:
        """By tokens a second (assumed, for a small model on a processor to one on a good GPU)."""
        low, likely, high = written
        return Range(read / 20_000 + low / 2_000, read / 2_000 + likely / 200, read / 200 + high / 10)
