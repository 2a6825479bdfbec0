"""Ties read from a file: edge lists in tables, and GraphML."""

import io
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from populace.errors import PopulaceError, UnknownName
from populace.files import PARSED, FileError, limit, read
from populace.tables import PLAIN, TableFormat, read_table

Arrays = tuple[NDArray[np.int64], NDArray[np.float32]]
"""Source and target [2, edges] int64, sorted by target, then source; and weight [edges] float32."""
_NUMBERED = re.compile(r"n?(\d{1,12})")
"""Nodes that are users: whole numbers, and n0, n1, ... as some programs write them."""


def edges_in(file: Path, users: int, *, directed: bool = False, format: TableFormat = PLAIN) -> Arrays:
    """The edges of a file, both directions of each tie unless they are directed.

    Args:
        file: An edge list in a table (columns source, target and perhaps weight; users from 0), or `.graphml`.
        users: Users in a world.
        directed: Whether an edge list's ties go from source to target only; GraphML says so itself.
        format: How an edge list is written.

    Raises:
        PopulaceError: A user is not among 0 ... users - 1, or a tie is given two weights; with the line.
        UnknownName: A table lacks a column, or has one that is called almost like `weight`.
    """
    if file.name.endswith((".graphml", ".graphml.gz")):
        source, target, weight, directed, place = _graphml(file, users)
    else:
        source, target, weight, place = _edge_list(file, users, format)
    edges = len(source)
    if not directed:
        source, target = np.concatenate([source, target]), np.concatenate([target, source])
        weight = np.concatenate([weight, weight])
    code = target * users + source
    order = np.argsort(code, kind="stable")
    again = np.flatnonzero(code[order][1:] == code[order][:-1])
    other = again[weight[order][again] != weight[order][again + 1]]
    if len(other):
        first, second = (int(order[other[0] + k]) % edges for k in (0, 1))
        a, b = min(first, second), max(first, second)
        raise PopulaceError(
            f"{file}: the tie between {source[a]} and {target[a]} has the weight {weight[a]:g} in {place(a)} and "
            f"{weight[b]:g} in {place(b)}; leave one of them out"
            + ("" if directed else ", or say directed: true if they are ties of two directions")
        )
    kept = np.delete(order, again + 1)
    return np.stack((source[kept], target[kept])), weight[kept].astype(np.float32)


def _edge_list(
    file: Path, users: int, format: TableFormat
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], Callable[[int], str]]:
    table = read_table(file, format)
    table.need("source", "target")
    table.only("source", "target", "weight")
    people = f"users are the whole numbers 0 to {users - 1}; mend the file or population.size"
    ends = [table.numbers(end, low=0, high=users - 1, whole=True, what=people) for end in ("source", "target")]
    weight = np.ones(table.rows)
    if "weight" in table.header:
        weight = table.numbers("weight", low=0, what="weights are numbers of 0 or more")
    source, target = (end.astype(np.int64) for end in ends)
    return source, target, weight, table.place


def _graphml(
    file: Path, users: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], bool, Callable[[int], str]]:
    import networkx as nx

    raw = read(file, most=limit() // PARSED)
    try:
        graph = nx.read_graphml(io.BytesIO(raw))
    except Exception as error:  # the library lets through whatever its parsing of strangers' text meets
        raise FileError(f"cannot read {file} as GraphML ({type(error).__name__})") from None
    nodes = list(graph)
    numbers = [int(found[1]) if (found := _NUMBERED.fullmatch(str(node))) else -1 for node in nodes]
    named = [node for node, number in zip(nodes, numbers, strict=True) if number < 0]
    if named and len(named) < len(nodes):
        raise PopulaceError(
            f"{file}: the node {str(named[0])[:40]!r} is no whole number though others are; either all nodes are the "
            "numbers of users, from 0, or none is, and users are counted in the order of the nodes"
        )
    if named and len(nodes) > users:
        raise PopulaceError(f"{file} has {len(nodes)} nodes for {users} users; set population.size to {len(nodes)}")
    if named:
        numbers = list(range(len(nodes)))
    if len(set(numbers)) < len(nodes):
        raise PopulaceError(f"{file}: two nodes have the same number")
    if numbers and max(numbers) >= users:
        raise PopulaceError(
            f"{file}: node {max(numbers)} is no user: users are the whole numbers 0 to {users - 1}; mend the file, or "
            f"set population.size to {max(numbers) + 1}"
        )
    user = dict(zip(nodes, numbers, strict=True))
    edges = list(graph.edges(data=True))
    for name in sorted({str(name) for _, _, data in edges for name in data} - {"weight"}):
        if name.lower() in ("weight", "weights") and not any("weight" in data for _, _, data in edges):
            raise UnknownName(f"attribute of edges in {file}", name, ["weight"])
    weight = np.full(len(edges), np.nan)
    for k, (a, b, data) in enumerate(edges):
        found = data.get("weight", 1.0)
        number = float(found) if isinstance(found, (int, float)) and not isinstance(found, bool) else np.nan
        if not 0 <= number <= float(np.finfo(np.float32).max):
            raise PopulaceError(
                f"{file}: the edge from {str(a)[:40]!r} to {str(b)[:40]!r} has the weight {str(found)[:40]!r}; weights "
                "are finite numbers of 0 or more"
            )
        weight[k] = number
    source = np.array([user[a] for a, _, _ in edges], dtype=np.int64)
    target = np.array([user[b] for _, b, _ in edges], dtype=np.int64)
    return source, target, weight, bool(graph.is_directed()), lambda k: f"edge {k + 1}"
