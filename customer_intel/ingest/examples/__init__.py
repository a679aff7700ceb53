"""Examples to copy: sources that export no files, landed by dlt."""
