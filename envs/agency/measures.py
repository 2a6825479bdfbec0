"""What is reported of the agency world: the games themselves measure, here stands what it means."""

from populace.measures import Measure, share

DECLARED = (
    Measure(name="effort", about="mean effort of agents"),
    Measure(name="profit", about="mean profit of the principal", better="higher"),
    Measure(name="share", about="mean share of output that contracts give the agent", unit="share"),
    Measure(name="loss", about="mean quadratic loss of the principal", low=0.0, better="lower"),
    Measure(name="cap", about="mean cap on what the agent may choose"),
    Measure(name="price", about="mean price asked"),
    share("traded", "share of goods that were sold", better="higher"),
    Measure(name="quality", about="mean quality of what was sold"),
    share("separated", "1 where exactly the high types hold a badge, else 0"),
    share("badge/*", "share of this type that takes the badge"),
    Measure(name="quantity/*", about="mean quantity of a type"),
    Measure(name="information_rent", about="mean surplus of high types"),
    share("deviates", "share of agents who deviate", better="lower"),
    Measure(name="deviating_pays", about="mean payoff of agents who deviate"),
    Measure(name="monitoring_cost", about="mean cost of audits", low=0.0, better="lower"),
    share("trusted", "share of principals who trust", better="higher"),
    share("cheats", "share of encounters in which a trusted agent cheats", better="lower"),
    Measure(name="utility/*", about="mean payoff of a role in this tick"),
    Measure(name="discounted/*", about="mean discounted payoff of a role so far"),
    Measure(
        name="theory/*", about="what theory predicts for the measure of this name, in closed form", deterministic=True
    ),
)
"""What the world may measure, and what it means; a name with `*` stands for a family of measures."""
