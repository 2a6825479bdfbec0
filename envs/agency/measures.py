"""What is reported of the agency world: the games themselves measure, here stands what it means."""

from populace.measures import Measure

DECLARED = (
    Measure(name="effort", about="mean effort of agents"),
    Measure(name="profit", about="mean profit of the principal", better="higher"),
    Measure(name="share", about="mean share of output that the agent keeps", unit="share", low=0.0, high=1.0),
    Measure(name="loss", about="mean quadratic loss of the principal", low=0.0, better="lower"),
    Measure(name="cap", about="mean cap on what the agent may choose"),
    Measure(name="price", about="mean price asked"),
    Measure(name="traded", about="share of goods that were sold", unit="share", low=0.0, high=1.0, better="higher"),
    Measure(name="quality", about="mean quality of what was sold"),
    Measure(name="separated", about="1 where every badge tells the type, else 0", unit="share", low=0.0, high=1.0),
    Measure(name="badge/*", about="share of agents of a type that bought the badge", unit="share", low=0.0, high=1.0),
    Measure(name="quantity/*", about="mean quantity of a type"),
    Measure(name="information_rent", about="mean of what high types get above their outside option"),
    Measure(
        name="deviates",
        about="share of agents who deviate from what was agreed",
        unit="share",
        low=0.0,
        high=1.0,
        better="lower",
    ),
    Measure(name="deviating_pays", about="mean of what a deviating agent gains"),
    Measure(name="monitoring_cost", about="mean cost of audits", low=0.0, better="lower"),
    Measure(name="trusted", about="share of principals who trust", unit="share", low=0.0, high=1.0, better="higher"),
    Measure(
        name="cheats",
        about="share of encounters in which trust was abused",
        unit="share",
        low=0.0,
        high=1.0,
        better="lower",
    ),
    Measure(name="utility/*", about="mean payoff of a role in this tick"),
    Measure(name="discounted/*", about="mean discounted payoff of a role so far"),
    Measure(
        name="theory/*", about="what theory predicts for the measure of this name, in closed form", deterministic=True
    ),
)
"""What the world may measure, and what it means; a name with `*` stands for a family of measures."""
