"""Value systems by name: the dimensions of each, in order."""

SYSTEMS: dict[str, tuple[str, ...]] = {
    # The 19 dimensions of ProgressGym's questionnaires (Qiu et al. 2024, arXiv 2406.20087; MIT): ten common-sense
    # rules of MoralChoice, the five moral foundations, and four views of the world.
    "progressgym": (
        *("death", "pain", "disable", "freedom", "pleasure", "deceive", "cheat", "break_promise", "break_law", "duty"),
        *("harm_care", "fairness", "ingroup", "authority", "purity"),
        *("traditional", "modern", "postmodern", "integrated"),
    ),
    # The ten basic values, in circular order (Schwartz 1992).
    "schwartz": (
        *("self_direction", "stimulation", "hedonism", "achievement", "power"),
        *("security", "conformity", "tradition", "benevolence", "universalism"),
    ),
    # The five factors (Goldberg 1990).
    "big-five": ("openness", "conscientiousness", "extraversion", "agreeableness", "neuroticism"),
    # The fifteen items of the survey in `surveys.py`.
    "human-values-de": (
        *("fun", "joy", "excitement", "leadership", "decision", "religiosity", "respect", "humility"),
        *("caution", "security", "orderliness", "independence", "listening", "environment", "interest"),
    ),
}
