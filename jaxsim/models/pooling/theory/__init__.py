"""What is known exactly about the token mechanism."""
