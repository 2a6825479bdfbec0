"""Which value is wiser: votes of users, a weighted graph, and its winner (Moral Graph Elicitation, arXiv 2404.10636).

A vote compares two values in a context. Counts are kept for each ordered pair, pooled over contexts. In the published
code impressions count in the entropy (an option here) and rank leaks where a value has no way out (here it is handed on
evenly, as PageRank does).
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

import networkx as nx
import numpy as np

Verdict = Literal["upgrade", "no_upgrade", "not_sure"]
_KINDS = ("wiser", "not_wiser", "less_wise", "unsure")


@dataclass
class Edge:
    """What users said of the step from one value to another."""

    wiser: int = 0
    not_wiser: int = 0
    less_wise: int = 0
    unsure: int = 0
    impressions: int = 0
    contexts: set[str] = field(default_factory=set)

    @property
    def likelihood(self) -> float:
        """(wiser - less wise) / all verdicts, in [-1, 1]; NaN without a verdict."""
        said = self.wiser + self.not_wiser + self.less_wise + self.unsure
        return (self.wiser - self.less_wise) / said if said else float("nan")

    def entropy(self, impressions: bool = True) -> float:
        """Entropy of the counts in bits; with `impressions` over all five counts, as published."""
        counts = np.array([getattr(self, kind) for kind in _KINDS] + [self.impressions] * impressions, dtype=float)
        shares = counts[counts > 0] / counts.sum() if counts.sum() else counts
        return float(-(shares * np.log2(shares)).sum() + 0.0) if len(shares) else 0.0


def tally(votes: Iterable[tuple[str, str, str, Verdict]]) -> dict[tuple[str, str], Edge]:
    """Count votes (from, to, context, verdict); every vote is an impression of both directions."""
    edges: dict[tuple[str, str], Edge] = {}
    for source, target, context, verdict in votes:
        there = edges.setdefault((source, target), Edge())
        back = edges.setdefault((target, source), Edge())
        there.impressions += 1
        back.impressions += 1
        there.contexts.add(context)
        if verdict == "upgrade":
            there.wiser += 1
            back.less_wise += 1
        elif verdict == "no_upgrade":
            there.not_wiser += 1
        else:
            there.unsure += 1
    return edges


def keep(
    edges: dict[tuple[str, str], Edge], wiser: int = 2, likelihood: float = 0.33, entropy: float = 1.69
) -> dict[tuple[str, str], Edge]:
    """The edges that enough users agree on; the thresholds are the published ones."""
    return {
        pair: edge
        for pair, edge in edges.items()
        if edge.wiser >= wiser and edge.likelihood >= likelihood and edge.entropy() <= entropy
    }


def winner(edges: dict[tuple[str, str], Edge], damping: float = 0.85) -> tuple[str, dict[str, float]]:
    """The wisest value and every value's PageRank along from -> to, weighted by likelihood.

    Raises:
        ValueError: No edge was kept, so nothing is wiser than anything.
    """
    if not edges:
        raise ValueError("no edge was kept: too few users agreed that any value is wiser; ask more users or keep more")
    graph = nx.DiGraph()
    for (source, target), edge in sorted(edges.items()):
        graph.add_edge(source, target, weight=edge.likelihood)
    ranks = nx.pagerank(graph, alpha=damping, weight="weight")
    return max(sorted(ranks), key=lambda value: ranks[value]), ranks
