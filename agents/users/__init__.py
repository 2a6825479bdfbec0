"""Populations of users."""
