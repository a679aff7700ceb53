"""Why records are, or are not, one customer, in words."""
