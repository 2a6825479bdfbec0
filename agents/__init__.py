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
    # payoff and matrix
    "payoff/always": "populace.agents.scripted.payoff:Always",
    "payoff/best_response": "populace.agents.scripted.payoff:BestResponse",
    "payoff/fictitious_play": "populace.agents.scripted.payoff:FictitiousPlay",
    "payoff/logit": "populace.agents.scripted.payoff:Logit",
    "payoff/tit_for_tat": "populace.agents.scripted.payoff:TitForTat",
    "payoff/rule_sum": "populace.agents.scripted.payoff:SumRule",
    "payoff/rule_reward": "populace.agents.scripted.payoff:RewardRule",
    "payoff/rule_product": "populace.agents.scripted.payoff:ProductRule",
    "payoff/rule_pareto": "populace.agents.scripted.payoff:ParetoRule",
    "payoff/imitation": "populace.agents.scripted.payoff:Imitation",
    "payoff/cobb_douglas": "populace.agents.scripted.payoff:Optimiser",
    "payoff/linear": "populace.agents.scripted.payoff:LinearOptimiser",
    "payoff/user_only": "populace.agents.scripted.payoff:UserOptimiser",
    "payoff/assistant_only": "populace.agents.scripted.payoff:AssistantOptimiser",
    "matrix/always": "populace.agents.scripted.payoff:Always",
    "matrix/best_response": "populace.agents.scripted.payoff:BestResponse",
    "matrix/fictitious_play": "populace.agents.scripted.payoff:FictitiousPlay",
    "matrix/logit": "populace.agents.scripted.payoff:Logit",
    "matrix/tit_for_tat": "populace.agents.scripted.payoff:TitForTat",
    "matrix/rule_sum": "populace.agents.scripted.payoff:SumRule",
    "matrix/rule_reward": "populace.agents.scripted.payoff:RewardRule",
    "matrix/rule_product": "populace.agents.scripted.payoff:ProductRule",
    "matrix/rule_pareto": "populace.agents.scripted.payoff:ParetoRule",
    "matrix/imitation": "populace.agents.scripted.payoff:Imitation",
}
"""Name -> `module:class` of our own policies; `<world>/<name>` is known by `<name>` inside that world.

Plug-ins announce theirs by the entry point group `populace.policies`.
"""
