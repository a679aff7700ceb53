"""Who is who: party records, links, vetoes, stable customer ids, contact permissions."""
