"""The layers' networks as lists of whom everyone listens to."""

import math
from functools import lru_cache

import torch
from torch import Tensor

from populace.draw import Draw
from populace.envs.culture.options import Layer
from populace.envs.culture.state import Ties
from populace.errors import PopulaceError
from populace.files import changed
from populace.population import Network, People
from populace.tables import PLAIN, TableFormat, read_table


def build(layer: Layer, people: People, draw: Draw) -> tuple[Ties | None, bool]:
    """The layer's ties, and whether they belong to each world alone; (None, False) where anyone may meet anyone.

    Raises:
        PopulaceError: The layer's file names unknown people, or the population has no network.
    """
    users, device = people.size, draw.device
    if layer.kind == "random":
        return random(users, layer.degree, layer.name, draw), True
    if layer.kind == "people":
        if people.network is None:
            raise PopulaceError(
                f"layers: {layer.name!r} is the people's own network, but the population has none: "
                "give population.network, or another kind of layer"
            )
        if people.network.complete:
            return None, False
        return of_edges(people.network, users), people.network.source.shape[0] > 1
    if layer.kind == "complete":
        return None, False
    if layer.kind == "file":
        source, target = (
            torch.tensor(column, device=device) for column in edges_of(layer.file, layer.name, users, layer.format)
        )
        weight = torch.ones(1, len(source), device=device, dtype=torch.float32)
        return of_edges(Network(source.unsqueeze(0), target.unsqueeze(0), weight), users), False
    table = grid(users, layer.width, layer.wrap, layer.name) if layer.kind == "grid" else ring(users, layer.degree)
    return of_table(table.to(device)), False


def grid(users: int, width: int | None, wrap: bool, name: str) -> Tensor:
    """Four neighbours of each cell of a lattice, row by row: [users, 4] int64, -1 beyond an open border.

    Raises:
        PopulaceError: `width` does not divide the number of users.
    """
    columns = width or next(w for w in range(math.isqrt(users), 0, -1) if users % w == 0)
    if users % columns:
        raise PopulaceError(f"layers: {name!r}: {users} users do not fill a grid of width {columns}; use a divisor")
    rows, cell = users // columns, torch.arange(users)
    r, c = cell // columns, cell % columns
    found = []
    for dr, dc in ((-1, 0), (1, 0), (0, -1), (0, 1)):
        nr, nc = r + dr, c + dc
        there = (nr >= 0) & (nr < rows) & (nc >= 0) & (nc < columns)
        near = (nr % rows) * columns + nc % columns
        found.append(torch.where((there | wrap) & (near != cell), near, -1))
    return torch.stack(found, -1)


def ring(users: int, degree: int) -> Tensor:
    """The `degree` nearest on a ring, half on each side (the odd one to the right): [users, at most degree] int64."""
    steps = [(k // 2 + 1) * (1 if k % 2 == 0 else -1) for k in range(degree)]
    steps = list(dict.fromkeys(step % users for step in steps if step % users))
    return (torch.arange(users).unsqueeze(-1) + torch.tensor(steps, dtype=torch.int64)) % users


def of_table(table: Tensor) -> Ties:
    """One graph for all worlds from a table [users, k] padded with -1."""
    there = table >= 0
    count = there.sum(-1)
    source = table[there]
    return Ties((count.cumsum(0) - count).unsqueeze(0), count.unsqueeze(0), source.unsqueeze(0))


def random(users: int, degree: int, name: str, draw: Draw) -> Ties:
    """Everyone listens to `degree` others drawn at random with replacement, never to itself."""
    if users == 1:
        degree = 0
    far = draw.integers(f"ties/{name}", 0, max(users - 1, 1), users, max(degree, 1))[..., :degree]
    own = torch.arange(users, device=draw.device).view(1, -1, 1)
    source = (far + (far >= own)).flatten(1)
    first = (torch.arange(users, device=draw.device) * degree).expand(draw.worlds, -1)
    return Ties(first.contiguous(), torch.full_like(first, degree), source)


def of_edges(network: Network, users: int) -> Ties:
    """Lists by listener from edges; edges of weight 0 are padding."""
    target = torch.where(network.weight > 0, network.target, users)
    target, order = target.sort(dim=-1, stable=True)
    count = torch.zeros((len(target), users + 1), dtype=torch.int64, device=target.device)
    count = count.scatter_add(1, target, torch.ones_like(target))[:, :users]
    return Ties(count.cumsum(1) - count, count, network.source.gather(1, order))


def edges_of(file: str, name: str, users: int, format: TableFormat = PLAIN) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Sources and targets of a table with these columns.

    Raises:
        PopulaceError: The file cannot be read, lacks a column, or names people that the population has not.
    """
    return _edges(file, name, users, format, changed(file))


@lru_cache(maxsize=16)
def _edges(file: str, name: str, users: int, format: TableFormat, time: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
    people = f"the population's people are 0 to {users - 1}"
    try:
        table = read_table(file, format)
        table.need("source", "target")
        table.only("source", "target", "weight")
        source, target = (
            tuple(table.numbers(end, low=0, high=users - 1, whole=True, what=people).astype(int).tolist())
            for end in ("source", "target")
        )
        if not source:
            raise PopulaceError(f"{file} holds no ties")
        if "weight" in table.header and len(set(table.numbers("weight").tolist())) > 1:
            raise PopulaceError(f"{file} gives ties different weights, and a layer has none: leave the column out")
    except PopulaceError as error:
        raise PopulaceError(f"layers: {name!r}: {error}") from None
    return source, target


def partner(ties: Ties | None, where: Tensor, users: int) -> tuple[Tensor, Tensor, Tensor]:
    """Whom everyone meets, by a place `where` [worlds, people] in [0, 1] in its list.

    Returns:
        The other person [worlds, people] int64; its place in `source` (0 in a complete layer); whether there is anyone.
    """
    own = torch.arange(users, device=where.device)
    if ties is None:
        other = (where.double() * (users - 1)).long().clamp(max=max(users - 2, 0))
        other = (other + (other >= own)).clamp(max=users - 1)
        return other, torch.zeros_like(other), (own >= 0).expand_as(other) & (users > 1)
    edges = ties.source.shape[1]
    if edges == 0:
        nobody = torch.zeros_like(where, dtype=torch.int64)
        return nobody, nobody, nobody.bool()
    slot = torch.minimum((where * ties.count).long(), ties.count - 1)
    place = (ties.first + slot).clamp(min=0, max=edges - 1)
    graphs = ties.source.shape[0]
    if graphs > 1:
        place = place + (torch.arange(graphs, device=where.device) * edges).unsqueeze(-1)
    other = ties.source.reshape(-1).index_select(0, place.reshape(-1)).view_as(place)
    return other, place, (ties.count > 0).expand_as(other)
