"""The worlds: one folder each, and views that show them as PettingZoo and Gymnasium environments."""

from populace.envs.registration import register_announced

WORLDS = {
    "populace/payoff-v0": "populace.envs.payoff:Payoff",
    "populace/matrix-v0": "populace.envs.matrix:Matrix",
    "populace/coevolution-v0": "populace.envs.coevolution:Coevolution",
    "populace/lockin-v0": "populace.envs.lockin:LockIn",
    "populace/drift-v0": "populace.envs.drift:Drift",
    "populace/culture-v0": "populace.envs.culture:Culture",
    "populace/shopping-v0": "populace.envs.shopping:Shopping",
    "populace/agency-v0": "populace.envs.agency:Agency",
}
"""Id -> `module:class` of our own worlds; plug-ins announce theirs by the entry point group `populace.worlds`."""

register_announced()
