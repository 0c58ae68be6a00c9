"""Trouble inside a kernel: every status bit reaches the user; counters above 32 bits are exact or refused."""

import dataclasses
import functools
from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest
import toy

import jaxsim
from jaxsim.core.errors import InvalidInput, UntrustworthyResult
from jaxsim.core.kernel import Metric
from jaxsim.core.status import REMEDY, Status
from jaxsim.engine import simulate


def with_step(step, **changes):
    return dataclasses.replace(toy.kernel(), step=step, **changes)


def troubled(draws, spec, params, policy, state):
    """Take a step; set the bit that the policy holds when the fifth job is there."""
    state, observed = toy.step(draws, spec, params, policy, state)
    word = jnp.where(state.jobs == 5, policy, jnp.uint32(0))
    return dataclasses.replace(state, status=state.status | word), observed


TROUBLED = with_step(troubled)


@pytest.mark.parametrize("bit", list(Status))
def test_every_bit_ends_in_a_refusal_with_its_remedy(bit):
    run = functools.partial(simulate, TROUBLED, jnp.uint32(bit), replications=8, horizon=60.0)
    with pytest.raises(UntrustworthyResult, match=f"{bit.name} in") as caught:
        run(toy.params(0.9))
    assert REMEDY[bit] in str(caught.value) and "\n" not in str(caught.value)
    assert 0 < run(toy.params(0.9), on_trouble="report").status[bit.name] <= 8
    assert run(toy.params(0.1), horizon=1.0).status == {}


def test_every_bit_is_set_by_a_kernel_or_the_engine():
    folder = Path(jaxsim.__file__).parent
    source = "".join(p.read_text() for room in ("models", "engine") for p in (folder / room).rglob("*.py"))
    assert [bit.name for bit in Status if f"Status.{bit.name}" not in source] == []


def counting(amount, promised, dtype=jnp.int32):
    """A kernel that reports the same whole number at every step."""

    def step(draws, spec, params, policy, state):
        state, observed = toy.step(draws, spec, params, policy, state)
        return state, observed | {"amount": jnp.asarray(amount, dtype)}

    return with_step(step, metrics=(Metric("amount", "amount"),), largest_count=promised)


@pytest.mark.parametrize(
    ("amount", "promised", "dtype"),
    [(2**30, 2**30, jnp.int32), (-(2**30), 2**30, jnp.int32), (2**24, 2**24, jnp.uint32), (1, 2**15, bool)],
)
def test_totals_beyond_32_bits_are_exact(amount, promised, dtype):
    found = simulate(counting(amount, promised, dtype), None, toy.params(), replications=2, horizon=500.0)
    assert found.steps * abs(amount) > 2**31 or amount == 1
    assert np.all(found.samples["amount.numerator"] == float(found.steps) * amount)
    assert found.estimates["amount"].mean == amount and found.status == {}


@pytest.mark.parametrize("amount", [2**20, -(2**31)])
def test_a_counter_larger_than_promised_is_refused(amount):
    with pytest.raises(UntrustworthyResult, match="COUNTER_OVERFLOW in 2 of 2"):
        simulate(counting(amount, 2**15), None, toy.params(), replications=2, horizon=500.0)


def test_a_promise_beyond_32_bits_is_refused():
    with pytest.raises(InvalidInput, match="more than 32 bits can count"):
        simulate(counting(1, 2**31), None, toy.params(), replications=2)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_parameter_that_is_not_finite_is_refused_by_name(value):
    with pytest.raises(InvalidInput, match=r"params\.arrival_rate = \w+: is not finite"):
        simulate(toy.kernel(), None, toy.params(value), replications=2)


def test_nan_in_a_policy_or_a_table_is_refused_and_a_promised_infinity_is_not():
    arguments = {"replications": 2, "horizon": 5.0}
    with pytest.raises(InvalidInput, match=r"policy\.x = .*NaN"):
        simulate(toy.kernel(), {"x": jnp.float32(np.nan)}, toy.params(), **arguments)
    simulate(toy.kernel(), {"x": jnp.float32(np.inf)}, toy.params(), **arguments)
    broken = dataclasses.replace(
        toy.kernel(), prepare=lambda s, p, _: toy.Params(0.0 / (p.arrival_rate - 0.5))
    )
    with pytest.raises(InvalidInput, match=r"context\.arrival_rate = nan: holds NaN"):
        simulate(broken, None, toy.params(0.5), **arguments)
