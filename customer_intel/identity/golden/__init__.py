"""The golden record: which source's value a customer shows for each field."""
