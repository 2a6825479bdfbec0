"""Prototypes as interpreter: a text is what it is most like, by the cosine of embeddings.

The built-in embedding counts sequences of three to five letters (assumed: spelling stands in for meaning),
so that nothing need be downloaded; a server's or a model's own embeddings tell more.
"""

import math
import re
import zlib
from collections import Counter
from collections.abc import Sequence
from functools import cached_property
from typing import Any, Protocol, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor

from populace.agents.llm.backends import rehearsal
from populace.agents.llm.backends.base import tokens
from populace.agents.llm.backends.fetched import located
from populace.agents.llm.backends.loading import cannot_load
from populace.agents.llm.interpret.embeddings import EmbeddingOptions, ServerEmbedding
from populace.agents.llm.interpret.interpreter import Interpreter, Reading, filled, known, names_in
from populace.budget import Budget
from populace.dialogue import About, Coding
from populace.errors import MissingExtra
from populace.files import name_or_folder

DIMS = 4096
"""Places among which sequences of letters are shared out."""
LETTERS = range(3, 6)
"""Lengths of the sequences."""
HELD = 256
"""Texts whose embeddings are held at a time."""
_SENTENCE = re.compile(r"(?<=[.!?])\s+|\n+")


class PrototypeOptions(EmbeddingOptions):
    """Which sentences stand for what, and how alike texts are found."""

    sentences: dict[str, tuple[str, ...]] = Field(default_factory=dict)
    """Code -> sentences that take the place of the world's own."""
    threshold: float = Field(default=0.25, ge=-1, le=1)
    """Where several codes may hold: the least cosine similarity between a sentence of the text and one that stands for
    a code. The default was set with the letter sequences; embeddings of a model need one of their own."""

    @model_validator(mode="after")
    def _whole(self) -> Self:
        if self.base_url is not None and self.model is None:
            raise ValueError("base_url needs model: the name of one of the server's models of embeddings")
        if self.base_url is None and self.model is not None:
            name_or_folder(self.model)
        if any(not sentences for sentences in self.sentences.values()):
            raise ValueError("sentences: a code without any; leave it out to keep the world's own")
        return self


