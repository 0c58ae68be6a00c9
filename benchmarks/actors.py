"""Speed of the actors' solvers, with correctness printed beside it, next to quantecon in the same run.

    python benchmarks/actors.py [--peer-python PATH] [--instances 1000] [--states 100000]

Two measurements, both of CPU time on one thread (run under ``taskset -c 0`` for honest numbers):

1. finite-horizon value iteration: instances x 64 states x 4 actions x 3 actors x 200 sweeps, single
precision,
   every instance with its own transitions, skills and caps; checked against double precision and, on a few
   instances, against the exhaustive maximum;
2. one discounted chain of many states, 4 actions, sparse random transitions, by modified policy iteration to
   the same span bound as `quantecon.markov.DiscreteDP`; the two value functions are compared.

quantecon is imported if it is installed; ``--peer-python`` names another interpreter that has it.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("XLA_FLAGS", "--xla_cpu_multi_thread_eigen=false")
os.environ.setdefault("NUMBA_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")

import numpy as np

ACTIONS, ACTORS, STATES, SWEEPS, BRANCHES = 4, 3, 64, 200, 2
RATE, EPSILON = 0.01, 1e-6


def timed(function: Any, repeats: int = 4) -> tuple[float, float, Any]:
    """CPU seconds of the first call (with compilation) and the least of the others; the last result."""
    start = time.process_time()
    out = function()
    first, times = time.process_time() - start, []
    for _ in range(repeats):
        start = time.process_time()
        out = function()
        times.append(time.process_time() - start)
    return first, min(times), out


def random_instance(rng: np.random.Generator) -> Any:
    """64 states, nested skills with the fastest actor the most specialized, caps: Corollary 3.2 holds."""
    from jaxsim.models.actors import formulate

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


def value_iteration(instances: int) -> None:
    """Measurement 1."""
    import jax
    import jax.numpy as jnp

    from jaxsim.models.actors import finite_horizon
    from jaxsim.models.actors.bellman import prepare
    from jaxsim.models.actors.solve import finite_values

    rng = np.random.default_rng(0)
    models = [random_instance(rng) for _ in range(instances)]
    stacked = jax.tree.map(lambda *x: jnp.stack(x), *(prepare(m) for m in models))
    solve = jax.jit(lambda p: jax.lax.map(lambda q: finite_values(q, SWEEPS)[0], p, batch_size=4))
    first, best, values = timed(lambda: solve(stacked).block_until_ready())
    gaps, exact = [], []
    for i in range(0, instances, max(1, instances // 5)):
        double = finite_horizon(models[i], SWEEPS).values
        gaps.append(np.max(np.abs(np.asarray(values[i]) - double) / np.maximum(1, np.abs(double))))
        exact.append(np.max(np.abs(double - finite_horizon(models[i], SWEEPS, method="exhaustive").values)))
    backups = instances * STATES * SWEEPS
    print(
        f"value iteration, {instances} instances x {STATES} states x {ACTIONS} actions x {ACTORS} actors"
        f" x {SWEEPS} sweeps:"
    )
    print(f"  {best:.3f} s CPU ({best / backups * 1e9:.1f} ns per state and sweep), first call {first:.1f} s")
    print(f"  float32 against float64: {max(gaps):.1e} relative; greedy against exhaustive: {max(exact):.1e}")


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


def sparse_chain(states: int, peer: str | None) -> None:
    """Measurement 2."""
    import jax

    from jaxsim.models.actors import discounted, formulate
    from jaxsim.models.actors.bellman import prepare
    from jaxsim.models.actors.solve import _discounted

    data = sparse_problem(states)
    model = formulate(
        speeds=[1.0],
        rates=data["rates"],
        targets=data["targets"],
        chances=data["chances"],
        rewards=data["rewards"][:, :, None],
        exogenous=[0.5],
        exits=data["exits"],
        costs=data["costs"],
        idle=False,
    )
    solved = discounted(model, RATE, tolerance=EPSILON / 2)
    with jax.enable_x64(True):
        program = prepare(model)
        run = lambda: _discounted(program, RATE, EPSILON / 2, 20, 100_000)[0].block_until_ready()  # noqa: E731
        first, best, values = timed(run)
    print(
        f"modified policy iteration, {states} states x {ACTIONS} actions, sparse, float64,"
        f" span bound {EPSILON}:"
    )
    print(f"  jaxsim    {best:.3f} s CPU, {solved.sweeps} maximizations, first call {first:.1f} s")
    found = quantecon(data, float(model.params.uniform_rate), peer)
    if found is None:
        print("  quantecon is not installed here: give --peer-python")
        return
    seconds, other, iterations = found
    gap = float(np.max(np.abs(other - np.asarray(values))))
    print(f"  quantecon {seconds:.3f} s CPU, {iterations} maximizations; ratio {seconds / best:.2f}")
    print(f"  largest difference of the values: {gap:.1e} (each is within {EPSILON / 2:.0e} of the optimum)")


def quantecon(
    data: dict[str, np.ndarray], clock: float, peer: str | None
) -> tuple[float, np.ndarray, int] | None:
    """Solve the uniformized chain with quantecon: here, or by the peer's interpreter."""
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder) / "in.npz", Path(folder) / "out.npz"
        np.savez(source, **{"clock": np.float64(clock), **data})  # type: ignore[arg-type]
        command = [peer or sys.executable, __file__, "--peer-in", str(source), "--peer-out", str(target)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            print(done.stderr.strip().splitlines()[-1:], file=sys.stderr)
            return None
        with np.load(target) as out:
            return float(out["seconds"]), out["values"], int(out["iterations"])


def quantecon_side(source: str, target: str) -> None:
    """What the peer's interpreter does; imports only numpy, scipy and quantecon."""
    import scipy.sparse as sp
    from quantecon.markov import DiscreteDP  # type: ignore[import-not-found]

    with np.load(source) as file:
        data = {name: file[name] for name in file.files}
    clock, rates, targets = float(data["clock"]), data["rates"], data["targets"]
    states, actions, branches = targets.shape
    flow = rates[:, :, None] * data["chances"] / clock
    row = np.arange(states * actions)
    stay = 1 - flow.sum(2).reshape(-1) - 0.5 / clock
    rows = np.concatenate([np.repeat(row, branches), row, row])
    columns = np.concatenate([targets.reshape(-1), np.repeat(data["exits"][:, 0], actions), row // actions])
    entries = np.concatenate([flow.reshape(-1), np.full(len(row), 0.5 / clock), stay])
    chain = sp.csr_matrix((entries, (rows, columns)), shape=(states * actions, states))
    income = (rates * data["rewards"] - data["costs"][:, None]).reshape(-1) / (clock + RATE)
    problem = DiscreteDP(income, chain, clock / (clock + RATE), row // actions, row % actions)
    _, best, result = timed(
        lambda: problem.solve(method="modified_policy_iteration", epsilon=EPSILON, k=20, max_iter=100_000)
    )
    np.savez(target, seconds=best, values=result.v, iterations=result.num_iter)


def main() -> None:
    """Run both measurements."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--peer-python")
    parser.add_argument("--instances", type=int, default=1000)
    parser.add_argument("--states", type=int, default=100_000)
    parser.add_argument("--peer-in", help=argparse.SUPPRESS)
    parser.add_argument("--peer-out", help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer_in:
        quantecon_side(given.peer_in, given.peer_out)
        return
    value_iteration(given.instances)
    sparse_chain(given.states, given.peer_python)


if __name__ == "__main__":
    main()
