"""Opening files safely and reading them as tables of text."""
