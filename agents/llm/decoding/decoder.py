"""How a local model reads prompts, weighs choices and writes replies: all rows together, no token run twice.

Replies are decoded here rather than by `generate`, whose sampling draws from torch's global generator: each
row's tokens follow from its own seed, whoever else is in the batch. Equal prompts are read once, and so are the tokens
that prompts begin with alike; both change no distribution, only last bits, as does any other batch.
"""

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.func import functional_call
from transformers.cache_utils import Cache, DynamicCache

from populace.agents.llm.decoding.forms import LOOKED, Guide
from populace.agents.llm.decoding.grammar import Held
from populace.agents.llm.decoding.kv_cache import picked, plain
from populace.agents.llm.decoding.label_tree import label_tree
from populace.agents.llm.decoding.prefixes import Prompt, share
from populace.agents.llm.decoding.sampling import Sampling, choose, penalised, uniforms


@dataclass(frozen=True)
class Read:
    """What a model holds after reading prompts, which are padded on the left to the same length.

    Attributes:
        ids: [rows, longest] int64.
        mask: [rows, longest] bool, false where padded.
        logits: [rows, vocabulary] of the next token.
        past: The cache, or None for a model whose cache cannot be rearranged: all tokens are then run again.
    """

    ids: Tensor
    mask: Tensor
    logits: Tensor
    past: Any


