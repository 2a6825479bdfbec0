"""Policies that learn between episodes."""
