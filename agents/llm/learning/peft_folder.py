"""Adapters in folders of PEFT's format: written from a learner's memory, and read to start from."""

import json
from collections.abc import Mapping
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from populace.agents.llm.learning.adapters import Own, Shape
from populace.errors import PopulaceError
from populace.files import text

PREFIX = "base_model.model."
WEIGHTS, CONFIG = "adapter_model.safetensors", "adapter_config.json"
_PLAIN = {
    "use_dora": False,
    "use_rslora": False,
    "fan_in_fan_out": False,
    "bias": "none",
    "modules_to_save": None,
    "rank_pattern": {},
    "alpha_pattern": {},
}
"""What an adapter that is read here may not have otherwise."""


def place(adapter: str) -> Path:
    """The folder of an adapter, also of one that comes with the library."""
    if adapter in ("hu-2025",):
        with as_file(files("populace.agents.llm") / "pocket_model" / "adapters" / adapter) as path:
            return path
    return Path(adapter)


def save(folder: Path, own: Mapping[str, Tensor], shape: Shape, base: str) -> None:
    """Write one world's adapter, which `transformers` with PEFT and `llm/transformers` load by this folder's path.

    Args:
        folder: Where; it is made.
        own: Name of a parameter -> values, of one world.
        shape: What the adapter is like.
        base: The model that it belongs to: a folder, or an id on the hub.

    Raises:
        PopulaceError: All weights were trained, which is no adapter.
    """
    if shape.rank == 0:
        raise PopulaceError("rank: 0 trains all weights, which make no adapter; set rank to 1 or more")
    from safetensors.torch import save_file

    folder.mkdir(parents=True, exist_ok=True)
    layers = sorted({name.rpartition(".lora_")[0] for name in own})
    config = {
        "peft_type": "LORA",
        "task_type": "CAUSAL_LM",
        "base_model_name_or_path": base,
        "r": shape.rank,
        "lora_alpha": shape.alpha,
        "lora_dropout": 0.0,
        "target_modules": sorted({name.rpartition(".")[2] for name in layers}),
        "inference_mode": True,
        **_PLAIN,
    }
    (folder / CONFIG).write_text(json.dumps(config, indent=1) + "\n", encoding="utf-8")
    held = {PREFIX + name: value.detach().cpu().contiguous() for name, value in own.items()}
    save_file(held, folder / WEIGHTS, metadata={"format": "pt"})


def load(folder: Path) -> tuple[Shape, Own]:
    """Shape and weights of an adapter.

    Raises:
        PopulaceError: The folder holds no adapter, or one of a kind that is not trained here.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        config: Any = json.loads(text(folder / CONFIG, own=True))
        held = load_file(folder / WEIGHTS)
        shape = Shape(int(config["r"]), float(config["lora_alpha"]), tuple(sorted(config["target_modules"])))
    except (OSError, ValueError, KeyError, TypeError, PopulaceError, SafetensorError) as error:
        raise PopulaceError(
            f"{folder} holds no adapter that can be read ({type(error).__name__}: {error}): expected {CONFIG} and "
            f"{WEIGHTS} in PEFT's format"
        ) from None
    odd = [name for name, plain in _PLAIN.items() if (config.get(name) or plain) != plain]
    if config.get("peft_type") != "LORA" or odd or shape.rank < 1:
        raise PopulaceError(
            f"{folder} holds an adapter of another kind than is trained here: plain LoRA of one rank is, without "
            f"{', '.join(odd) or config.get('peft_type')}"
        )
    own = {name.removeprefix(PREFIX): value.to(torch.float32) for name, value in held.items()}
    if broken := [name for name, value in own.items() if not bool(value.isfinite().all())]:
        raise PopulaceError(f"{folder}: weights of {broken[0]} are not finite")
    return shape, own
