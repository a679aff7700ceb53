"""`customer-intel inspect` and `check`: starter mappings, and what is wrong with one."""
