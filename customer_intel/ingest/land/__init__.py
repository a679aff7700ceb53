"""Which landed files a night takes, and what it says of them."""
