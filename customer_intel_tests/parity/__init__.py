"""Parity: every SQL table computed by DuckDB and by Spark over the same tiny lake."""