class Decoder:
    """A causal model of `transformers`, run by hand.

    Args:
        model: The model, on its device.
        ends: Tokens that end a reply.
        sampling: How tokens are drawn.
        choosing: Temperature at which labels are drawn; that of tokens where not given.

    Attributes:
        plain: Its cache is keys and values of all tokens in every layer, so that beginnings can be shared.
        trees: Beside that, it takes any mask of attention: labels are then read side by side after one prompt.
        cached: Its cache can be rearranged by rows.
        look: Steps between looks at who has ended; a look makes a GPU wait.
        own: Weights by name that stand in for the model's while they are here, as those of one world's learner.
    """

    def __init__(
        self, model: Any, ends: Sequence[int], sampling: Sampling | None = None, choosing: float | None = None
    ) -> None:
        self.model, self.ends, self.sampling = model, tuple(ends), sampling or Sampling()
        self.choosing = self.sampling.temperature if choosing is None else choosing
        self.device: torch.device = model.device
        self._takes = set(inspect.signature(type(model).forward).parameters)
        # What models take and give back their cache as: transformers has called it `cache` since 5.24.
        # A cache that is a state, not keys of tokens, is not ours to handle: such a model is run anew.
        names = ["past_key_values", *([] if getattr(model, "_is_stateful", False) else ["cache"])]
        self._cache = next((name for name in names if name in self._takes), "")
        self.cached = bool(self._cache)
        self.plain = self.cached and plain(DynamicCache(config=model.config))
        attention = getattr(model.config, "_attn_implementation", "") if model._supports_attention_backend else ""
        self.trees = self.plain and attention in ("sdpa", "eager")
        self._additive = attention == "eager"
        self._kept: tuple[Sequence[Prompt], Read] | None = None
        self.own: Mapping[str, Tensor] = {}
        self.look = 1 if self.device.type == "cpu" else 4

    # ------------------------------------------------------------------ reading

    def forget(self) -> None:
        """Let go of the beginnings that were kept for the next batch."""
        self._kept = None

    def read(self, prompts: Sequence[Prompt], room: int = 0) -> Read:
        """Read prompts, their shared beginnings once, and keep `room` tokens free behind them."""
        ids, mask, own, past = self._begin(prompts, room)
        logits, past = self._run(ids[:, -own:], mask, _places(mask)[:, -own:], past)
        self.plain = self.plain and plain(past)
        self.trees = self.trees and self.plain
        return Read(ids, mask, logits[:, -1], self._picked(past, None, room) if own == ids.shape[1] else past)

    def _begin(self, prompts: Sequence[Prompt], room: int, behind: int = 0) -> tuple[Tensor, Tensor, int, Any]:
        """Tokens and mask [rows, longest], how many of the last tokens are left to run, and a cache of those before.

        What a row does not run itself lies in the cache as if it had: padding, then its first tokens. `behind` tokens
        are run right behind the prompts.
        """
        ids, mask = self._padded(prompts)
        kept = self._kept
        parts = share(prompts, kept[0] if kept else (), behind) if self.plain else None
        if parts is not None and (kept is None or parts.beginnings is not kept[0]):
            # Let go of the last ones first: they may lie on a GPU.
            self.forget()
            kept = self._kept = (parts.beginnings, self.read(parts.beginnings))
        if parts is None or kept is None or not self.plain:
            return ids, mask, ids.shape[1], None
        own, before, which = parts.own, kept[1], torch.tensor(parts.whose, device=self.device)
        pads = (~mask).sum(-1) - (~before.mask).sum(-1)[which]
        columns = torch.arange(ids.shape[1] - own, device=self.device) - pads.unsqueeze(-1)
        return ids, mask, own, picked(before.past, which, own + room, columns.clamp(0, before.ids.shape[1] - 1))

    def _padded(self, prompts: Sequence[Prompt]) -> tuple[Tensor, Tensor]:
        longest = max(map(len, prompts))
        ids = torch.tensor([(0,) * (longest - len(prompt)) + prompt for prompt in prompts])
        lengths = torch.tensor([len(prompt) for prompt in prompts])
        mask = torch.arange(longest) >= longest - lengths.unsqueeze(-1)
        return ids.to(self.device), mask.to(self.device)

    def _run(self, ids: Tensor, mask: Tensor, places: Tensor, past: Any, last: int = 1) -> tuple[Tensor, Any]:
        """Logits [rows, last, vocabulary] after the last tokens of `ids`, and the cache; `mask` covers the past too."""
        given = {
            "input_ids": ids,
            "attention_mask": mask if mask.ndim == 4 else mask.long(),
            "position_ids": places,
            self._cache: past,
            "use_cache": self.cached,
            "logits_to_keep": last,
        }
        given = {name: value for name, value in given.items() if name in self._takes}
        out = functional_call(self.model, dict(self.own), (), given) if self.own else self.model(**given)
        past = getattr(out, self._cache, None) if self.cached else None
        self.cached = isinstance(past, Cache)
        return out.logits[:, -last:], past if self.cached else None

    def _picked(self, past: Any, rows: Tensor | None, room: int) -> Any:
        """The cache of these rows (None: of all), in this order, with room for what follows."""
        if self.plain:
            return picked(past, rows, room)
        if self.cached and rows is not None:
            past.reorder_cache(rows)
        return past

    # ------------------------------------------------------------------ choosing

    def width(self, labels: Sequence[Prompt]) -> tuple[int, int]:
        """Rows a prompt takes while its labels are scored, and tokens a row has behind the prompt."""
        return (1, len(label_tree(labels).tokens)) if self.trees else (len(labels), max(map(len, labels)))

    def score(self, prompts: Sequence[Prompt], labels: Sequence[Prompt], closers: Sequence[int] = ()) -> Tensor:
        """Log-probabilities [prompts, labels] float32 that the model writes each label; prompts are read once for all.

        Args:
            prompts: What the model has read.
            labels: Tokens of each label, with the end of the reply, so that `1` is no beginning of `12`.
            closers: Tokens any of which may stand for the last one of every label: ends of a line beside ends of the
                reply. () for that token alone.
        """
        return (self._side_by_side if self.trees else self._in_rows)(prompts, labels, closers)

    def _side_by_side(self, prompts: Sequence[Prompt], labels: Sequence[Prompt], closers: Sequence[int]) -> Tensor:
        """All labels in one row, behind its prompt, what they begin with alike once (see `LabelTree`)."""
        tree, device = label_tree(labels), self.device
        flat, depth = (torch.tensor(part, dtype=torch.int64, device=device) for part in (tree.tokens, tree.depth))
        above = torch.zeros((len(flat), len(flat)), dtype=torch.bool)
        for node, seen in enumerate(tree.above):
            above[node, seen] = True
        ids, mask, own, past = self._begin(prompts, len(flat), len(flat))
        rows, behind = len(ids), len(flat)
        before, all_ = ids.shape[1] - own, ids.shape[1] + behind
        sees = torch.ones((own + behind, all_), dtype=torch.bool, device=device).tril(before)
        sees[own:, before + own :] = above.to(device)
        sees = sees & torch.cat((mask, mask.new_ones((rows, behind))), -1).unsqueeze(1)
        # A padded token sees itself: to see nothing would be no number.
        sees = (sees | torch.ones_like(sees[0]).tril(before).triu(before)).unsqueeze(1)
        if self._additive:
            least = torch.finfo(self.model.dtype).min
            sees = torch.zeros(sees.shape, dtype=self.model.dtype, device=device).masked_fill(~sees, least)
        places = torch.cat((_places(mask)[:, -own:], mask.sum(-1, keepdim=True) + depth), -1)
        tokens = torch.cat((ids[:, -own:], flat.expand(rows, -1)), -1)
        logits, _ = self._run(tokens, sees, places, past, 1 + behind)
        heads = torch.tensor([label[0] for label in labels], device=device)
        first = torch.log_softmax(logits[:, 0].float(), -1)[:, heads]
        nodes, following = torch.tensor(tree.steps, dtype=torch.int64, device=device).view(-1, 2).unbind(-1)
        chance = torch.log_softmax(logits[:, 1:].float(), -1)
        found = chance[:, nodes, following]
        lengths = [len(label) - 1 for label in labels]
        if closers:
            last = torch.tensor(lengths, device=device).cumsum(0) - 1
            ended = chance[..., torch.tensor(closers, device=device)].logsumexp(-1)
            found[:, last] = ended[:, nodes[last]]
        return first + torch.stack([part.sum(-1) for part in found.split(lengths, -1)], -1)

    def _in_rows(self, prompts: Sequence[Prompt], labels: Sequence[Prompt], closers: Sequence[int]) -> Tensor:
        """A row for every prompt and label, for models that do not accept a mask from the caller."""
        read, rows, width, device = self.read(prompts), len(prompts), max(map(len, labels)), self.device
        heads = torch.tensor([label[0] for label in labels], device=device)
        first = torch.log_softmax(read.logits.float(), -1)[:, heads]
        if width == 1:
            return first
        table = torch.tensor([label + (0,) * (width - len(label)) for label in labels], device=device).repeat(rows, 1)
        real = torch.tensor([[k < len(label) for k in range(width)] for label in labels], device=device)
        which, begun = torch.arange(rows, device=device).repeat_interleave(len(labels)), table[:, :-1]
        mask = torch.cat((read.mask[which], torch.ones_like(begun, dtype=torch.bool)), -1)
        past = self._picked(read.past, which, width) if self.cached else None
        ids = begun if self.cached else torch.cat((read.ids[which], begun), -1)
        logits, _ = self._run(ids, mask, _places(mask)[:, -ids.shape[1] :], past, width - 1)
        chance = torch.log_softmax(logits.float(), -1)
        found = chance.gather(-1, table[:, 1:].unsqueeze(-1)).squeeze(-1)
        if closers:
            ended = chance[..., torch.tensor(closers, device=device)].logsumexp(-1)
            last = torch.tensor([len(label) - 2 for label in labels], device=device).repeat(rows).unsqueeze(-1)
            found = found.scatter(-1, last, ended.gather(-1, last))
        found = found.unflatten(0, (rows, -1))
        return first + torch.where(real[:, 1:], found, 0.0).sum(-1)

    def follow(self, prompts: Sequence[Prompt], replies: Sequence[Prompt]) -> Tensor:
        """Log-probabilities [prompts] float32 that the model writes each reply (at least a token) after its prompt.

        Of the model itself, that is, at temperature 1 and without top_p, top_k, penalties and forms.
        """
        said = [prompt + reply[:-1] for prompt, reply in zip(prompts, replies, strict=True)]
        ids, mask = self._padded(said)
        width = max(map(len, replies))
        logits, _ = self._run(ids, mask, _places(mask), None, width)
        table = torch.tensor([(0,) * (width - len(reply)) + reply for reply in replies], device=self.device)
        real = torch.tensor([[k >= width - len(reply) for k in range(width)] for reply in replies], device=self.device)
        found = torch.log_softmax(logits.float(), -1).gather(-1, table.unsqueeze(-1)).squeeze(-1)
        return torch.where(real, found, 0.0).sum(-1)

    def pick(self, scores: Sequence[Sequence[float]], seeds: Sequence[int]) -> list[int]:
        """Which label each row gets by random numbers of its own: scores [rows, labels] are those of `score`."""
        return choose(torch.tensor(scores, dtype=torch.float32), uniforms(seeds, 1), self.choosing).tolist()

    # ------------------------------------------------------------------ writing

    def write(
        self,
        prompts: Sequence[Prompt],
        seeds: Sequence[int],
        length: int,
        forms: Sequence[str] = (),
        guide: Guide | None = None,
        begun: Sequence[str] = (),
        held: Held | None = None,
    ) -> list[list[int]]:
        """Tokens of a reply to each prompt, its end included; rows that have ended leave once they are half.

        Args:
            prompts: What the model has read; equal ones are read once.
            seeds: Random numbers of each row follow from these 64 bits.
            length: Tokens of a reply at most.
            forms: What each reply is held to ("" for nothing), or () where none is.
            guide: Knows forms (`populace.agents.llm.decoding.forms.Guide`).
            begun: What each reply begins with in its prompt, so far as its form is concerned; () for nothing.
            held: What rows may write by a grammar (`populace.agents.llm.decoding.grammar.Grammars.begin`), or None.
        """
        unique = list(dict.fromkeys(prompts))
        position, device = {prompt: k for k, prompt in enumerate(unique)}, self.device
        which = torch.tensor([position[prompt] for prompt in prompts], device=device)
        read, rows = self.read(unique, length if len(unique) == len(prompts) else 0), len(prompts)
        past = read.past if len(unique) == rows else self._picked(read.past, which, length)
        ids, mask, logits = read.ids[which], read.mask[which], read.logits[which]
        said = mask.sum(-1, keepdim=True)
        uniform, ends = uniforms(seeds, length, device), torch.tensor(self.ends, dtype=torch.int64, device=device)
        written = torch.zeros((rows, length), dtype=torch.int64, device=device)
        alive = torch.arange(rows, device=device)
        ended = torch.zeros(rows, dtype=torch.bool, device=device)
        texts, how = list(begun) or [""] * rows, self.sampling
        seen = _seen(ids, mask, logits.shape[-1]) if how.penalty != 1 else None
        for step in range(length):
            if seen is not None:
                logits = penalised(logits.float(), seen[alive], how.penalty)
            if held is not None:
                logits = held.masked(logits, alive.tolist())
            token = choose(logits, uniform[alive, step : step + 1], how.temperature, how.top_p, how.top_k)
            if held is not None:
                held.take(token.tolist(), alive.tolist())
            if guide is not None:
                token = self._held(guide, forms, texts, logits, uniform[alive, step], token, alive)
            written[alive, step] = token
            if seen is not None:
                seen[alive, token] = True
            if step + 1 == length:
                break
            ended = ended | torch.isin(token, ends)
            if (step + 1) % self.look == 0:
                over = int(ended.sum())
                if over == len(alive):
                    break
                if 2 * over >= len(alive):
                    left = (~ended).nonzero().squeeze(-1)
                    past = self._picked(past, left, length - step)
                    ids, mask, said, alive, ended, token = (
                        part[left] for part in (ids, mask, said, alive, ended, token)
                    )
            new = token.unsqueeze(-1)
            mask = torch.cat((mask, torch.ones_like(new, dtype=torch.bool)), -1)
            if self.cached:
                logits, past = self._run(new, mask, said + step, past)
            else:
                ids = torch.cat((ids, new), -1)
                logits, _ = self._run(ids, mask, _places(mask), None)
            logits = logits[:, -1]
        return [self._whole(row) for row in written.tolist()]

    def _held(
        self,
        guide: Any,
        forms: Sequence[str],
        texts: list[str],
        logits: Tensor,
        uniform: Tensor,
        free: Tensor,
        alive: Tensor,
    ) -> Tensor:
        """The next token [rows]: of rows that have a form, one that it allows; `texts` grow by it."""
        temperature = self.sampling.temperature
        chance = torch.softmax(logits.float() / (temperature or 1.0), -1)
        top = chance.topk(min(LOOKED, chance.shape[-1]), -1)
        said, tokens, chances = free.tolist(), top.indices.tolist(), top.values.tolist()
        numbers = uniform.tolist() if temperature else [0.0] * len(said)
        for k, row in enumerate(alive.tolist()):
            if forms[row]:
                likely = list(zip(tokens[k], chances[k], strict=True))
                said[k] = guide.pick(forms[row], texts[row], likely, chance.shape[-1], numbers[k])
                texts[row] += guide.added(said[k])
        return torch.tensor(said, device=free.device)

    def _whole(self, tokens: list[int]) -> list[int]:
        return tokens[: next((k + 1 for k, token in enumerate(tokens) if token in self.ends), len(tokens))]


def _places(mask: Tensor) -> Tensor:
    """Position of each token in its own row, [rows, tokens]."""
    return (mask.long().cumsum(-1) - 1).clamp(min=0)


def _seen(ids: Tensor, mask: Tensor, vocabulary: int) -> Tensor:
    """Which tokens each prompt holds, [rows, vocabulary] bool."""
    found = torch.zeros((len(ids), vocabulary), dtype=torch.int64, device=ids.device)
    return found.scatter_add(-1, ids, mask.long()) > 0
