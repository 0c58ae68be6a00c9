"""Learned policies of Tahir, Cui, Koeppl (2023): those that are shipped, and the figures that show them."""
