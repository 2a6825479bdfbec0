"""Two worked rounds for every ask of the shopping world, on other matters than the catalogue's."""

WISHING = (
    ("You need an ice bucket. A low price matters most to you.", "Please find me a cheap ice bucket."),
    ("You need a door bell. Good quality matters most to you.", "I need a door bell that is really well made."),
)
DELEGATING = (
    (
        "You need an ice bucket. A low price matters most to you. Two assistants can be asked: Otto (you think well of "
        "Otto) and Vera (you find Vera so-so).",
        "Please find me a cheap ice bucket.\nChoice: Otto",
    ),
    (
        "You need a door bell. Good quality matters most to you. Two assistants can be asked: Otto (you think poorly "
        "of Otto) and Vera (you find Vera so-so).",
        "I need a door bell that is really well made. Please compare prices.\nChoice: Vera",
    ),
)
RECOMMENDING = (
    (
        'The customer wrote: "I need a light ice bucket." You looked at: Polar, $12; Arctic, $15, light.',
        "The Arctic is the light one of the two.\nChoice: Arctic",
    ),
    (
        'The customer wrote: "A cheap door bell, please." You looked at: Ding, $9; Carillon, $20.',
        "The Ding costs less than half of the other.\nChoice: Ding",
    ),
)
DECIDING = (
    (
        "You are buying an ice bucket. You see: Polar, $12; Arctic, $15. Your assistant recommends the Polar.",
        "I will take the cheaper one, as advised.\nChoice: Polar",
    ),
    (
        "You are buying a door bell. You see: Ding, $9; Carillon, $20. Your assistant recommends the Ding.",
        "I like the sound of the other one better.\nChoice: Carillon",
    ),
)
SEARCHING = (
    ("The customer wants a cheap ice bucket.", "The cheapest may stand anywhere, so all of them.\nNumber: 4"),
    ("The customer wants a door bell, whichever.", "One will do.\nNumber: 1"),
)
SELLING = (
    ("You sell the ice bucket Polar. Few customers bought it.", "Keeps ice for a whole evening.\nPrice: $9"),
    ("You sell the door bell Ding. Many customers bought it.", "Heard in every room.\nPrice: $12"),
)
AUDITING = (
    ("Of the last 100 sales, 1 was found to go against the customer's wish.", "All is well.\nNumber: 5"),
    ("Of the last 100 sales, 30 were found to go against the customer's wish.", "Far too many.\nNumber: 60"),
)
"""Two rounds of each ask on other matters, which show its form; every other seat has them in the other order."""
