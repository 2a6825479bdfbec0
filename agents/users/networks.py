"""Social networks: what a scenario file says of them, and their index tensors."""

from pathlib import Path
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import Field, ValidationInfo, field_validator, model_validator
from torch import Tensor

from populace.agents.users import graphs
from populace.agents.users.distributions import resolve
from populace.agents.users.ties import Arrays, edges_in
from populace.draw import Draw
from populace.errors import PopulaceError
from populace.options import Options
from populace.population import Network
from populace.table import PLAIN, TableFormat

Kind = Literal["complete", "ring", "watts-strogatz", "barabasi-albert", "erdos-renyi", "stochastic-block", "file"]


class NetworkSpec(Options):
    """Who listens to whom. Ties go both ways, unless the file says otherwise."""

    kind: Kind
    """`complete`, `ring`, `watts-strogatz`, `barabasi-albert`, `erdos-renyi`, `stochastic-block`, or `file`."""
    degree: int = Field(8, ge=1)
    """Ties of a user: of everyone in a ring, on average elsewhere. Even for ring, watts-strogatz, barabasi-albert."""
    rewire: float = Field(0.1, ge=0, le=1)
    """watts-strogatz: chance that a tie of the ring is moved to a random user."""
    homophily: float = Field(0.5, ge=0, le=1)
    """stochastic-block: share of a user's ties kept for its own group; the rest go to anyone, own group included."""
    by: str = "segment"
    """stochastic-block: what makes the groups: `segment` or a trait, one of numbers being cut into `bins`."""
    bins: int = Field(4, ge=2)
    """stochastic-block by a trait of numbers: groups of equal size by rank."""
    file: Path | None = None
    """file: an edge list (CSV with columns source, target and perhaps weight; users count from 0) or a GraphML file,
    whose nodes are the users if they are whole numbers (or n0, n1, ...), and are counted in their order otherwise."""
    format: TableFormat = PLAIN
    """file: how an edge list is written, where it is not with commas, decimal points and UTF-8."""
    directed: bool = False
    """file: an edge list's ties go from source (who is heard) to target (who listens) only."""
    shared: bool = False
    """One graph for all worlds, which depends on the seed only; otherwise every world has its own."""

    @field_validator("file")
    @classmethod
    def _there(cls, file: Path | None, info: ValidationInfo) -> Path | None:
        return None if file is None else resolve(file, info)

    @field_validator("degree")
    @classmethod
    def _even(cls, degree: int, info: ValidationInfo) -> int:
        kind = info.data.get("kind")
        if kind in ("ring", "watts-strogatz", "barabasi-albert") and degree % 2:
            raise ValueError(f"a {kind} network has an even degree, not {degree}: half of the ties on each side")
        return degree

    @model_validator(mode="after")
    def _matched(self) -> "NetworkSpec":
        if (self.kind == "file") != (self.file is not None):
            raise ValueError("a network of kind file needs a file, and no other kind has one")
        if self.shared and self.kind == "stochastic-block":
            raise ValueError("a stochastic-block network follows each world's own people and cannot be shared")
        return self

    def check(self, users: int) -> None:
        """Raise PopulaceError when `users` cannot have such a network."""
        if self.kind not in ("complete", "file") and self.degree >= users:
            raise PopulaceError(
                f"a network of degree {self.degree} among {users} users: everyone has at most {users - 1} others; "
                "lower population.network.degree or raise population.size"
            )


