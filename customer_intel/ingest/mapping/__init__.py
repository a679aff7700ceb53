"""Mappings: which export feeds which entity, and how."""
