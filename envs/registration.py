"""Our worlds in PettingZoo's and Gymnasium's own registries.

Neither of them looks for plug-ins, so importing `populace.envs` registers: the one thing that happens on import. Only
names are written down; torch and the worlds are imported when an environment is made.
"""

from collections.abc import Iterable


def register_all(ids: Iterable[str]) -> None:
    """Register worlds by id, so that these work:

        pettingzoo.make("parallel", "populace/coevolution-v0", users=50)
        pettingzoo.make("aec", "populace/coevolution-v0")
        gymnasium.make_vec("populace/coevolution-v0", num_envs=64)

    Ids that are registered already are left alone. PettingZoo before 1.27 has no registry; there, only Gymnasium's is
    written to.
    """
    import gymnasium

    try:
        from pettingzoo.env_registry.registration import aec_registry, parallel_registry, register
    except ImportError:  # PettingZoo before 1.27
        register = None
    for name in ids:
        chosen = {"world": name}
        if name not in gymnasium.registry:
            gymnasium.register(name, vector_entry_point="populace.envs.views:vector_env", kwargs=dict(chosen))
        if register is None:
            continue
        if name not in parallel_registry:
            register("parallel", name, "populace.envs.views:parallel_env", kwargs=dict(chosen))
        if name not in aec_registry:
            register("aec", name, "populace.envs.views:env", kwargs=dict(chosen))
