"""What belongs to the culture world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/culture-v0",
    world="populace.envs.culture.world:Culture",
    about="Cultures on networks, and systems of agents that speak for them.",
    policies={
        "mixer": "populace.agents.scripted.culture:Mixer",
        "persona": "populace.agents.scripted.culture:Persona",
        "uniplex": "populace.agents.scripted.culture:Uniplex",
        "contextual": "populace.agents.scripted.culture:Contextual",
        "multiplex": "populace.agents.scripted.culture:Multiplex",
        "lister": "populace.agents.scripted.culture:Lister",
    },
    scenarios="populace.scenarios:library/culture",
    report="populace.envs.culture.report:sections",
    audits={"culture": "populace.envs.culture.audit:audit_culture"},
    docs="docs/worlds/culture.md",
    outcomes=(
        Outcome(measure="entropy_pooled"),
        Outcome(measure="alignment_shares"),
        Outcome(measure="people_variance"),
    ),
)
