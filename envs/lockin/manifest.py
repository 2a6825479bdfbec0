"""What belongs to the lockin world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/lockin-v0",
    world="populace.envs.lockin.world:LockIn",
    about="Bayesian beliefs of humans and assistants that count each other twice, and lock in.",
    policies={
        "aggregate": "populace.agents.scripted.lockin:Aggregate",
        "silent": "populace.agents.scripted.lockin:Silent",
    },
    scenarios="populace.scenarios:library/lockin",
    report="populace.envs.lockin.report:sections",
    docs="docs/worlds/coevolution.md",
    outcomes=(
        Outcome(measure="assistant_error"),
        Outcome(measure="overconfident"),
        Outcome(measure="diversity"),
    ),
)
