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
    # drift
    "drift/honest": "populace.agents.scripted.drift:Honest",
    "drift/pleaser": "populace.agents.scripted.drift:Pleaser",
    "drift/frozen": "populace.agents.scripted.drift:Frozen",
    "drift/candid": "populace.agents.scripted.drift:Candid",
    "drift/suspicious": "populace.agents.scripted.drift:Suspicious",
    "drift/lottery": "populace.agents.scripted.drift:Lottery",
    # learners, any world
    "learning/policy-gradient": "populace.agents.learning:PolicyGradient",
    "learning/replicator": "populace.agents.learning:Replicator",
    "learning/sft": "populace.agents.learning:SupervisedFineTuning",
    "learning/expert-iteration": "populace.agents.learning:ExpertIteration",
    "learning/contrast": "populace.agents.learning:Contrast",
    "learning/kto": "populace.agents.learning:KTO",
    "learning/ratio": "populace.agents.learning:Ratio",
}
"""Name -> `module:class` of our own policies; `<world>/<name>` is known by `<name>` inside that world.

Plug-ins announce theirs by the entry point group `populace.policies`.
"""