def build(
    spec: NetworkSpec, users: int, draw: Draw, groups: Tensor | None = None, edges: Arrays | None = None
) -> Network:
    """The network of `users` users in every world of `draw`.

    Args:
        spec: What is asked for.
        users: Users in a world.
        draw: A world's graph depends on its keys; a shared one on the seed only.
        groups: [worlds, users] int64 index of the group, for stochastic blocks.
        edges: What `read_edges` read, so that a file is read once.

    Returns:
        Edges sorted by target, then source; padding (weight 0) at the end.

    Raises:
        PopulaceError: The network is impossible, or the file names a user who is not there.
    """
    spec.check(users)
    if spec.kind == "complete":
        none = torch.zeros((1, 0), dtype=torch.int64, device=draw.device)
        return Network(none, none, none.float(), complete=True)
    if spec.kind == "file":
        return _tensors([edges or read_edges(spec, users)], users, draw.device)
    if spec.kind == "ring":
        return _tensors([_both_ways(graphs.ring(users, spec.degree), users)], users, draw.device)
    own = draw.common() if spec.shared else draw
    # Graphs are built on the host, once, before the rollout begins.
    keys = own.keys_of("network").cpu().tolist()
    split = groups.cpu().numpy() if groups is not None else None
    made = [
        _both_ways(_ties(spec, users, np.random.default_rng(key % 2**64), None if split is None else split[w]), users)
        for w, key in enumerate(keys)
    ]
    return _tensors(made, users, draw.device)


def _ties(spec: NetworkSpec, n: int, rng: np.random.Generator, groups: NDArray[np.int64] | None) -> graphs.Ties:
    if spec.kind == "watts-strogatz":
        return graphs.watts_strogatz(n, spec.degree, spec.rewire, rng)
    if spec.kind == "barabasi-albert":
        return graphs.barabasi_albert(n, spec.degree // 2, rng)
    if spec.kind == "erdos-renyi":
        return graphs.erdos_renyi(n, spec.degree / (n - 1), rng)
    assert groups is not None
    inside, between = block_chances(np.bincount(groups), spec.degree, spec.homophily)
    return graphs.blocks(groups, inside, between, rng)


def block_chances(sizes: NDArray[np.int64], degree: float, homophily: float) -> tuple[NDArray[np.float64], float]:
    """Chances of a tie within each group and between groups, so that everyone expects `degree` ties.

    A share `homophily` of them is spread over the own group, the rest over everyone:
    inside_g = homophily degree / (n_g - 1) + between, between = (1 - homophily) degree / (n - 1).

    Raises:
        PopulaceError: A group is too small for so many ties inside.
    """
    between = (1 - homophily) * degree / (int(sizes.sum()) - 1)
    inside = homophily * degree / np.maximum(sizes - 1, 1) + between
    inside[sizes < 2] = 0
    if (inside > 1).any():
        g = int(inside.argmax())
        raise PopulaceError(
            f"group {g} has {int(sizes[g])} users, too few for {homophily * degree:g} ties each inside it; "
            "lower population.network.homophily or degree"
        )
    return inside, between


def ranks_to_groups(numbers: Tensor, bins: int) -> Tensor:
    """Groups of equal size by rank: [worlds, users] -> [worlds, users] int64."""
    rank = numbers.argsort(dim=-1, stable=True).argsort(dim=-1, stable=True)
    return rank * bins // numbers.shape[-1]


def _both_ways(ties: graphs.Ties, users: int) -> Arrays:
    source, target = np.concatenate([ties[:, 0], ties[:, 1]]), np.concatenate([ties[:, 1], ties[:, 0]])
    code = np.sort(target * users + source)
    return np.stack((code % users, code // users)), np.ones(len(code), dtype=np.float32)


def _tensors(made: list[Arrays], users: int, device: torch.device) -> Network:
    longest = max(len(weight) for _, weight in made)
    pairs = np.full((len(made), 2, longest), users - 1, dtype=np.int64)
    weights = np.zeros((len(made), longest), dtype=np.float32)
    for graph, (edges, weight) in enumerate(made):
        pairs[graph, :, : len(weight)] = edges
        weights[graph, : len(weight)] = weight
    index = torch.from_numpy(pairs).to(device)
    return Network(index[:, 0].contiguous(), index[:, 1].contiguous(), torch.from_numpy(weights).to(device))


def read_edges(spec: NetworkSpec, users: int) -> Arrays:
    """The edges of the file that the spec names, both directions of each tie unless they are directed.

    Raises:
        PopulaceError: A user is not among 0 ... users - 1, or a tie is given two weights; with the line.
        UnknownName: A CSV file lacks a column.
    """
    assert spec.file is not None
    return edges_in(spec.file, users, directed=spec.directed, format=spec.format)
