"""How a local model's tokens are chosen: shared prefixes, key-value caches, labels, and replies held to a form."""
