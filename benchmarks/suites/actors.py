"""The actors' solvers and their simulation, beside quantecon and exact values.

Three measurements: finite-horizon value iteration (instances x 64 states x 4 actions x 3 actors x 200 sweeps,
single precision, every instance with its own transitions, skills and caps); one discounted chain of many
states, sparse, by modified policy iteration to the same span bound as `quantecon.markov.DiscreteDP`; epochs
of the tandem line under its optimal policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from benchmarks.harness.ours import repeats_of, simulated, solved
from benchmarks.harness.peers import package
from benchmarks.harness.rows import Case, Row
from jaxsim.models.actors import average, discounted, finite_horizon, formulate
from jaxsim.models.actors.bellman import prepare
from jaxsim.models.actors.solve import finite_values
from jaxsim.models.actors.system import model_of, optimal, system

ACTIONS, ACTORS, STATES, SWEEPS, BRANCHES = 4, 3, 64, 200, 2
RATE, EPSILON, LOOKS = 0.01, 1e-6, 20


def cases(quick: bool) -> Iterator[Case]:
    """All of the suite."""
    yield value_iteration(64 if quick else 1000, quick)
    yield sparse_chain(10_000 if quick else 100_000, quick, "")
    yield tandem(1024, quick, "")
    for instances in (1, 64) if quick else (1, 8, 64, 512):
        yield value_iteration(instances, quick, "value iteration/replications")
    for states in (1000,) if quick else (1000, 10_000, 100_000, 1_000_000):
        yield sparse_chain(states, True, "sparse chain/size")
    for replications in (1, 64) if quick else (1, 8, 64, 512, 4096):
        yield tandem(replications, True, "tandem line/replications")


def random_instance(rng: np.random.Generator) -> Any:
    """64 states, nested skills with the fastest actor the most specialized, caps: Corollary 3.2 holds."""
    rank = np.argsort(rng.random((STATES, ACTIONS)), axis=1)
    level = np.sort(rng.integers(1, ACTIONS + 1, (STATES, ACTORS)), axis=1)
    return formulate(
        speeds=-np.sort(-rng.uniform(0.2, 1, (STATES, ACTORS)), axis=1),
        rates=rng.uniform(0.2, 1, (STATES, ACTIONS)),
        targets=rng.integers(0, STATES, (STATES, ACTIONS, BRANCHES)),
        chances=rng.dirichlet([1] * BRANCHES, (STATES, ACTIONS)),
        rewards=rng.normal(size=(STATES, ACTIONS, 1)),
        allowed=rank[:, None] < level[:, :, None],
        caps=rng.integers(1, ACTORS + 1, (STATES, ACTIONS)),
        exogenous=[0.2],
        exits=rng.integers(0, STATES, (STATES, 1)),
        costs=rng.uniform(size=STATES),
    )


def value_iteration(instances: int, quick: bool, sweep: str = "") -> Case:
    """Single precision, judged by double precision and, there, by the exhaustive maximum."""
    rng = np.random.default_rng(0)
    models = [random_instance(rng) for _ in range(instances)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *(prepare(m) for m in models))
    solve = jax.jit(lambda p: jax.lax.map(lambda q: finite_values(q, SWEEPS)[0], p, batch_size=4))

    def errors(values: Any) -> dict[str, float]:
        gaps, exact = [0.0], [0.0]
        for i in range(0, instances, max(1, instances // 3)):
            double = finite_horizon(models[i], SWEEPS).values
            gaps.append(np.max(np.abs(np.asarray(values[i]) - double) / np.maximum(1, np.abs(double))))
            if not sweep:
                best = finite_horizon(models[i], SWEEPS, method="exhaustive").values
                exact.append(np.max(np.abs(double - best)))
        return {"largest error, float32": max(gaps), "greedy against exhaustive": max(exact)}

    work = float(instances * STATES * SWEEPS)
    row, _ = solved(lambda _: solve(stacked), work, errors, repeats=3 if sweep else repeats_of(quick))
    known = {"largest error, float32": 0.0, "greedy against exhaustive": 0.0}
    title = f"value iteration, {instances} instances x {STATES} states x {SWEEPS} sweeps"
    return Case(
        title,
        "state and sweep",
        (row,),
        known,
        tolerance=2e-5,
        sweep=sweep,
        size=STATES,
        replications=instances,
    )


def sparse_problem(states: int) -> dict[str, np.ndarray]:
    """One actor, 4 actions, 4 random successors each, one exogenous transition."""
    rng = np.random.default_rng(1)
    return {
        "rates": rng.uniform(0.2, 1, (states, ACTIONS)),
        "targets": rng.integers(0, states, (states, ACTIONS, 4)),
        "chances": rng.dirichlet([1] * 4, (states, ACTIONS)),
        "rewards": rng.normal(size=(states, ACTIONS)),
        "exits": rng.integers(0, states, (states, 1)),
        "costs": rng.uniform(size=states),
    }


def sparse_chain(states: int, quick: bool, sweep: str) -> Case:
    """The public call, formulation apart; answers are values of a few states."""
    data = sparse_problem(states)
    model = formulate(
        speeds=[1.0], rates=data["rates"], targets=data["targets"], chances=data["chances"],
        rewards=data["rewards"][:, :, None], exogenous=[0.5], exits=data["exits"], costs=data["costs"],
        idle=False,
    )  # fmt: skip
    looked = np.linspace(0, states - 1, LOOKS).astype(int)

    def told(solution: Any) -> dict[str, float]:
        values = np.asarray(getattr(solution, "values", solution))[looked]
        return {"mean of 20 values": float(values.mean()), "largest of 20 values": float(values.max())}

    repeats = 3 if quick else repeats_of(quick)
    row, _ = solved(
        lambda _: discounted(model, RATE, tolerance=EPSILON / 2), float(states), told, repeats=repeats
    )
    rows: tuple[Row, ...] = (row,)
    if not sweep:
        chain = chain_of(data, float(model.params.uniform_rate))

        def call(seed: int) -> tuple[float, dict[str, float]]:
            return float(states), told(quantecon_values(*chain))

        rows += (package("quantecon", call, "quantecon", repeats),)
    title = f"discounted chain of {states} states x {ACTIONS} actions, sparse, float64, span {EPSILON:g}"
    return Case(title, "state", rows, tolerance=EPSILON, sweep=sweep, size=states)


def chain_of(data: dict[str, np.ndarray], clock: float) -> tuple[Any, ...]:
    """The uniformized chain in quantecon's form: incomes, sparse transitions, discount, states, actions."""
    import scipy.sparse as sparse

    rates, targets = data["rates"], data["targets"]
    states, actions, branches = targets.shape
    flow = rates[:, :, None] * data["chances"] / clock
    row = np.arange(states * actions)
    stay = 1 - flow.sum(2).reshape(-1) - 0.5 / clock
    rows = np.concatenate([np.repeat(row, branches), row, row])
    columns = np.concatenate([targets.reshape(-1), np.repeat(data["exits"][:, 0], actions), row // actions])
    entries = np.concatenate([flow.reshape(-1), np.full(len(row), 0.5 / clock), stay])
    chain = sparse.csr_matrix((entries, (rows, columns)), shape=(states * actions, states))
    income = (rates * data["rewards"] - data["costs"][:, None]).reshape(-1) / (clock + RATE)
    return income, chain, clock / (clock + RATE), row // actions, row % actions


def quantecon_values(*chain: Any) -> np.ndarray:
    """Modified policy iteration by quantecon to the same span bound."""
    from quantecon.markov import DiscreteDP  # type: ignore[import-not-found]

    problem = DiscreteDP(*chain)
    return problem.solve(method="modified_policy_iteration", epsilon=EPSILON, k=20, max_iter=100_000).v


def tandem(replications: int, quick: bool, sweep: str) -> Case:
    """Epochs of the tandem line under its optimal policy; the exact gain beside."""
    line = system(application="tandem")
    span = (2e5 if quick and not sweep else 3e6) / replications / float(model_of(line).params.uniform_rate)
    exact = float(average(model_of(line)).gain)  # type: ignore[arg-type]
    row = simulated(
        line, optimal(line), {"net_benefit": "net_benefit"}, replications=replications,
        horizon=max(100.0, span), warmup=200.0, repeats=3 if sweep else repeats_of(quick),
        null=lambda means: 1 - means["event_share"],
    )  # fmt: skip
    return Case(
        f"tandem line, optimal policy, {replications} replications", "epoch", (row,), {"net_benefit": exact},
        tolerance=0.02, sweep=sweep, replications=replications,
    )  # fmt: skip
