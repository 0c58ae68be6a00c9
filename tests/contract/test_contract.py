"""What every registered kernel must keep, with every policy; a new family gets this for free."""

import dataclasses
import functools
import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import seventh_family

from jaxsim.core import random
from jaxsim.core.errors import InvalidInput
from jaxsim.engine import FinalState, rollout, simulate
from jaxsim.experiments import inputs
from jaxsim.experiments.registry import families
from jaxsim.results.storage import plain

SEED, REPLICATIONS = 5, 7  # seven, so that lanes and devices are padded
STEPS, EAGER_STEPS = 12, 3
# The families of the package, and the one that the README's page on new families leads to.
CARDS = {**families(), seventh_family.FAMILY.name: seventh_family.FAMILY}
FAMILIES = [family for family in CARDS.values() if family.system is not None]
CASES = [pytest.param(f.name, p, id=f"{f.name}-{p}") for f in FAMILIES for p in f.policies]
PROBLEMS = [pytest.param(f.name, p, id=f"{f.name}.{p}") for f in CARDS.values() for p in f.problems]


@functools.cache
def built(family, policy):
    card = CARDS[family]
    system = card.system.load()()
    return system, card.policies[policy].load()(system)


def started(family, policy):
    system, chosen = built(family, policy)
    kernel = system.kernel
    context = jax.jit(kernel.prepare, static_argnums=0)(kernel.spec, system.params, chosen)
    return kernel, chosen, context


def one_step(kernel, chosen, context, key, state):
    return kernel.step(kernel.draw(key, kernel.spec, chosen), kernel.spec, context, chosen, state)


@pytest.mark.parametrize("family", [f.name for f in FAMILIES])
def test_two_systems_of_the_same_words_share_their_compilations(family):
    """A kernel made anew must equal the first, or everything is compiled again: no lambdas in it."""
    make = CARDS[family].system.load()
    assert make().kernel == make().kernel and hash(make().kernel) == hash(make().kernel)


@functools.cache
def batch(family, policy):
    """Replications under one vmap, compiled: from a number of steps to (states, last observables)."""
    kernel, chosen, context = started(family, policy)

    def path(number, steps):
        key = random.key(SEED).replication(number)
        state = kernel.init(key, kernel.spec, context)
        _, nothing = jax.eval_shape(lambda s: one_step(kernel, chosen, context, key, s), state)
        empty = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), nothing)

        def body(t, carry):
            return one_step(kernel, chosen, context, key.at(t), carry[0])

        return jax.lax.fori_loop(0, steps, body, (state, empty))

    return jax.jit(jax.vmap(path, in_axes=(0, None)))


def assert_same(a, b):
    """Integers must agree exactly; floats to rounding, since compilers may fuse multiply and add."""
    assert jax.tree.structure(a) == jax.tree.structure(b)
    for x, y in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        x, y = np.asarray(x), np.asarray(y)
        assert x.dtype == y.dtype and x.shape == y.shape
        if np.issubdtype(x.dtype, np.floating):
            np.testing.assert_allclose(x, y, rtol=2e-5, atol=1e-6)
        else:
            np.testing.assert_array_equal(x, y)


@pytest.mark.parametrize(("family", "policy"), CASES)
def test_state_is_a_fixed_point_of_step(family, policy):
    kernel, chosen, context = started(family, policy)
    key = random.key(1).replication(0)
    state = jax.eval_shape(lambda: kernel.init(key, kernel.spec, context))
    status = jax.eval_shape(lambda s: s.status, state)
    assert status.dtype == jnp.uint32 and status.shape == ()
    after, observed = jax.eval_shape(lambda s: one_step(kernel, chosen, context, key, s), state)
    shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), s) for s in (state, after)]
    assert shapes[0] == shapes[1]
    assert all(x.shape == () for x in observed.values())


@pytest.mark.parametrize(("family", "policy"), CASES)
def test_compiled_and_batched_equals_eager_and_alone(family, policy):
    kernel, chosen, context = started(family, policy)
    together = batch(family, policy)(jnp.arange(REPLICATIONS), EAGER_STEPS)
    for number in (0, REPLICATIONS - 1):
        key = random.key(SEED).replication(number)
        state, observed = kernel.init(key, kernel.spec, context), None
        for t in range(EAGER_STEPS):
            state, observed = one_step(kernel, chosen, context, key.at(t), state)
        assert_same((state, observed), jax.tree.map(lambda x, n=number: x[n], together))


