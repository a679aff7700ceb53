"""The only Dagster code: tables become gated assets, and the night is one job over them."""
