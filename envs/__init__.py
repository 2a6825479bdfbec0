"""The worlds: one package each, and views that show them as PettingZoo and Gymnasium environments.

Each installed world `namespace/name-vN` has a module in PettingZoo's idiom, `populace.envs.<name>_vN`, with
`parallel_env`, `raw_env`, `env`, `vector_env`, `seat_env` and `world`: `from populace.envs import coevolution_v0`.
"""

from populace.envs.registration import register_announced, view_modules
from populace.registry import manifests

register_announced()
view_modules(manifests.ids())


def __getattr__(name: str) -> object:
    raise AttributeError(f"module 'populace.envs' has no attribute {name!r}; installed worlds: {manifests.ids()}")
