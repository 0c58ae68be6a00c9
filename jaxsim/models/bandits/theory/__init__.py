"""What is known exactly about bandits; one subject per file (see the family's docstring for the map)."""
