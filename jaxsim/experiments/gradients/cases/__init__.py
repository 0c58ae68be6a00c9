"""One objective of each family whose derivative is known exactly."""
