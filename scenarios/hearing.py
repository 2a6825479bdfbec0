"""What of a scenario is the user's word, and what a stranger's: by where each value stands."""

import re
from collections.abc import Collection, Iterable, Iterator

from populace import keys
from populace.scenarios.mistakes import Mistake
from populace.scenarios.tree import Node, Place
from populace.trust import Need

_SECRET = re.compile(r"(?i)(key|token|secret|password|auth|authorization|key_env|base_url)$")


def is_users(place: Place, library: Collection[str]) -> bool:
    """Whether what stands there is the user's word: given by `--set` or in Python, or in a library scenario."""
    return place.file is None or place.file in library


def named(trees: Iterable[Node], library: Collection[str]) -> frozenset[str]:
    """The texts in which the user may have named code and files."""
    found = (node for tree in trees for node in tree.walk())
    return frozenset(node.value for node in found if isinstance(node.value, str) and is_users(node.place, library))


def keys_named(trees: Iterable[Node], library: Collection[str]) -> frozenset[Need]:
    """The keys that the user named, each for the server that its mapping names."""
    found = set()
    for node in (node for tree in trees for node in tree.walk()):
        name, url = node.get("key_env"), node.get("base_url")
        if name is None or not isinstance(name.value, str) or not is_users(name.place, library):
            continue
        where = url.value if url is not None and isinstance(url.value, str) else None
        found.add(keys.need(where, name.value))
    return frozenset(found)


def misplaced(root: Node) -> list[Mistake]:
    """Keys where their names belong, and secrets in addresses, wherever they stand; the text does not repeat them."""
    return list(_misplaced(root, ""))


def _misplaced(node: Node, key: str) -> Iterator[Mistake]:
    check = {"key_env": keys.variable, "base_url": keys.server}.get(key)
    if isinstance(node.value, dict):
        for name, item in node.value.items():
            yield from _misplaced(item, name.rpartition(".")[2])
    elif isinstance(node.value, list):
        for item in node.value:
            yield from _misplaced(item, key)
    elif check is not None and isinstance(node.value, str):
        try:
            check(node.value)
        except ValueError as error:
            yield Mistake(str(error), node.place)


def note(key: str, text: str) -> str:
    """How an override of the command line is told in messages: without its value where that may be a secret."""
    return f"--set {key}=..." if _SECRET.search(key) else f"--set {text}"
