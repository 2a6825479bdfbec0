"""What belongs to the drift world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/drift-v0",
    world="populace.envs.drift.world:Drift",
    about="An assistant that learns from the ratings of biased users and turns dishonest.",
    policies={
        "honest": "populace.agents.scripted.drift:Honest",
        "pleaser": "populace.agents.scripted.drift:Pleaser",
        "frozen": "populace.agents.scripted.drift:Frozen",
        "candid": "populace.agents.scripted.drift:Candid",
        "suspicious": "populace.agents.scripted.drift:Suspicious",
        "lottery": "populace.agents.scripted.drift:Lottery",
    },
    scenarios="populace.scenarios:library/drift",
    report="populace.envs.drift.report:sections",
    audits={"threshold": "populace.envs.drift.audit:audit_threshold"},
    docs="docs/worlds/drift.md",
    outcomes=(
        Outcome(measure="dishonest/all"),
        Outcome(measure="dishonest/off_domain"),
        Outcome(measure="harm/biased"),
    ),
)
