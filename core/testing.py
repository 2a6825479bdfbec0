"""Conformance checks."""

from populace.errors import PopulaceError


class CheckFailed(PopulaceError):
    """A check found a fault; the text says what is wrong and how to mend it."""
