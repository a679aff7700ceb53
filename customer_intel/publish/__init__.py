"""What goes out: the release's documents, its catalog and its report."""
