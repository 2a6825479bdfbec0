"""Who acts: populations of users, and the policies that play any seat."""

POLICIES = {
    # any world, any role
    "random": "populace.agents.scripted.common:Random",
    "forfeit": "populace.agents.scripted.common:Forfeit",
    # coevolution and lockin
    "coevolution/sincere": "populace.agents.scripted.coevolution_users:Sincere",
    "coevolution/guarded": "populace.agents.scripted.coevolution_users:Guarded",
    "coevolution/frozen": "populace.agents.scripted.coevolution:Frozen",
    "coevolution/persistence": "populace.agents.scripted.coevolution:Persistence",
    "coevolution/lifelong": "populace.agents.scripted.coevolution:Lifelong",
    "coevolution/extrapolative": "populace.agents.scripted.coevolution:Extrapolative",
    "coevolution/mirror": "populace.agents.scripted.coevolution:Mirror",
    "coevolution/oracle": "populace.agents.scripted.coevolution:Oracle",
    "coevolution/consensus": "populace.agents.scripted.coevolution:Consensus",
    "coevolution/pluralist": "populace.agents.scripted.coevolution:Pluralist",
    "lockin/aggregate": "populace.agents.scripted.coevolution_lockin:Aggregate",
    "lockin/silent": "populace.agents.scripted.coevolution_lockin:Silent",
}
"""Name -> `module:class` of our own policies; `<world>/<name>` is known by `<name>` inside that world.

Plug-ins announce theirs by the entry point group `populace.policies`.
"""
