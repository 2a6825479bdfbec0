"""Train `pocket` from scratch: corpus, tokenizer, model, all by one command and one seed.

    python examples/pocket/train.py --out agents/llm/pocket_model

It took 4,229 s of processor time, 3,004 s on two cores that others used too; on the shorter prompts of earlier versions
it took half of that. Each dialogue is seen once; the loss is taken on replies only.
"""

import argparse
import json
import math
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import Any

import tokens
import torch
from corpus import Dialogue, corpus
from torch import Tensor
from torch.nn import functional as F
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

SEED = 20261126
SHARES = {"coevolution": 0.36, "lockin": 0.06, "shopping": 0.17, "payoff": 0.05, "drift": 0.12, "culture": 0.24}
"""World -> share of the settings: more of those that ask for reading many numbers."""
CONTEXT = 2048
BATCH = 2048
"""Tokens of a step, padding included: many small steps learn more from as many tokens than few large ones."""
RATES, WARM = (0.02, 3e-3), 0.03
"""Of Muon and AdamW at the most, and the share of the steps in which they rise to it."""
Row = tuple[list[int], int]
"""Token ids of a dialogue, and the place at which its reply begins."""


def model_for(tokenizer: PreTrainedTokenizerFast) -> Any:
    """A causal transformer in the Llama form, below two million parameters."""
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=128,
        intermediate_size=384,
        num_hidden_layers=4,
        num_attention_heads=4,
        num_key_value_heads=4,
        max_position_embeddings=CONTEXT,
        tie_word_embeddings=True,
        initializer_range=0.08,
        bos_token_id=None,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        return LlamaForCausalLM(config)


def rows(tokenizer: PreTrainedTokenizerFast, dialogues: Sequence[Dialogue]) -> list[Row]:
    """Tokens of every dialogue that fits into the context."""
    written = [tokens.written(one) for one in dialogues]
    asked = tokenizer([prompt for prompt, _ in written], add_special_tokens=False)["input_ids"]
    said = tokenizer([reply for _, reply in written], add_special_tokens=False)["input_ids"]
    return [([*a, *s], len(a)) for a, s in zip(asked, said, strict=True) if len(a) + len(s) <= CONTEXT]


def batches(found: Sequence[Row], rng: Random) -> list[list[Row]]:
    """Rows of like length together, in random order."""
    made: list[list[Row]] = []
    shuffled = rng.sample(found, len(found))
    for first in range(0, len(shuffled), 4096):
        batch: list[Row] = []
        for row in sorted(shuffled[first : first + 4096], key=lambda row: len(row[0]), reverse=True):
            if batch and len(batch[0][0]) * (len(batch) + 1) > BATCH:
                made.append(batch)
                batch = []
            batch.append(row)
        made.append(batch)
    rng.shuffle(made)
    return made


def loss_of(model: Any, batch: Sequence[Row], device: str) -> Tensor:
    """Mean cross entropy of the replies' tokens."""
    longest = max(len(ids) for ids, _ in batch)
    ids = torch.tensor([ids + [0] * (longest - len(ids)) for ids, _ in batch], device=device)
    told = torch.tensor([[begin <= k < len(row) for k in range(1, longest)] for row, begin in batch], device=device)
    # Padding stands on the right, where no token that counts can see it.
    hidden = model.model(input_ids=ids).last_hidden_state[:, :-1]
    logits = model.lm_head(hidden[told])
    return F.cross_entropy(logits.float(), ids[:, 1:][told])


class Both:
    """Muon for the matrices inside, AdamW for embeddings and vectors, at rates that rise and fall together."""

    def __init__(self, model: Any) -> None:
        inside = [p for name, p in model.named_parameters() if p.dim() == 2 and "embed" not in name]
        others = [p for name, p in model.named_parameters() if p.dim() < 2 or "embed" in name]
        self.each: list[torch.optim.Optimizer] = [
            torch.optim.Muon(inside, lr=RATES[0], momentum=0.95, weight_decay=0.01),
            torch.optim.AdamW(others, lr=RATES[1], betas=(0.9, 0.98), weight_decay=0.0),
        ]

    def step(self, share: float) -> None:
        """One step at a share of the rates."""
        for optimizer, rate in zip(self.each, RATES, strict=True):
            for group in optimizer.param_groups:
                group["lr"] = rate * share
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)


def fit(model: Any, made: Sequence[list[Row]], device: str = "cpu") -> Iterator[tuple[int, float]]:
    """One pass over the batches; yields step and smoothed loss."""
    steps, mean, both = len(made), 0.0, Both(model)
    model.train()
    for step, batch in enumerate(made):
        done = step / steps
        with torch.autocast(device, torch.bfloat16):
            loss = loss_of(model, batch, device)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        both.step(min(1.0, (done + 1 / steps) / WARM, 0.02 + 0.98 * 0.5 * (1.0 + math.cos(math.pi * done))))
        if step % 20 == 0:
            mean = float(loss.detach()) if step == 0 else 0.7 * mean + 0.3 * float(loss.detach())
            yield step, mean
    model.train(False)


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True, help="folder of the model")
    parser.add_argument("--settings", type=int, default=2200, help="societies to learn from")
    parser.add_argument("--steps", type=int, help="steps at most, to try it out")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--worlds", nargs="+", default=list(SHARES), help="worlds to learn")
    given = parser.parse_args()
    torch.set_num_threads(given.threads)
    began = time.perf_counter()

    def tell(text: str) -> None:
        print(f"{time.perf_counter() - began:7.1f} s  {text}", flush=True)

    told = corpus(SEED, given.settings, {world: SHARES[world] for world in given.worlds}, given.threads)
    tell(f"{len(told):,} dialogues of {given.settings:,} societies")
    tokenizer = tokens.train(told[:20_000])
    found = rows(tokenizer, told)
    size = sum(len(ids) for ids, _ in found)
    tell(f"{len(tokenizer):,} kinds of tokens, {size:,} tokens, {sum(len(i) - b for i, b in found):,} of them replies")
    model = model_for(tokenizer).to(given.device)
    made = batches(found, Random(SEED))[: given.steps]
    tell(f"{sum(p.numel() for p in model.parameters()):,} parameters, {len(made):,} steps")
    for step, loss in fit(model, made, given.device):
        if step % 100 == 0:
            tell(f"step {step:5d}  loss {loss:.3f}")
    model.to("cpu", torch.float16).save_pretrained(given.out)
    tokenizer.save_pretrained(given.out)
    facts = {
        "parameters": sum(p.numel() for p in model.parameters()),
        "societies": given.settings,
        "dialogues": len(found),
        "tokens": size,
        "steps": len(made),
        "threads": given.threads,
        "seconds": round(time.perf_counter() - began),
        "processor_seconds": round(sum(os.times()[:4])),
    }
    (given.out / "training.json").write_text(json.dumps(facts, indent=1) + "\n")
    tell(f"written to {given.out}: {facts}")


if __name__ == "__main__":
    main()
