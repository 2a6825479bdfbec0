"""Language models whose weights learn from feedback: one adapter per world, trained between rounds."""
