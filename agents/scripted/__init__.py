"""Policies that follow a rule; one file a world, and `common` for all."""
