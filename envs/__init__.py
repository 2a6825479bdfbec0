"""The worlds: one folder each, and views that show them as PettingZoo and Gymnasium environments."""

WORLDS = {
    "populace/coevolution-v0": "populace.envs.coevolution:Coevolution",
    "populace/lockin-v0": "populace.envs.coevolution:LockIn",
}
"""Id -> `module:class` of our own worlds; plug-ins announce theirs by the entry point group `populace.worlds`."""
