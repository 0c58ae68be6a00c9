import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxsim.statistics import Histogram, Moments, Totals


def total_of(values, fold_every=100):
    totals = Totals()
    state = totals.init({"x": values[0]})
    for i, x in enumerate(values):
        state = totals.update(state, {"x": x})
        if (i + 1) % fold_every == 0:
            state = totals.fold(state)
    return state


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-(2**31) // 4, 2**31 // 4), min_size=1, max_size=12))
def test_integer_totals_are_exact_beyond_32_bits(values):
    # fold_every=1: every value may be a quarter of the 32-bit range, the sums leave it many times over.
    state = total_of([jnp.int32(v) for v in values], fold_every=1)
    assert Totals().finalize(state)["x"] == float(sum(values))
    merged = Totals().merge(state, state)
    assert Totals().finalize(merged)["x"] == 2.0 * sum(values)


def test_float_totals_do_not_drift():
    # 1e5 times 0.1 (as float32) on top of 1e6: plain float32 summation loses several units.
    tenth, count = np.float32(0.1), 100_000
    totals = Totals()

    def add(_, state):
        return totals.update(state, {"x": jnp.float32(tenth)})

    start = totals.update(totals.init({"x": jnp.float32(0)}), {"x": jnp.float32(1e6)})
    state = jax.jit(lambda s: jax.lax.fori_loop(0, count, add, s))(start)
    exact = 1e6 + count * float(tenth)
    assert abs(totals.finalize(state)["x"] - exact) < 1e-2
    plain = jax.jit(lambda s: jax.lax.fori_loop(0, count, lambda _, x: x + tenth, s))(jnp.float32(1e6))
    assert abs(float(plain) - exact) > 10


def test_moments_agree_with_numpy_and_merge():
    x = np.random.default_rng(0).normal(1000, 1, 400).astype(np.float32)
    m = Moments()

    def over(values):
        return jax.lax.scan(lambda s, v: (m.update(s, v), None), m.init(), jnp.asarray(values))[0]

    for state in (over(x), m.merge(over(x[:37]), over(x[37:])), m.merge(m.init(), over(x))):
        mean, variance = m.finalize(state)
        assert float(mean) == pytest.approx(x.astype(np.float64).mean(), rel=1e-6)
        assert float(variance) == pytest.approx(x.astype(np.float64).var(ddof=1), rel=1e-3)
    assert np.isnan(m.finalize(m.init())[0])


def test_histogram_counts_everything_and_finds_quantiles():
    h = Histogram(tuple(float(e) for e in np.linspace(0, 1, 101)))
    x = np.random.default_rng(1).uniform(size=20_000)
    counts = h.update(h.init(), jnp.asarray(np.r_[x, -5.0, 7.0]))
    assert int(counts.sum()) == x.size + 2 and int(counts[0]) == 1 and int(counts[-1]) == 1
    merged = h.merge(counts, counts)
    for p in (0.1, 0.5, 0.9):
        # Standard error of a quantile of U(0, 1): sqrt(p (1-p) / n) < 0.004.
        assert abs(h.quantile(merged, p) - np.quantile(x, p)) < 0.004
    assert h.quantile(h.update(h.init(), jnp.asarray([9.0])), 0.5) == np.inf
    assert h.quantile(h.update(h.init(), jnp.asarray([-9.0])), 0.5) == -np.inf
