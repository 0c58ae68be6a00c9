"""The loop over steps inside one Pallas kernel: the same paths bit for bit, and it lowers for a GPU."""

from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import toy

from jaxsim.core import random
from jaxsim.engine import batch, fused, simulate
from jaxsim.engine import path as paths
from jaxsim.models.balancing import Own, assemble
from jaxsim.models.balancing.graphs import cycle
from jaxsim.models.pooling import policies, system

POOLING = system(servers=10, arrival_rate=0.8, token_probability=0.7, token_cap=20)


def chunk_of(kernel, params, policy, lanes):
    context = batch.prepare(kernel, params, policy)
    start = partial(paths.start, kernel, policy, context)
    numbers = jnp.arange(lanes, dtype=jnp.uint32)
    return context, jax.vmap(lambda n: start(random.key(3).replication(n)))(numbers)


def same_bits(a, b):
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        assert x.dtype == y.dtype
        assert np.asarray(x).tobytes() == np.asarray(y).tobytes()


def pooling(lanes):
    policy = policies.fmfe(POOLING)
    return (POOLING.kernel, policy, *chunk_of(POOLING.kernel, POOLING.params, policy, lanes))


def test_the_paths_are_those_of_the_plain_loop_bit_for_bit(monkeypatch):
    monkeypatch.setattr(fused, "block_length", lambda kernel: 64)  # several blocks, the last one short
    monkeypatch.setattr(paths, "block_length", lambda kernel: 64)
    kernel, policy, context, chunk = pooling(64)
    assert fused.fits(kernel, policy, context, chunk)
    plain = jax.jit(jax.vmap(lambda path: paths.advance(kernel, policy, context, path, jnp.int32(150))))
    one = jax.jit(lambda c: fused.advance(kernel, policy, context, c, jnp.int32(150), interpret=True))
    expected = plain(chunk)
    assert int(jnp.sum(expected.totals["helps"].low)) > 0
    same_bits(one(chunk), expected)


def test_it_lowers_for_an_nvidia_gpu():
    kernel, policy, context, chunk = pooling(128)
    run = jax.jit(lambda c: fused.advance(kernel, policy, context, c, jnp.int32(100)))
    text = run.trace(chunk).lower(lowering_platforms=("cuda",)).as_text()
    assert "triton" in text


def test_kernels_that_it_cannot_carry_out_are_left_alone():
    balanced = assemble(cycle(16), delay=1.0)
    assert not fused.fits(balanced.kernel, Own(), *chunk_of(balanced.kernel, balanced.params, Own(), 32))
    kernel, policy, context, chunk = pooling(33)
    assert not fused.fits(kernel, policy, context, chunk)  # lanes that no program can share out


def test_simulate_takes_it_where_it_is_the_faster(monkeypatch):
    run = partial(
        simulate, POOLING.kernel, policies.fmfe(POOLING), POOLING.params, replications=32, horizon=5.0
    )
    plain = run(warmup=0.0, lanes=32)
    monkeypatch.setattr(batch, "has_pallas", lambda mesh: True)
    monkeypatch.setattr(batch, "_faster", lambda *_: True)
    monkeypatch.setattr(fused, "advance", partial(fused.advance, interpret=True))
    monkeypatch.setattr(batch, "_WAYS", {})
    other = run(warmup=0.0, lanes=32)
    assert list(batch._WAYS.values()) == [True]
    for name, values in plain.samples.items():
        np.testing.assert_array_equal(values, other.samples[name])


def test_a_way_that_does_not_compile_is_not_taken(monkeypatch):
    def broken(*_, **__):
        raise RuntimeError("no such register")

    kernel = toy.kernel()
    monkeypatch.setattr(batch, "has_pallas", lambda mesh: True)
    monkeypatch.setattr(batch, "_WAYS", {})
    monkeypatch.setattr(fused, "fits", lambda *_: True)
    monkeypatch.setattr(fused, "advance", broken)
    with pytest.warns(RuntimeWarning, match="no such register"):
        simulate(kernel, None, toy.params(0.3), replications=32, horizon=5.0)
    assert list(batch._WAYS.values()) == [False]
