"""What belongs to the agency world."""

from populace.manifest import Manifest
from populace.outcomes import Outcome

MANIFEST = Manifest(
    id="populace/agency-v0",
    world="populace.envs.agency.world:Agency",
    about="The games of principal-agent theory, played by a population.",
    policies={
        "equilibrium": "populace.agents.scripted.agency:Equilibrium",
        "insist": "populace.agents.scripted.agency:Insist",
    },
    scenarios="populace.scenarios:library/agency",
    report="populace.envs.shopping.report:sections",
    docs="docs/worlds/shopping.md",
    outcomes=(
        Outcome(measure="loss"),
        Outcome(measure="profit"),
        Outcome(measure="price"),
        Outcome(measure="separated"),
    ),
)
