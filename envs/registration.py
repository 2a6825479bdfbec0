"""All installed worlds in PettingZoo's and Gymnasium's own registries, and as modules in PettingZoo's idiom.

Neither of them looks for plug-ins, so importing `populace.envs` registers our worlds and those that installed packages
announce: the one thing that happens on import. Only names are written down; torch and the worlds are imported when an
environment is made. `gymnasium.make("populace.envs:acme/island-v0")` imports `populace.envs` by itself.
"""

import sys
import warnings
from collections.abc import Iterable
from types import ModuleType
from typing import Any

from populace import registry
from populace.errors import Notice, PopulaceError


def register_all(ids: Iterable[str]) -> None:
    """Register worlds by id, so that these work:

        pettingzoo.make("parallel", "populace/coevolution-v0", users=50)
        pettingzoo.make("aec", "populace/coevolution-v0")
        gymnasium.make("populace/coevolution-v0", users=50)
        gymnasium.make_vec("populace/coevolution-v0", num_envs=64)

    Needed only for worlds that were added while the program runs (`populace.registry.worlds.register`). Ids that are
    registered already are left alone. PettingZoo before 1.27 has no registry; there, only Gymnasium's is written to.

    Raises:
        PopulaceError: An id is not of the form `namespace/name-v0`.
    """
    for name in ids:
        _register(name)


def register_announced() -> None:
    """Register all worlds known by name; one of a plug-in whose name does not serve is told, and left out."""
    for name in registry.manifests.ids():
        try:
            _register(name)
        except PopulaceError as error:
            warnings.warn(str(error), Notice, stacklevel=2)


def _register(name: str) -> None:
    import gymnasium

    try:
        from pettingzoo.env_registry.registration import aec_registry, parallel_registry, register
    except ImportError:  # PettingZoo before 1.27
        register = None
    chosen = {"world": name}
    try:
        if name not in gymnasium.registry:
            gymnasium.register(
                name,
                entry_point="populace.envs.views:seat_env",
                vector_entry_point="populace.envs.views:vector_env",
                kwargs=dict(chosen),
            )
        if register is not None and name not in parallel_registry:
            register("parallel", name, "populace.envs.views:parallel_env", kwargs=dict(chosen))
        if register is not None and name not in aec_registry:
            register("aec", name, "populace.envs.views:env", kwargs=dict(chosen))
    except Exception as error:  # each registry has errors of its own
        raise PopulaceError(
            f"the world {name!r} cannot be made by gymnasium.make or pettingzoo.make ({error}): its id should be "
            "'namespace/name-v0'"
        ) from error


MAKERS = ("parallel_env", "raw_env", "env", "vector_env", "seat_env", "world")
"""The functions of `populace.envs.views` that a world's module offers with the world filled in."""


class _Views(ModuleType):
    """A world as a module: the functions of `populace.envs.views` with the world filled in, made when they are used."""

    def __init__(self, module: str, world_id: str) -> None:
        super().__init__(module, f"PettingZoo's idiom for the world `{world_id}`.")
        self._id = world_id

    def __getattr__(self, name: str) -> Any:
        if name not in MAKERS:
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}; it has {', '.join(MAKERS)}")
        from functools import partial

        from populace.envs import views

        made = partial(getattr(views, name), self._id)
        setattr(self, name, made)
        return made

    def __dir__(self) -> list[str]:
        return [*MAKERS, "__doc__", "__name__"]


def view_modules(ids: Iterable[str]) -> None:
    """Make `populace.envs.<name>_vN` importable for every world; populace's own come first where two have one name."""
    for world_id in sorted(ids, key=lambda name: not name.startswith("populace/")):
        short = world_id.rpartition("/")[2].replace("-", "_")
        module = f"populace.envs.{short}"
        if module not in sys.modules:
            sys.modules[module] = _Views(module, world_id)
            setattr(sys.modules["populace.envs"], short, sys.modules[module])
