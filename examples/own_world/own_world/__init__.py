"""A news feed that chooses what its readers see, and how far apart their opinions move."""
