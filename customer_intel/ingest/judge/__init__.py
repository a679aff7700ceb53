"""Sources judged by what is expected of them: declared in sources.yaml, or learned from their own nights."""
