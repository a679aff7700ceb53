"""Customer ids that stay the same from night to night, and the limits of their change."""
