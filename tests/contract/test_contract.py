"""What every registered kernel must keep, with every policy; a new family gets this for free."""

import dataclasses
import functools
import inspect
import json

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import random
from jaxsim.core.errors import InvalidInput
from jaxsim.engine import FinalState, rollout, simulate
from jaxsim.experiments import inputs
from jaxsim.experiments.registry import families
from jaxsim.results.storage import plain

STEPS = 12
FAMILIES = [family for family in families().values() if family.system is not None]
CASES = [pytest.param(f.name, p, id=f"{f.name}-{p}") for f in FAMILIES for p in f.policies]
PROBLEMS = [pytest.param(f.name, p, id=f"{f.name}.{p}") for f in families().values() for p in f.problems]


@functools.cache
def built(family, policy):
    card = families()[family]
    system = card.system.load()()
    return system, card.policies[policy].load()(system)


def started(family, policy):
    system, chosen = built(family, policy)
    kernel = system.kernel
    context = jax.jit(kernel.prepare, static_argnums=0)(kernel.spec, system.params, chosen)
    return kernel, chosen, context


def one_step(kernel, chosen, context, key, state):
    return kernel.step(kernel.draw(key, kernel.spec, chosen), kernel.spec, context, chosen, state)


def assert_same(a, b, exact=True):
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
def test_state_is_a_fixed_point_and_compiled_equals_eager(family, policy):
    kernel, chosen, context = started(family, policy)
    key = random.key(1).replication(0)
    state = kernel.init(key, kernel.spec, context)
    assert state.status.dtype == jnp.uint32 and state.status.shape == ()
    compiled = jax.jit(functools.partial(one_step, kernel))
    # A few steps in, where queues are no longer empty; the last one also without the compiler.
    for number in range(3):
        before, (state, observed) = state, compiled(chosen, context, key.at(number), state)
        shapes = [jax.tree.map(lambda x: (x.shape, x.dtype), s) for s in (before, state)]
        assert shapes[0] == shapes[1]
        assert all(jnp.shape(x) == () for x in observed.values())
    assert_same((state, observed), one_step(kernel, chosen, context, key.at(number), before))


@pytest.mark.parametrize(("family", "policy"), CASES)
def test_vmap_equals_loop(family, policy):
    kernel, chosen, context = started(family, policy)

    @jax.jit
    def path(number):
        key = random.key(2).replication(number)
        state = kernel.init(key, kernel.spec, context)

        def body(t, carry):
            state, _ = carry
            return one_step(kernel, chosen, context, key.at(t), state)

        return jax.lax.fori_loop(1, STEPS, body, one_step(kernel, chosen, context, key.at(0), state))

    numbers = jnp.arange(4)
    together = jax.jit(jax.vmap(path))(numbers)
    apart = [path(n) for n in numbers]
    assert_same(together, jax.tree.map(lambda *x: jnp.stack(x), *apart))


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
def test_traced_once_for_all_parameters_and_the_same_paths_for_all_lanes_and_devices(family, policy):
    system, chosen = built(family, policy)
    traces = []

    def counted(*arguments):
        traces.append(1)
        return system.kernel.step(*arguments)

    kernel = dataclasses.replace(system.kernel, step=counted)
    arguments = {"replications": 6, "horizon": horizon_of(system), "warmup": 0.0, "record": FinalState()}
    run = functools.partial(simulate, kernel, chosen, **arguments)
    one, two = tuple(jax.local_devices()[:1]), tuple(jax.local_devices()[:2])
    first = run(system.params, lanes=3, devices=two, seed=5)
    before = len(traces)
    nudged = jax.tree.map(
        lambda x: x * 0.999 if jnp.issubdtype(jnp.result_type(x), jnp.floating) else x, system.params
    )
    run(nudged, lanes=3, devices=two, seed=6, on_trouble="report")
    assert len(traces) == before, "new parameter values were traced again"
    other = run(system.params, lanes=2, devices=one, seed=5)
    assert_same(other.arrays, first.arrays)  # the sampled paths end in the same states, bit for bit
    for name, sample in first.samples.items():
        np.testing.assert_allclose(sample, other.samples[name], rtol=1e-5, err_msg=name)


@pytest.mark.parametrize("family", [f.name for f in FAMILIES])
def test_card_and_kernel_agree(family):
    card = families()[family]
    system = card.system.load()()
    assert {m.name for m in system.kernel.metrics} == set(card.metrics)
    assert system.kernel.family == family
    assert hash(system.kernel.spec) == hash(card.system.load()().kernel.spec)
    documentation = inspect.getdoc(card.system.load()) or ""
    for key in inputs.keys_of(card.system.load()):
        assert key in documentation, f"{key} is not explained in the docstring of system()"


@pytest.mark.parametrize("family", [f.name for f in FAMILIES])
def test_every_number_is_checked_before_tracing(family):
    card = families()[family]
    build = card.system.load()
    for key, default in inputs.keys_of(build).items():
        if isinstance(default, bool) or not isinstance(default, int | float):
            continue
        for bad in (float("nan"), "some text"):
            with pytest.raises(InvalidInput, match=key):
                build(**{key: bad})


@pytest.mark.parametrize(("family", "problem"), PROBLEMS)
def test_problems_answer_with_their_defaults_in_plain_json(family, problem):
    function = families()[family].problems[problem].load()
    answer = function()
    assert answer and all(isinstance(name, str) for name in answer)
    json.dumps(plain(answer), allow_nan=False)
    with pytest.raises(InvalidInput):
        inputs.check_keys({"no_such_key": 1}, function)
