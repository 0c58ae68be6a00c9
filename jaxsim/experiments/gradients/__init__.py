"""The gradient laboratory: every estimator on one objective of each family whose derivative is known.

case.py      an objective, a point, its exact derivative, and the estimators that fit it
cases/       one for each family
measure.py   bias, standard error, seconds and the cost of an accuracy; which estimator to use
problems.py  ``jaxsim solve gradients.compare FAMILY`` and ``gradients.memory``
reports.py   the same as an experiment of each family, with a plot
"""
