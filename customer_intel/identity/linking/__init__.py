"""From shared values to links, vetoes and clusters of records."""
