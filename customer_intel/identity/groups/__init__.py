"""Groups of customers: accounts (organisations) and households."""
