"""Flags that pass through `once` are unchanged."""

from __future__ import annotations

import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import pytest

from jaxsim.core.kernel import Metric
from jaxsim.core.once import once


class Three(NamedTuple):
    """Some flags."""

    a: jax.Array
    b: jax.Array
    c: jax.Array


def test_every_combination_of_flags_passes():
    passed = jax.jit(jax.vmap(once, in_axes=(0, None)))
    table = jnp.asarray(list(itertools.product((False, True), repeat=3))).T
    for before, after in zip(Three(*table), passed(Three(*table), jnp.float32(1)), strict=True):
        assert after.dtype == bool and (before == after).all()


def test_a_metric_weighs_several_observables():
    metric = Metric("m", (("x", 1.0), ("y", lambda spec, params: spec * params)), scale=lambda s, p: 0.5)
    assert metric.top(2.0, 3.0, {"x": 10, "y": 1}) == pytest.approx(8.0)
    assert Metric("m", "x", scale=2.0).top(None, None, {"x": 2**53 - 1}) == 2.0 * (2**53 - 1)
