"""From a run folder to frames, measures and a report."""

MEASURES: dict[str, str] = {}
