"""How prompts begin alike, and what is worth reading apart for it."""

from collections.abc import Sequence
from itertools import pairwise

Prompt = tuple[int, ...]
"""Tokens; at least one."""

WORTH = 0.75
"""A shared beginning is read apart where that leaves at most this part of the tokens to run (choice of ours)."""


def share(prompts: Sequence[Prompt]) -> tuple[int, list[Prompt], list[int]] | None:
    """How to run fewest tokens when prompts begin alike: 1, 2, 4, 8, ... beginnings are tried.

    Returns:
        Tokens each row runs itself, the beginnings that are run apart, and each row's beginning: the row's first
        tokens are the beginning's as far as it does not run them itself. None where it is not worth while.
    """
    order = sorted(range(len(prompts)), key=prompts.__getitem__)
    alike = [_alike(prompts[a], prompts[b]) for a, b in pairwise(order)]
    gaps = sorted(range(len(alike)), key=alike.__getitem__)
    least = int(WORTH * len(prompts) * max(map(len, prompts)))
    best: tuple[int, list[list[int]]] | None = None
    count = 1
    while 2 * count <= len(prompts):
        # Cut where neighbours have least in common.
        edges = [0, *sorted(gap + 1 for gap in gaps[: count - 1]), len(order)]
        own, groups = 1, [order[a:b] for a, b in pairwise(edges)]
        for (a, b), group in zip(pairwise(edges), groups, strict=True):
            common = min(alike[a : b - 1], default=len(prompts[group[0]]) - 1)
            own = max(own, max(len(prompts[i]) for i in group) - common)
        apart = max(map(len, prompts)) - own
        if apart > 0 and len(prompts) * own + count * apart <= least:
            least, best = len(prompts) * own + count * apart, (own, groups)
        count *= 2
    if best is None:
        return None
    own, groups = best
    whose, beginnings = [0] * len(prompts), []
    for k, group in enumerate(groups):
        longest = prompts[max(group, key=lambda i: len(prompts[i]))]
        beginnings.append(longest[: max(len(longest) - own, 1)])
        for i in group:
            whose[i] = k
    return own, beginnings, whose


def _alike(one: Prompt, other: Prompt) -> int:
    """Tokens at the beginning that are the same."""
    pairs = enumerate(zip(one, other, strict=False))
    return next((k for k, (a, b) in pairs if a != b), min(len(one), len(other)))
