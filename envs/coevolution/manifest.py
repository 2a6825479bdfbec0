"""What belongs to the coevolution world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/coevolution-v0",
    world="populace.envs.coevolution.world:Coevolution",
    about="Values of humans and of assistants that change each other.",
    policies={
        "sincere": "populace.agents.scripted.coevolution_users:Sincere",
        "guarded": "populace.agents.scripted.coevolution_users:Guarded",
        "frozen": "populace.agents.scripted.coevolution:Frozen",
        "persistence": "populace.agents.scripted.coevolution:Persistence",
        "lifelong": "populace.agents.scripted.coevolution:Lifelong",
        "extrapolative": "populace.agents.scripted.coevolution:Extrapolative",
        "mirror": "populace.agents.scripted.coevolution:Mirror",
        "oracle": "populace.agents.scripted.coevolution:Oracle",
        "consensus": "populace.agents.scripted.coevolution:Consensus",
        "pluralist": "populace.agents.scripted.coevolution:Pluralist",
    },
    scenarios="populace.scenarios:library/coevolution",
    report="populace.envs.coevolution.report:sections",
    docs="docs/worlds/coevolution.md",
    outcomes=(
        Outcome(measure="history_error"),
        Outcome(measure="diversity"),
        Outcome(measure="assistant_error"),
    ),
)
