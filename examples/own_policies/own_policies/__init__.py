"""Three policies of one's own, for a user of the payoff world: copy the one that is nearest to what you want."""
