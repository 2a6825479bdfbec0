"""The scenario files that ship with populace."""
