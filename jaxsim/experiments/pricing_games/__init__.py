"""Experiments with the games of the pricing family: the learned policy and tuned prices.

instances.py  random games at three pools    train.py  training in one place and federated
policy.py     the learned policy by name     learned.py, tuned_prices.py  the experiments
"""
