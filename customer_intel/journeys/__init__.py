"""How customers go: journeys, where they are lost, and what brings them."""
