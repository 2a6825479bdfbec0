"""The tokenizer: byte-level BPE whose vocabulary also holds the sentences that worlds always say.

Digits are tokens of their own, and so is every space, mark and word of the rest, so that a name is the same tokens
wherever it stands. Phrases that return in many dialogues of a kind are one token each: a prompt of 1,000 characters
costs about a hundred. Whatever is not known is spelt.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence

from corpus import Dialogue
from settings import FAMILIAR, PEOPLES, PLACES
from tokenizers import AddedToken, Regex, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import PreTrainedTokenizerFast

END, PAD = "<|end|>", "<|pad|>"
WHO = ("<|system|>", "<|user|>", "<|assistant|>")
TEMPLATE = (
    "{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
"""A chat is `<|user|>...<|end|><|assistant|>...<|end|>`; nothing comes before the first mark."""

PARTS = re.compile(r"\n|(?<!\d)0\.(?=\d\d)|\d+(?:[.:] |%)|\d|[^\W\d]+|[^\w\n]+?")
"""What phrases are made of; numbers at the head of a line or an entry are parts of their own."""
MARKERS = (
    *(f"{k}{mark} " for k in range(1, 61) for mark in ".:"),
    *(f"{k}%" for k in range(101)),
    *(f"{k} = option {k}" for k in range(1, 10)),
)
"""`1. `, `1: `: one token each, so that entry and answer are found by it; so are shares, which are read and told back,
and a synthetic survey's options. All other digits are tokens of their own."""
COMMON = 0.08
"""A word belongs to a phrase if it stands in this share of the dialogues of a kind."""
NAMING = ("coevolution", "culture")
"""Worlds in whose sentences names stand."""
NAMES = {word for name in (*FAMILIAR, *PEOPLES, *PLACES) for word in re.split(r"[_-]", name)}
NAMES |= {"culture_", "group_", "value_"}
"""Words of names: no part of a phrase there, so that a name is the same tokens wherever it stands."""
PHRASES, MERGED = 600, 600
"""How many phrases there are at most, and merges of the rest."""


def train(dialogues: Sequence[Dialogue]) -> PreTrainedTokenizerFast:
    """A tokenizer for these dialogues."""
    found = phrases(dialogues)
    rest = re.compile("|".join(re.escape(p) for p in sorted((*found, *MARKERS), key=len, reverse=True)))
    words = Tokenizer(models.BPE())
    apart = pre_tokenizers.Split(Regex(r"\d|[^\w]|_"), "isolated")
    words.pre_tokenizer = pre_tokenizers.Sequence(
        [apart, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)]
    )
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=256 + 2 + len(WHO) + MERGED,
        special_tokens=[PAD, END, *WHO],
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    familiar = [name.replace("_", " ") for name in (*FAMILIAR, *PEOPLES, *PLACES)] * 100
    words.train_from_iterator((*familiar, *(rest.sub("\n", text) for text in texts(dialogues))), trainer)
    words.add_tokens([AddedToken(text, normalized=False) for text in (*MARKERS, *found)])
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, eos_token=END, pad_token=PAD, clean_up_tokenization_spaces=False
    )
    tokenizer.chat_template = TEMPLATE
    return tokenizer


def texts(dialogues: Iterable[Dialogue]) -> Iterator[str]:
    """Everything that is said."""
    for one in dialogues:
        yield from (text for _, text in one.messages)
        yield one.reply


def written(one: Dialogue) -> tuple[str, str]:
    """Prompt and reply as the chat template would write them."""
    prompt = "".join(f"<|{who}|>{text}{END}" for who, text in one.messages)
    return f"{prompt}<|assistant|>", f"{one.reply}{END}"


def phrases(dialogues: Sequence[Dialogue]) -> list[str]:
    """The phrases that save most: runs of common words within a line and a sentence."""
    by_kind = defaultdict(list)
    for one in dialogues:
        by_kind[one.kind].append([PARTS.findall(text) for text in texts([one])])
    saved: Counter[str] = Counter()
    for kind in sorted(by_kind):
        told = by_kind[kind]
        seen = Counter(part for one in told for part in {part for text in one for part in text})
        common = {part for part, n in seen.items() if n >= COMMON * len(told) and not part[0].isdigit()} | {"0."}
        if kind[0] in NAMING:
            common -= NAMES
        runs = Counter(run for one in told for text in one for run in _runs(text, common))
        for run, count in runs.items():
            if count >= 0.03 * len(told) and count >= 10:
                # What a phrase saves of an average dialogue of its kind, in parts.
                saved[run] += int(1000 * count / len(told) * (len(PARTS.findall(run)) - 1))
    return [run for run, _ in sorted(saved.items(), key=lambda item: (-item[1], item[0]))[:PHRASES]]


def _runs(parts: Sequence[str], common: set[str]) -> Iterator[str]:
    run = ""
    for part in (*parts, "0"):
        if part in common and not (part == "0." and not run):
            run += part
            if part != "\n" and not run.endswith((". ", ".\n")):
                continue
        if len(run) > 1:
            yield run
        run = ""
