"""A table's expectations, asked of its candidate."""
