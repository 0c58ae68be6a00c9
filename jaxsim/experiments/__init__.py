"""Everything that has a name: families, policies, problems; every figure, table and example of the papers.

registry.py   what a name refers to; imports nothing heavy
inputs.py     ``key=value`` words, and calling a function with them
build.py      systems and policies by name
cards/        one light file per family: its names with a line on each
<family>.py   the experiments themselves: functions that return a Report
"""
