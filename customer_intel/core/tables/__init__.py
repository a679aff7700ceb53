"""How a table is computed: its SQL or function, what it reads, the portable subset."""
