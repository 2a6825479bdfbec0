"""Training by TRL: examples to an adapter in a folder, which plays by `model: FOLDER`."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from populace.agents.llm.learning.examples import Example, Method, rows
from populace.errors import MissingExtra, PopulaceError

try:
    from datasets import Dataset
    from peft import LoraConfig
    from transformers import AutoModelForCausalLM, AutoTokenizer
    from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
except ImportError:
    raise MissingExtra("populace train", "trl", "train") from None

TRAINERS: dict[Method, tuple[Any, Any]] = {
    "sft": (SFTConfig, SFTTrainer),
    "dpo": (DPOConfig, DPOTrainer),
    "kto": (KTOConfig, KTOTrainer),
}


@dataclass(frozen=True)
class Settings:
    """How it is trained.

    Attributes:
        method: `sft`, `dpo` or `kto`.
        steps: Steps.
        batch: Examples per step.
        rate: Step size (AdamW).
        rank: Rank of the adapter; its alpha is twice that.
        beta: Strength of the implicit KL of `dpo` and `kto`.
        kept: Share kept at either end, by score; see `examples.rows`.
        seed: Of the order and the adapter's start.
    """

    method: Method = "sft"
    steps: int = 100
    batch: int = 16
    rate: float = 2e-3
    rank: int = 8
    beta: float = 0.1
    kept: float = 0.5
    seed: int = 0


def train(examples: Sequence[Example], model: Path, out: Path, settings: Settings) -> list[float]:
    """Train an adapter, write it with the tokenizer, and return the loss at each step.

    Args:
        examples: What is learned from.
        model: The base model's folder.
        out: The folder to write.
        settings: How.

    Raises:
        PopulaceError: The examples do not suit the method, or the training diverged.
    """
    found = rows(examples, settings.method, settings.kept)
    config, trainer = TRAINERS[settings.method]
    tokenizer = AutoTokenizer.from_pretrained(model)
    base = AutoModelForCausalLM.from_pretrained(model, dtype=torch.float32)
    with tempfile.TemporaryDirectory() as place:
        own = {"beta": settings.beta} if settings.method != "sft" else {}
        made = trainer(
            model=base,
            args=config(
                place, per_device_train_batch_size=settings.batch, max_steps=settings.steps,
                learning_rate=settings.rate, seed=settings.seed, logging_steps=1, report_to=[],
                save_strategy="no", disable_tqdm=True,
                max_length=getattr(base.config, "max_position_embeddings", None), use_cpu=not torch.cuda.is_available(),
                bf16=False, gradient_checkpointing=False, **own,
            ),
            train_dataset=Dataset.from_list(found),
            processing_class=tokenizer,
            peft_config=LoraConfig(
                r=settings.rank, lora_alpha=2 * settings.rank, lora_dropout=0.0, target_modules="all-linear",
                task_type="CAUSAL_LM",
            ),
        )  # fmt: skip
        made.train()
        losses = [float(one["loss"]) for one in made.state.log_history if "loss" in one]
        if any(not value.isfinite().all() for value in made.model.state_dict().values()):
            raise PopulaceError("the training diverged: weights are no longer finite; lower --rate")
        made.model.save_pretrained(out)
        tokenizer.save_pretrained(out)
    return losses
