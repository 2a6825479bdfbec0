"""Who acts: populations of users, and the policies that play any seat."""

POLICIES = {
    # any world, any role
    "random": "populace.agents.scripted.common:Random",
    "forfeit": "populace.agents.scripted.common:Forfeit",
}
"""Name -> `module:class` of our own policies; `<world>/<name>` is known by `<name>` inside that world.

Plug-ins announce theirs by the entry point group `populace.policies`.
"""
