"""The families: each a folder of its own that never imports another."""
