"""Learned policies of Tahir, Cui, Koeppl (2023): those that are shipped, and the figures that show them.

policies.py  trained policies by name, on any graph; ship.py trains those that come with the package
figures.py   5, 6, 7, 8 and 10b; seeing.py: 9b; networks.py: 3b and 9a; scalable.py: 4a and 4b
"""
