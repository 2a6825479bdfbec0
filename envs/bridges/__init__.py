"""Bridges to training libraries, each imported by name and each with an extra of its own; see docs/views.md."""
