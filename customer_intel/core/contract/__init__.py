"""What a table is: tables.yaml and columns.yaml, with file and line."""
