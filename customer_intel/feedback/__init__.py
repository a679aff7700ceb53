"""What customers answer in surveys: NPS and CSAT by wave and segment."""
