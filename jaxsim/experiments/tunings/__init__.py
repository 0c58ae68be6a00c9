"""What can be tuned by gradient in each family, by name; and headline tunings whose answers are known.

tunable.py    what a name of ``jaxsim tune`` stands for, and running it
<family>.py   the tunables of a family
saved.py      tunings as results, tables and folders
headlines.py  experiments: the tuned answer beside the known one; telling.py: what such reports share
"""
