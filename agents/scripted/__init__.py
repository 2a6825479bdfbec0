"""Policies that follow a rule; one file per world, and `common` for all."""
