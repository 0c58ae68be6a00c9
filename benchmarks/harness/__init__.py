"""What suites share. See the modules."""
