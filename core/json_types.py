"""Types of values of JSON, which YAML and TOML hold too.

`Json` is what is written: all of it is known. `JsonObject` is what is read back, or made for a library (a JSON Schema):
its values are `Any`, because what stands under a key is known only where that key is read, and checked there.
"""

from collections.abc import Mapping, Sequence
from typing import Any, TypeAlias

Json: TypeAlias = Mapping[str, "Json"] | Sequence["Json"] | str | int | float | bool | None
"""A value of JSON."""

JsonObject: TypeAlias = dict[str, Any]
"""An object of JSON: key -> value."""
