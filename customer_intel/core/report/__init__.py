"""The report: markup, charts, evidence, and the shape of what a room says."""
