"""Names of a package that are imported when they are first used (PEP 562), so that importing it costs nothing."""

import importlib
import sys
from collections.abc import Callable, Mapping


def lazily(package: str, homes: Mapping[str, str]) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """The `__getattr__` and `__dir__` of a package.

    Args:
        package: The package's `__name__`.
        homes: Public name -> module that holds it.

    Returns:
        Two functions, to be bound to `__getattr__` and `__dir__` in the package's `__init__.py`.
    """

    def get(name: str) -> object:
        if name not in homes:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        found = getattr(importlib.import_module(homes[name]), name)
        # Importing a submodule of that name binds the module to it: the public object takes its place.
        setattr(sys.modules[package], name, found)
        return found

    def names() -> list[str]:
        return sorted({*vars(sys.modules[package]), *homes})

    return get, names
