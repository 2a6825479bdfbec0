"""Worlds in PettingZoo's and Gymnasium's own registries.

Neither of them looks for plug-ins, so importing `populace.envs` registers our worlds and those that installed packages
announce by the entry point group `populace.worlds`: the one thing that happens on import. Only names are written down;
torch and the worlds are imported when an environment is made. `gymnasium.make("populace.envs:acme/island-v0")` imports
`populace.envs` by itself.
"""

import warnings
from collections.abc import Iterable

from populace import registry
from populace.errors import PopulaceError


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
    for name in registry.worlds.names():
        try:
            _register(name)
        except PopulaceError as error:
            warnings.warn(str(error), stacklevel=2)


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
