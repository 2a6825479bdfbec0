"""What belongs to the payoff world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/payoff-v0",
    world="populace.envs.payoff.world:Payoff",
    about="A game between user and assistant, built from clarity, effort and prices of language.",
    policies={
        "always": "populace.agents.scripted.payoff:Always",
        "best-response": "populace.agents.scripted.payoff:BestResponse",
        "fictitious-play": "populace.agents.scripted.payoff:FictitiousPlay",
        "logit": "populace.agents.scripted.payoff:Logit",
        "tit-for-tat": "populace.agents.scripted.payoff:TitForTat",
        "rule-sum": "populace.agents.scripted.payoff:SumRule",
        "rule-reward": "populace.agents.scripted.payoff:RewardRule",
        "rule-product": "populace.agents.scripted.payoff:ProductRule",
        "rule-pareto": "populace.agents.scripted.payoff:ParetoRule",
        "imitation": "populace.agents.scripted.payoff:Imitation",
        "cobb-douglas": "populace.agents.scripted.payoff_optimisers:Optimiser",
        "linear": "populace.agents.scripted.payoff_optimisers:LinearOptimiser",
        "user-only": "populace.agents.scripted.payoff_optimisers:UserOptimiser",
        "assistant-only": "populace.agents.scripted.payoff_optimisers:AssistantOptimiser",
    },
    aliases={
        "best_response": "best-response",
        "fictitious_play": "fictitious-play",
        "tit_for_tat": "tit-for-tat",
        "rule_sum": "rule-sum",
        "rule_reward": "rule-reward",
        "rule_product": "rule-product",
        "rule_pareto": "rule-pareto",
        "cobb_douglas": "cobb-douglas",
        "user_only": "user-only",
        "assistant_only": "assistant-only",
    },
    scenarios="populace.scenarios:library/payoff",
    report="populace.envs.payoff.report:sections",
    docs="docs/worlds/payoff.md",
    outcomes=(
        Outcome(measure="user_welfare"),
        Outcome(measure="assistant_welfare"),
        Outcome(measure="harm"),
    ),
)
