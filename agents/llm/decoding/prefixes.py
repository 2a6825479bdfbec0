"""Common prefixes of prompts, and when it saves tokens to compute them once."""

from collections.abc import Sequence
from itertools import pairwise
from typing import NamedTuple

Prompt = tuple[int, ...]
"""Tokens; at least one."""

WORTH = 0.75
"""A shared beginning is read apart where that leaves at most this part of the tokens to run (chosen here)."""


class Parts(NamedTuple):
    """Prompts, cut in two."""

    own: int
    """Tokens each row runs itself, its last ones; shorter rows are padded."""
    beginnings: Sequence[Prompt]
    """What is run apart."""
    whose: list[int]
    """Each row's beginning, which holds all tokens that the row does not run itself, and may hold more."""


def share(prompts: Sequence[Prompt], known: Sequence[Prompt] = (), behind: int = 0) -> Parts | None:
    """How to run fewest tokens when prompts share a prefix; None where it is not worth while.

    The beginnings in `known` have been run already; beside them, 1, 2, 4, 8, ... beginnings are tried. Every row runs
    `behind` tokens more behind its prompt, together with it.
    """
    longest = max(map(len, prompts))
    least, best = int(len(prompts) * (WORTH * (longest + behind) - behind)), None
    if known:
        whose = [max(range(len(known)), key=lambda k: alike(prompt, known[k])) for prompt in prompts]
        shared = [alike(prompt, known[k]) for prompt, k in zip(prompts, whose, strict=True)]
        own = max(1, *(len(prompt) - common for prompt, common in zip(prompts, shared, strict=True)))
        if len(prompts) * own <= least:
            least, best = len(prompts) * own, Parts(own, known, whose)
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    common = [alike(prompts[a], prompts[b]) for a, b in pairwise(order)]
    gaps = sorted(range(len(common)), key=common.__getitem__)
    count = 1
    while 2 * count <= len(prompts):
        # Cut where neighbours have least in common.
        edges = [0, *sorted(gap + 1 for gap in gaps[: count - 1]), len(order)]
        groups = [[prompts[i] for i in order[a:b]] for a, b in pairwise(edges)]
        shared = [min(common[a : b - 1], default=len(prompts[order[a]]) - 1) for a, b in pairwise(edges)]
        lengths = [max(map(len, group)) for group in groups]
        own = max(1, *(length - n for length, n in zip(lengths, shared, strict=True)))
        if own < longest and len(prompts) * own + count * (longest - own) < least:
            least = len(prompts) * own + count * (longest - own)
            beginnings = [max(group, key=len)[: max(1, n - own)] for group, n in zip(groups, lengths, strict=True)]
            whose = [0] * len(prompts)
            for k, (a, b) in enumerate(pairwise(edges)):
                for i in order[a:b]:
                    whose[i] = k
            best = Parts(own, beginnings, whose)
        count *= 2
    return best


def alike(one: Prompt, other: Prompt) -> int:
    """How many of the first tokens are the same."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if one[low:middle] == other[low:middle] else (low, middle - 1)
    return low
