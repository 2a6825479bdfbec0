"""Rounds on other matters that show a model the form of a reply in the culture world."""

WARM_PERSON = (
    (
        "- coffee: How much coffee is too much? (You say: three cups.)\n"
        "- weather: Will it be a wet summer? (You say: no.)",
        "Is a fourth cup of coffee a day too much?\nAbout: coffee",
        "town",
    ),
    (
        "- chess: Is chess a sport? (You say: yes.)\n- trains: Are trains on time? (You say: rarely.)",
        "Can I count on trains to be on time?\nAbout: trains",
        "club",
    ),
)
WARM_AGENT = (
    (
        "How important is breakfast?",
        "Of your people 40 in 100 say very important, 40 in 100 rather important and 20 in 100 not important. Of all "
        "cultures alike it is 30, 40 and 30 in 100.",
        ("very important", "rather important", "not important"),
        "Most of us find breakfast rather important, but nobody minds if there is no time for it.",
        "rather important",
    ),
    (
        "Is it good to sleep at noon?",
        "Of your people 70 in 100 say yes and 30 in 100 no. Of all cultures alike it is 40 and 60 in 100.",
        ("yes", "no"),
        "Yes, most of us find it good to sleep at noon, as the day is hot.",
        "yes",
    ),
)
WARM_SYNTHESISER = (
    (
        "How important is breakfast?",
        'the islands: "Most of us find breakfast rather important."\nthe coast: "Breakfast is very important to us."',
        "Of 10 people who will read you 6 are from the islands and 4 from the coast.",
        ("very important", "rather important", "not important"),
        "On the coast breakfast is very important, and on the islands it is rather important. I would say that it is "
        "rather important to most people.",
        "rather important\nTone: warm",
    ),
    (
        "Is it good to sleep at noon?",
        'the hills: "No, we do not sleep at noon."\nthe plains: "Yes, it is good to sleep at noon."',
        "Of 10 people who will read you 5 are from the hills and 5 from the plains.",
        ("yes", "no"),
        "In the plains people find it good to sleep at noon, and in the hills they do not. Where it is hot, yes, it is "
        "good to sleep.",
        "yes\nTone: mixed",
    ),
)
"""Two rounds on other matters that show the form of a reply; every other seat has them the other way round."""
