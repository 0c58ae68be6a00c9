"""What can be tuned by gradient in each family, by name; and headline tunings whose answers are known.

tunable.py    what a name of ``jaxsim tune`` stands for, and running it
<family>.py   the tunables of a family
headline.py   an experiment of each family: the tuned answer beside the known one
"""
