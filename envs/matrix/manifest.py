"""What belongs to the matrix world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/matrix-v0",
    world="populace.envs.matrix.world:Matrix",
    about="Any normal-form game, played by a population.",
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
    },
    aliases={
        "best_response": "best-response",
        "fictitious_play": "fictitious-play",
        "tit_for_tat": "tit-for-tat",
        "rule_sum": "rule-sum",
        "rule_reward": "rule-reward",
        "rule_product": "rule-product",
        "rule_pareto": "rule-pareto",
    },
    scenarios="populace.scenarios:library/matrix",
    report="populace.envs.payoff.report:sections",
    docs="docs/worlds/payoff.md",
    outcomes=(
        Outcome(measure="payoff"),
        Outcome(measure="nash_play"),
    ),
)
