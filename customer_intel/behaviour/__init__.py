"""What customers do: behaviours in the company's words, funnels, retention, features and what keeps customers."""
