"""Two worked rounds for every ask of the shopping world, on other matters than the catalogue's."""

WISHING = (
    ("You need an ice bucket. A low price matters most to you.", "Please find me a cheap ice bucket."),
    ("You need a door bell. Good quality matters most to you.", "I need a door bell that is really well made."),
)
DELEGATING = (
    (
        "You need an ice bucket. A low price matters most to you. You can ask one of two assistants. You think well of "
        "Otto. You find Vera so-so.",
        "Please find me a cheap ice bucket.\nChoice: Otto",
    ),
    (
        "You need a door bell. Good quality matters most to you. You can ask one of two assistants. You think "
        "poorly of "
        "Otto. You find Vera so-so.",
        "I need a door bell that is really well made. Please compare prices.\nChoice: Vera",
    ),
)
RECOMMENDING = (
    (
        'The customer wrote: "I need a light ice bucket."\nYou looked at these.\n- Polar, $12: good quality, 3.6 stars.'
        " Ice bucket of steel.\n- Arctic, $15: fair quality, 4.1 stars. Ice bucket of cork, very light.",
        "The Arctic is the light one of the two.\nChoice: Arctic",
    ),
    (
        'The customer wrote: "A cheap door bell, please."\nYou looked at these.\n- Ding, $9: fair quality, 3.9 stars. '
        "Door bell with a button.\n- Carillon, $20: good quality, 4.4 stars. Door bell with eight tunes.",
        "The Ding costs less than half of the other.\nChoice: Ding",
    ),
)
DECIDING = (
    (
        "You need an ice bucket.\nYou see:\n- Polar, $12: 3.6 stars. Ice bucket of steel.\n- Arctic, $15: 4.1 "
        "stars. Ice "
        "bucket of cork.\nYour assistant recommends Polar.",
        "I will take the cheaper one, as advised.\nChoice: Polar",
    ),
    (
        "You need a door bell.\nYou see:\n- Ding, $9: 3.9 stars. Door bell with a button.\n- Carillon, $20: 4.4 stars. "
        "Door bell with eight tunes.\nYour assistant recommends Ding.",
        "I like the sound of the other one better.\nChoice: Carillon",
    ),
)
SEARCHING = (
    ("The customer wants a cheap ice bucket.", "The cheapest may stand anywhere, so all of them.\nNumber: 4"),
    ("The customer wants a door bell, whichever.", "One will do.\nNumber: 1"),
)
SELLING = (
    (
        "You sell the ice bucket Polar. Few customers bought it. You may ask anything from $5 to $20.",
        "Keeps ice for a whole evening.\nPrice: $9",
    ),
    (
        "You sell the door bell Ding. Many customers bought it. You may ask anything from $6 to $24.",
        "Heard in every room.\nPrice: $12",
    ),
)
AUDITING = (
    ("Of the last 100 sales, 1 was found to go against the customer's wish.", "All is well.\nNumber: 5"),
    ("Of the last 100 sales, 30 were found to go against the customer's wish.", "Far too many.\nNumber: 60"),
)
"""Two rounds of each ask on other matters, which show its form; every other seat has them in the other order."""
