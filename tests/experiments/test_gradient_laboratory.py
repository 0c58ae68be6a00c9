"""Every estimator keeps to the bias that it states, on a case of each family with an exact derivative."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import samplers
from jaxsim.core.random import Stream, key
from jaxsim.core.validation import InvalidInput
from jaxsim.experiments.gradients import problems
from jaxsim.experiments.gradients.case import FAMILIES, Case, Method, case_of
from jaxsim.experiments.gradients.measure import compare
from jaxsim.learning import CommonNumbers, Pathwise


def kept(found):
    """Each component within 4 standard errors (or its power): some 20 a family, so 1e-3 of the seeds fail."""
    rows = {row.name: row for row in found.rows}
    assert all(row.within != "no" for row in rows.values()), {n: r.bias for n, r in rows.items()}
    exact = found.rows[0]
    assert np.linalg.norm(exact.bias) < 1e-3 * found.length and not np.any(exact.error)
    unbiased = [row for row in found.rows[1:] if row.stated.kind == "none"]
    # None is idle: the best unbiased estimate sees the derivative.
    assert all(np.all(np.isfinite(row.gradient)) for row in found.rows)
    assert min(np.linalg.norm(row.error) for row in (unbiased or found.rows[1:])) < found.length / 3
    assert np.isfinite(rows[found.use].cost(found.length))
    return rows


def test_estimators_keep_to_their_bias_in_the_bandits():
    rows = kept(compare(case_of("bandits")))
    # What each refinement is for: lower noise on the same paths.
    error = {name: np.linalg.norm(row.error) for name, row in rows.items()}
    assert error["score, leave-one-out"] < error["score, no baseline"] / 2
    assert error["score, leave-one-out, costs to go"] < error["score, leave-one-out"] / 1.5
    assert error["conditional, exact critic"] < error["score, leave-one-out, costs to go"]


@pytest.mark.parametrize("family", FAMILIES)
def test_every_objective_still_fits_its_kernel(family):
    """Traced only: the slow test below runs them."""
    case = case_of(family)
    for name, method in case.methods.items():
        found = jax.eval_shape(method.objective, case.at, key(0).replication(0))
        assert getattr(found, "value", found).shape == (), name


@pytest.mark.slow
@pytest.mark.parametrize("family", FAMILIES)
def test_estimators_keep_to_their_bias_in_every_family(family):
    rows = kept(compare(case_of(family, 2), seed=5))
    if family == "balancing":
        error = {name: np.linalg.norm(row.error) for name, row in rows.items()}
        assert error["score in cones, leave-one-out"] < error["score, whole paths, leave-one-out"] / 2
        assert error["score in cones, path baseline"] < error["score in cones, leave-one-out"] / 1.5


def test_a_bias_that_is_not_stated_is_caught():
    """The derivative of E 1{U < x} (2 + x) is 2 + 2 x; pathwise sees x of it only, and differences all."""

    def jump(x, key):
        return (samplers.uniform(key.pair(Stream.EVENTS)[0]) < x) * (2.0 + x)

    methods = {
        "blind": Method(Pathwise(4000), jump),
        "wide": Method(CommonNumbers(0.1, 4000), lambda x, key: jump(x, key) + 0.0),
        "cubic": Method(CommonNumbers(0.2, 2), lambda x, key: 100 * x**3 + 0 * jump(x, key)),
    }
    answer = (2.3 * 0.3, np.array(2.6))
    found = compare(Case("a jump", jnp.float32(0.3), lambda: answer, methods, "ours"))
    within = [row.within for row in found.rows]
    assert within[:2] == ["no", "yes"] and found.use == "wide"
    cubic = Case(
        "a cube", 0.3, lambda: (2.7, np.array(27.0)), {"c": methods["cubic"], "w": methods["wide"]}, ""
    )
    assert compare(cubic).rows[0].within == "yes"  # bias 100 step^2 = 4, which halving the step quarters


def test_memory_of_a_long_reverse_pass_is_bounded():
    found = problems.memory(steps=50_000, servers=2)
    assert found["bytes"] < 1.5 * found["bytes_of_one_block"] < found["bytes_without_checkpoints"] / 5
    with pytest.raises(InvalidInput, match="family"):
        problems.compare(family="queues")
