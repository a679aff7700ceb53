"""A night's steps: candidate, audit, accept; two tables at a time."""
