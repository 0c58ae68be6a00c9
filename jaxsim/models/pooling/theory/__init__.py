"""What is known exactly about the token mechanism; see the family's docstring for a map."""
