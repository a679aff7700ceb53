"""Segments: what kind of customer somebody is (RFM), and how many there are of each."""
