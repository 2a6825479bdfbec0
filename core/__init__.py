"""Societies of heterogeneous users living with AI assistants, simulated in batches."""
