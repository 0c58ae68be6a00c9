"""One card per family: names and one-line summaries, nothing heavy."""
