"""Instruments for any world: rank assistants by matches, let users vote which value is wiser."""
