"""Facts: what an order, a refund, a paid day and a customer are, decided once."""
