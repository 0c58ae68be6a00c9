"""Solvers against each other, linear programs, closed forms and the examples of the literature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from jaxsim.core.validation import InvalidInput
from jaxsim.models.actors.conditions import Verdict
from jaxsim.models.actors.evaluate import policy_law, policy_value
from jaxsim.models.actors.laws import Additive, Affinity, HeadCount, PowerSpeed, Subsets
from jaxsim.models.actors.model import Model, formulate
from jaxsim.models.actors.solve import NotConverged, average, discounted, finite_horizon, total


def random_model(
    seed: int, *, copies: int = 1, states: int = 6, actors: int = 3, actions: int = 3, law: Any = None,
    idle: bool = True, nested: bool = True, equal: bool = False, sign: float = 0.0,
) -> Model:  # fmt: skip
    """Random models side by side: ``copies`` instances that never reach each other are one model."""
    rng = np.random.default_rng(seed)
    size = copies * states
    base = (np.arange(size) // states * states)[:, None, None]
    targets = base + rng.integers(0, states, (size, actions, 2))
    speeds = -np.sort(-rng.uniform(0.2, 1.0, (size, actors)), axis=1)
    speeds = np.ones_like(speeds) if equal else speeds
    rank = np.argsort(rng.random((size, actions)), axis=1)
    level = np.sort(rng.integers(1, actions + 1, (size, actors)), axis=1)
    allowed = rank[:, None, :] < level[:, :, None]
    caps = rng.integers(1 if idle else actors, actors + 1, (size, actions))
    if not nested:
        allowed = rng.random(allowed.shape) < 0.6
    if isinstance(law, PowerSpeed) and np.all(np.asarray(law.exponent) >= 1):  # Corollary 3.4
        allowed, caps = (
            np.ones_like(allowed),
            np.broadcast_to(rng.integers(1, actors + 1, (size, 1)), caps.shape),
        )
    rewards = rng.normal(size=(size, actions, 2)) + sign
    return formulate(
        speeds=speeds, rates=rng.uniform(0.2, 1.0, (size, actions)), targets=targets,
        chances=rng.dirichlet([1, 1], (size, actions)), rewards=rewards, allowed=allowed, caps=caps,
        exogenous=rng.uniform(0.1, 0.5, (size, 2)), exits=base[:, 0] + rng.integers(0, states, (size, 2)),
        costs=rng.normal(size=size), law=law, idle=idle,
    )  # fmt: skip


LAWS = {
    "3.2": {},
    "3.4": {"law": PowerSpeed(2.0)},
    "3.5": {"law": HeadCount([0, 1, 1.7, 2.0])},
    "3.5 equal speeds": {"law": PowerSpeed(0.5), "equal": True},
}


@pytest.mark.parametrize(
    "name", [n if n in ("3.2", "3.5") else pytest.param(n, marks=pytest.mark.slow) for n in LAWS]
)
def test_greedy_equals_exhaustive_at_every_state_and_horizon(name: str) -> None:
    model = random_model(11, copies=1000, **LAWS[name])
    for epochs in (1, 2, 9):
        greedy = finite_horizon(model, epochs, method="greedy")
        oracle = finite_horizon(model, epochs, method="exhaustive")
        assert not greedy.fallback
        np.testing.assert_allclose(greedy.values, oracle.values, atol=1e-11)


@pytest.mark.parametrize(
    ("change", "verdict"),
    [
        ({"nested": False}, Verdict.NOT_NESTED),
        pytest.param({"law": PowerSpeed(0.5)}, Verdict.UNEQUAL_SPEEDS, marks=pytest.mark.slow),
        pytest.param(
            {"law": HeadCount([0, 1, 1.2, 2.9])}, Verdict.NEITHER_CONVEX_NOR_CONCAVE, marks=pytest.mark.slow
        ),
        pytest.param(
            {"law": PowerSpeed(2.0), "idle": False, "sign": -1.0},
            Verdict.NEGATIVE_VALUE,
            marks=pytest.mark.slow,
        ),
        pytest.param(
            {"law": HeadCount([0, 1, 1.7, 2.0]), "idle": False, "sign": -1.0},
            Verdict.NEGATIVE_VALUE,
            marks=pytest.mark.slow,
        ),
    ],
)
def test_failing_conditions_are_named_and_the_fallback_is_right(
    change: dict[str, Any], verdict: Verdict
) -> None:
    model = random_model(12, copies=1000, **change)
    checked = finite_horizon(model, 9)
    oracle = finite_horizon(model, 9, method="exhaustive")
    assert verdict.name in checked.fallback
    np.testing.assert_allclose(checked.values, oracle.values, atol=1e-11)


@pytest.mark.slow
def test_dropping_a_condition_costs_value() -> None:
    model = random_model(13, copies=1000, nested=False)
    greedy, oracle = (
        finite_horizon(model, 9, method="greedy"),
        finite_horizon(model, 9, method="exhaustive"),
    )
    assert np.all(greedy.values <= oracle.values + 1e-11)
    assert np.sum(greedy.values < oracle.values - 1e-6) > 10


def dense_problem(model: Model) -> list[tuple[int, float, np.ndarray]]:
    """Every admissible (state, joint assignment): income rate and row of the generator, by plain loops."""
    import itertools

    spec, local = model.spec, model.params.local
    rows = []
    for s in range(spec.states):
        for joint in itertools.product(range(spec.actions + 1), repeat=spec.actors):
            groups = [[i for i in range(spec.actors) if joint[i] == k] for k in range(spec.actions)]
            fits = all(len(g) <= local.caps[s, k] for k, g in enumerate(groups))
            if not fits or not all(local.allowed[s, i, k] for k, g in enumerate(groups) for i in g):
                continue
            q, c = np.zeros(spec.states), -local.costs[s]
            for k, g in enumerate(groups):
                power = float(np.asarray(local.law.exponent)[s]) if isinstance(local.law, PowerSpeed) else 1.0
                rate = sum(local.speeds[s, i] for i in g) ** power * local.rates[s, k] if g else 0.0
                for b in range(spec.branches):
                    q[local.targets[s, k, b]] += rate * local.chances[s, k, b]
                    c += rate * local.chances[s, k, b] * local.rewards[s, k, b]
                q[s] -= rate
            for e in range(spec.exits):
                q[local.exits[s, e]] += local.exogenous[s, e]
                q[s] -= local.exogenous[s, e]
            rows.append((s, c, q))
    return rows


@pytest.mark.parametrize("law", [None, pytest.param(PowerSpeed(0.6), marks=pytest.mark.slow)])
def test_average_and_discounted_agree_with_linear_programs(law: Any) -> None:
    model = random_model(14, law=law)
    rows = dense_problem(model)
    states, incomes, flows = (np.array(x) for x in zip(*rows, strict=True))
    # Average: max sum x c with x Q = 0, x 1 = 1, x >= 0.
    lp = linprog(
        -incomes,
        A_eq=np.vstack([flows.T, np.ones(len(rows))]),
        b_eq=np.append(np.zeros(6), 1.0),
        method="highs",
    )
    solution = average(model, tolerance=1e-11)
    assert solution.gain == pytest.approx(-lp.fun, abs=1e-8)
    # Discounted at 0.3: min sum V with (α - Q) V >= c for every assignment.
    left = 0.3 * np.eye(6)[states] - flows
    lp = linprog(np.ones(6), A_ub=-left, b_ub=-incomes, bounds=(None, None), method="highs")
    values = discounted(model, 0.3, tolerance=1e-10).values
    np.testing.assert_allclose(values, lp.x, atol=1e-7)


def test_policies_that_solvers_return_have_the_values_that_they_return() -> None:
    model = random_model(15)
    best = average(model, tolerance=1e-11)
    assert float(policy_value(model, best.assignment)) == pytest.approx(best.gain, abs=1e-9)
    best = discounted(model, 0.2, tolerance=1e-11)
    np.testing.assert_allclose(
        policy_value(model, best.assignment, criterion="discounted", rate=0.2), best.values, atol=1e-9
    )
    law = policy_law(model, best.assignment)
    assert law.sum() == pytest.approx(1) and law.min() > -1e-12


def test_finite_horizon_is_the_recursion_of_section_3() -> None:
    model = random_model(16)
    rows, values = dense_problem(model), np.zeros(6)
    for _ in range(7):
        drifts = [(s, c + q @ values) for s, c, q in rows]
        values = values + np.array([max(d for s, d in drifts if s == i) for i in range(6)]) / float(
            model.params.uniform_rate
        )
    np.testing.assert_allclose(finite_horizon(model, 7).values, values, atol=1e-12)


def birth_death(rate: float, size: int) -> Model:
    x = np.arange(size)
    return formulate(
        speeds=[1.0], rates=[1.0], targets=np.maximum(x - 1, 0)[:, None, None],
        caps=np.minimum(x, 1)[:, None], exogenous=[rate], exits=np.minimum(x + 1, size - 1)[:, None],
        costs=x.astype(float),
    )  # fmt: skip


def test_a_single_server_queue_has_its_geometric_law() -> None:
    model = birth_death(0.5, 60)
    best = average(model)
    assert best.gain == pytest.approx(-1.0, abs=1e-8)  # rho/(1-rho)
    law = policy_law(model, best.assignment)
    np.testing.assert_allclose(law, 0.5 ** (np.arange(60) + 1), atol=1e-12)


def test_sparse_and_dense_stationary_laws_agree() -> None:
    import jax

    from jaxsim.models.actors.evaluate import firing_rates, stationary, stationary_sparse

    model = random_model(17)
    with jax.enable_x64(True):
        local = jax.tree.map(np.asarray, model.params.local)
        firing = firing_rates(local, average(model).assignment, 3)
        sparse = stationary_sparse(model.params, firing)
        np.testing.assert_allclose(stationary(local, firing), sparse, atol=1e-10)


@pytest.mark.slow
def test_general_firing_rates_from_a_table_of_subsets() -> None:
    speeds = np.array([0.5, 0.3, 0.9])
    sums = [sum(speeds[i] for i in range(3) if code >> i & 1) for code in range(8)]
    plain = random_model(18)
    again = formulate(**{**_fields(plain), "speeds": speeds, "law": Additive()})
    table = formulate(**{**_fields(plain), "speeds": speeds, "law": Subsets(sums)})
    weights = np.repeat(speeds[:, None], 3, axis=1)
    pairs = formulate(**{**_fields(plain), "speeds": np.ones(3), "law": Affinity(weights)})
    values = average(again, method="exhaustive").values
    for other in (table, pairs):
        solved = average(other)
        assert set(solved.fallback) == {"NOT_MULTIPLICATIVE"}
        np.testing.assert_allclose(solved.values, values, atol=1e-7)


def _fields(model: Model) -> dict[str, Any]:
    names = (
        "speeds",
        "rates",
        "targets",
        "chances",
        "rewards",
        "allowed",
        "caps",
        "exogenous",
        "exits",
        "costs",
    )
    return {name: getattr(model.params.local, name) for name in names}


def test_single_precision_sweeps_are_close() -> None:
    import jax
    import jax.numpy as jnp

    from jaxsim.models.actors.bellman import prepare
    from jaxsim.models.actors.solve import finite_values

    model = random_model(19, states=50)
    values, _ = jax.jit(finite_values)(prepare(model), 50)
    assert values.dtype == jnp.float32
    np.testing.assert_allclose(values, finite_horizon(model, 50).values, rtol=2e-5, atol=2e-5)


def test_no_convergence_is_said() -> None:
    with pytest.raises(NotConverged, match="max_sweeps = 2"):
        average(birth_death(0.9, 200), max_sweeps=2)
    with pytest.raises(NotConverged):
        total(birth_death(0.9, 50), max_sweeps=10)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"rates": [-1.0]}, "rates"),
        ({"targets": np.full((3, 1, 1), 3)}, "targets = .*: is not a state"),
        ({"chances": np.full((3, 1, 1), 0.5)}, "chances"),
        ({"idle": False, "caps": [1], "speeds": [1.0, 1.0]}, "cannot all be assigned"),
        ({"uniform_rate": 0.1}, "below the total rate"),
        ({"speeds": [0.0]}, "nothing ever happens"),
        ({"law": HeadCount([1.0, 2.0])}, "rho"),
    ],
)
def test_bad_input_is_refused(change: dict[str, Any], message: str) -> None:
    good: dict[str, Any] = {"speeds": [1.0], "rates": [1.0], "targets": np.zeros((3, 1, 1))}
    formulate(**good)
    with pytest.raises(InvalidInput, match=message):
        formulate(**{**good, **change})


def test_too_many_joint_assignments_are_refused() -> None:
    big = formulate(speeds=np.ones(12), rates=np.ones(4), targets=np.zeros((2, 4, 1)), law=PowerSpeed(0.5))
    assert finite_horizon(big, 3).values.shape == (2,)  # equal speeds: no enumeration needed
    with pytest.raises(InvalidInput, match="joint assignments"):
        finite_horizon(big, 3, method="exhaustive")