@pytest.mark.parametrize(("family", "policy"), CASES)
def test_gradients_are_finite(family, policy):
    system, chosen = built(family, policy)
    leaves, structure = jax.tree.flatten((system.params, chosen))
    floating = [jnp.issubdtype(jnp.result_type(x), jnp.floating) for x in leaves]

    def objective(floats):
        rest = iter(floats)
        filled = [next(rest) if f else x for f, x in zip(floating, leaves, strict=True)]
        params, policy_ = jax.tree.unflatten(structure, filled)
        key = random.key(0).replication(0)
        _, means, _ = rollout(system.kernel, policy_, params, key, steps=STEPS)
        return sum(jnp.sum(x) for x in means.values())

    floats = [jnp.asarray(x) for x, f in zip(leaves, floating, strict=True) if f]
    if not floats:
        pytest.fail("a kernel without differentiable parameters cannot be tuned")
    for gradient in jax.jit(jax.grad(objective))(floats):
        assert np.all(np.isfinite(gradient))


def horizon_of(system, steps=STEPS):
    return steps * float(system.kernel.step_time(system.kernel.spec, system.params))


@pytest.mark.parametrize(("family", "policy"), CASES)
def test_traced_once_for_all_parameters_and_the_same_paths_in_chunks_on_two_devices(family, policy):
    system, chosen = built(family, policy)
    traces = []

    def counted(*arguments):
        traces.append(1)
        return system.kernel.step(*arguments)

    kernel = dataclasses.replace(system.kernel, step=counted)
    shape = {"replications": REPLICATIONS, "lanes": 2, "devices": tuple(jax.local_devices()[:2])}
    run = functools.partial(simulate, kernel, chosen, horizon=horizon_of(system), warmup=0.0, **shape)
    found = run(system.params, seed=SEED, record=FinalState())
    before = len(traces)
    nudged = jax.tree.map(
        lambda x: x * 0.999 if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x, system.params
    )
    run(nudged, seed=6, on_trouble="report")
    assert len(traces) == before, "new parameter values were traced again"
    # The engine's paths, cut over lanes, chunks and devices, end where those of one plain vmap end.
    states, _ = batch(family, policy)(jnp.arange(REPLICATIONS), STEPS)
    leaves, _ = jax.tree_util.tree_flatten_with_path(states)
    named = {jax.tree_util.keystr(where, simple=True, separator="."): np.asarray(x) for where, x in leaves}
    assert_same(found.arrays, named)


@pytest.mark.parametrize("family", [f.name for f in FAMILIES])
def test_card_and_kernel_agree(family):
    card = CARDS[family]
    system = card.system.load()()
    assert {m.name for m in system.kernel.metrics} == set(card.metrics)
    assert system.kernel.family == family
    assert hash(system.kernel.spec) == hash(card.system.load()().kernel.spec)
    documentation = inspect.getdoc(card.system.load()) or ""
    for key in inputs.keys_of(card.system.load()):
        assert key in documentation, f"{key} is not explained in the docstring of system()"


@pytest.mark.parametrize("family", [f.name for f in FAMILIES])
def test_every_number_is_checked_before_tracing(family):
    card = CARDS[family]
    build = card.system.load()
    for key, default in inputs.keys_of(build).items():
        if isinstance(default, bool) or not isinstance(default, int | float):
            continue
        for bad in (float("nan"), "some text"):
            with pytest.raises(InvalidInput, match=key):
                build(**{key: bad})


@pytest.mark.parametrize(("family", "problem"), PROBLEMS)
def test_problems_answer_with_their_defaults_in_plain_json(family, problem):
    function = CARDS[family].problems[problem].load()
    answer = function()
    assert answer and all(isinstance(name, str) for name in answer)
    json.dumps(plain(answer), allow_nan=False)
    with pytest.raises(InvalidInput):
        inputs.check_keys({"no_such_key": 1}, function)
