"""Identity resolution: party records, links, vetoes, stable customer ids, contact permissions."""
