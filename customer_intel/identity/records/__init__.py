"""Party records, their values normalised for comparison."""
