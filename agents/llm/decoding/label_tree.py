"""Labels as a tree of their beginnings, so that tokens with which several begin are run once."""

from collections.abc import Sequence
from typing import NamedTuple

from populace.agents.llm.decoding.prefixes import Prompt


class LabelTree(NamedTuple):
    """The beginnings of some labels: a node for every one that is longer than nothing and shorter than a label."""

    tokens: list[int]
    """The last token of each node."""
    depth: list[int]
    """Tokens before that."""
    above: list[list[int]]
    """The nodes that each node sees: its own beginnings and itself."""
    steps: list[tuple[int, int]]
    """Of all labels in turn, the steps behind their first token: the node that is read, and the token that follows."""


def label_tree(labels: Sequence[Prompt]) -> LabelTree:
    """The tree of some labels, each of at least one token."""
    places: dict[Prompt, int] = {}
    tree = LabelTree([], [], [], [])
    for label in labels:
        seen: list[int] = []
        for d in range(1, len(label)):
            if label[:d] not in places:
                places[label[:d]] = len(places)
                tree.tokens.append(label[d - 1])
                tree.depth.append(d - 1)
                tree.above.append([*seen, places[label[:d]]])
            seen.append(places[label[:d]])
            tree.steps.append((seen[-1], label[d]))
    return tree
