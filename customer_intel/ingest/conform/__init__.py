"""From a file's text to an entity's typed rows, and to quarantine."""