class Embedding(Protocol):
    """Texts -> [texts, dims] float, of any length."""

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Embed every text by itself."""
        ...


def letters(texts: Sequence[str]) -> Tensor:
    """Counts of letter sequences within words, shared out by a hash, square roots taken: [texts, DIMS] float64."""
    rows = torch.zeros((len(texts), DIMS), dtype=torch.float64)
    for row, text in enumerate(texts):
        counts: Counter[int] = Counter()
        for word in re.findall(r"[\w']+", text.casefold()):
            edged = f" {word} "
            for length in LETTERS:
                for start in range(len(edged) - length + 1):
                    counts[zlib.crc32(edged[start : start + length].encode()) % DIMS] += 1
        for place, count in counts.items():
            rows[row, place] = math.sqrt(count)
    return rows


class ModelEmbedding:
    """Mean hidden states of a model of `transformers`, last layer.

    Args:
        name: A folder, a name of `populace models list`, or a hub id. Texts are cut where its context ends.
    """

    def __init__(self, name: str) -> None:
        self.name = name

    @cached_property
    def loaded(self) -> tuple[Any, Any]:
        """Tokenizer and model.

        Raises:
            MissingExtra: `transformers` is not installed.
            PopulaceError: The model cannot be loaded.
        """
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError:
            raise MissingExtra("prototypes with a model", "transformers", "llm") from None
        place = located(self.name)
        try:
            with torch.random.fork_rng(devices=[]):
                tokenizer = AutoTokenizer.from_pretrained(place, trust_remote_code=False)
                model: Any = AutoModel.from_pretrained(place, trust_remote_code=False)
        except Exception as error:  # what a folder holds can fail in any way
            raise cannot_load(self.name, error) from error
        return tokenizer, model.float().train(False)

    def __call__(self, texts: Sequence[str]) -> Tensor:
        """Each text alone, so that no padding can touch it."""
        tokenizer, model = self.loaded
        longest = getattr(model.config.get_text_config(), "max_position_embeddings", None)
        cut = {} if longest is None else {"truncation": True, "max_length": longest}
        rows = []
        with torch.inference_mode():
            for text in texts:
                ids = torch.tensor([tokenizer(text, **cut)["input_ids"]], device=model.device)
                rows.append(model(input_ids=ids).last_hidden_state[0].double().mean(0).cpu())
        return torch.stack(rows)


class Prototypes(Interpreter):
    """Nearest sentences.

    Args:
        coding: What texts are read for.
        options: Which sentences, and how alike texts are found.

    Raises:
        UnknownName: Sentences for a code that there is not.
    """

    name = "prototypes"

    def __init__(self, coding: Coding, options: PrototypeOptions | None = None) -> None:
        super().__init__(coding)
        o = self.options = PrototypeOptions() if options is None else options
        known(o.sentences, coding, "prototypes: sentences")
        self.embed: Embedding = letters
        if o.model is not None:
            self.embed = ModelEmbedding(o.model) if o.base_url is None else ServerEmbedding(o)

    @cached_property
    def sentences(self) -> dict[str, tuple[str, ...]]:
        """Code -> sentences that stand for it."""
        return {**self.coding.prototypes, **self.options.sentences}

    @cached_property
    def table(self) -> list[Tensor]:
        """Unit embeddings [sentences, dims] of each code, of the sentences that are the same for every text."""
        fixed = [[one for one in self.sentences[code] if not names_in(one)] for code in self.coding.codes]
        every = [one for some in fixed for one in some]
        rows = _unit(self._embed(every)) if every else torch.zeros((0, 0), dtype=torch.float64)
        return list(rows.split([len(some) for some in fixed]))

    def spend_from(self, budget: Budget) -> None:
        """Count there what a server is asked."""
        if isinstance(self.embed, ServerEmbedding):
            self.embed.budget = budget

    def _embed(self, texts: Sequence[str]) -> Tensor:
        """The texts' embeddings; those of letters while a run is rehearsed, as nobody is asked then."""
        if (tally := rehearsal.current()) is None:
            return self.embed(texts)
        if self.options.base_url is not None:
            tally.embed(len(texts), sum(map(tokens, texts)), self.options.price_in)
        return letters(texts)

    def alike(self, texts: Sequence[str], about: Sequence[About]) -> Tensor:
        """Cosine [texts, codes] of a code's sentences and the text: of the likest one, and the likest part of the text.

        Only where several codes may hold is a text taken sentence by sentence. -1 where a code has no sentence.
        """
        parts = [_SENTENCE.split(text.strip()) if self.coding.several else [text] for text in texts]
        own = [self._own(what) for what in about]
        flat = _unit(self._embed([one for some in parts for one in some] + [one for some in own for _, one in some]))
        said, more = flat.split([sum(map(len, parts)), sum(map(len, own))])
        rows = []
        for some, extra in zip(
            said.split([len(one) for one in parts]),
            zip(own, more.split([len(one) for one in own]), strict=True),
            strict=True,
        ):
            table = self._with(*extra)
            # One row at a time: a product of matrices would change its last bits with the number of texts.
            found = [
                [(row * code).sum(-1).amax() if len(code) else row.new_tensor(-1.0) for code in table] for row in some
            ]
            rows.append(torch.stack([torch.stack(one) for one in found]).amax(0))
        return torch.stack(rows)

    def _own(self, about: About) -> list[tuple[int, str]]:
        """(code, sentence) of the sentences that depend on what a text is about."""
        every = ((k, one) for k, code in enumerate(self.coding.codes) for one in self.sentences[code] if names_in(one))
        return [(k, own) for k, one in every if (own := filled(one, about, rule=False)) is not None]

    def _with(self, own: Sequence[tuple[int, str]], rows: Tensor) -> list[Tensor]:
        """The table with the embeddings [sentences, dims] of a text's own sentences."""
        if not own:
            return self.table
        found = []
        for k, fixed in enumerate(self.table):
            more = rows[[i for i, (code, _) in enumerate(own) if code == k]]
            found.append(torch.cat([fixed, more]) if len(fixed) else more)
        return found

    def code(self, texts: Sequence[str], about: Sequence[About]) -> Reading:
        """The likest code, if the text is like any; or all from the threshold on."""
        held = range(0, len(texts), HELD)
        found = torch.cat([self.alike(texts[k : k + HELD], about[k : k + HELD]) for k in held])
        if self.coding.several:
            return Reading.plain(found >= self.options.threshold)
        best = torch.nn.functional.one_hot(found.argmax(-1), found.shape[-1]).bool()
        return Reading.plain(best & (found.amax(-1, keepdim=True) > 0))


def _unit(rows: Tensor) -> Tensor:
    """Rows of length one; zero rows stay."""
    return rows / rows.square().sum(-1, keepdim=True).sqrt().clamp(min=1e-12)
