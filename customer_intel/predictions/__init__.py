"""Who is likely to leave and why, judged against what happened."""
