"""What belongs to the shopping world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/shopping-v0",
    world="populace.envs.shopping.world:Shopping",
    about="Delegated shopping with principals whose interests conflict.",
    policies={
        "oracle": "populace.agents.scripted.shopping:Oracle",
        "loyal": "populace.agents.scripted.shopping:Loyal",
        "strategic": "populace.agents.scripted.shopping:Strategic",
        "cheapest": "populace.agents.scripted.shopping:Cheapest",
        "random": "populace.agents.scripted.shopping:Random",
        "any-fitting": "populace.agents.scripted.shopping:AnyFitting",
        "first-arrival": "populace.agents.scripted.shopping:FirstArrival",
        "sponsor-follower": "populace.agents.scripted.shopping_sponsor:SponsorFollower",
        "tin-gpt35": "populace.agents.scripted.shopping_tinmen:TinGPT35",
        "tin-gpt4": "populace.agents.scripted.shopping_tinmen:TinGPT4",
        "pricebench": "populace.agents.scripted.shopping_pricebench:PriceBench",
        "follower": "populace.agents.scripted.shopping_others:Follower",
        "choosy": "populace.agents.scripted.shopping_others:Choosy",
        "list-price": "populace.agents.scripted.shopping_others:ListPrice",
        "undercut": "populace.agents.scripted.shopping_others:Undercut",
        "steady": "populace.agents.scripted.shopping_others:Steady",
        "responsive": "populace.agents.scripted.shopping_others:Responsive",
    },
    scenarios="populace.scenarios:library/shopping",
    report="populace.envs.shopping.report:sections",
    audits={"choice-logit": "populace.envs.shopping.audit:audit_choices"},
    docs="docs/worlds/shopping.md",
    outcomes=(
        Outcome(measure="utility"),
        Outcome(measure="regret"),
        Outcome(measure="override"),
    ),
)
