"""Chapter 2: the pure exchange economy, with a numeraire and without one."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.experiments.mechanisms.claims import checked, holds, near, report
from jaxsim.models.mechanisms.exchange import exchange_equilibrium
from jaxsim.models.mechanisms.preferences import CES, CobbDouglas
from jaxsim.models.mechanisms.problems import walras
from jaxsim.models.mechanisms.utilities import SquareRoot
from jaxsim.models.mechanisms.walras import excess_demand, solve_walras
from jaxsim.results.report import Claim, Curve, Panel, Report


def _crossed(held: list[float]) -> tuple[np.ndarray, float, float]:
    """Return the trades, the price and the total gain of consumers with utility sqrt(x) + y (Lemma 2.2.2)."""
    found = exchange_equilibrium(SquareRoot(0.5), np.array(held)[:, None], np.full(len(held), 9.0))
    return np.asarray(found.goods)[:, 0], float(found.prices[0]), float(np.sum(found.gains))


def _random(count: int, seed: int) -> list[Claim]:
    """Return claims on random Cobb-Douglas economies of 6 consumers and 4 goods."""
    rng = np.random.default_rng(seed)
    held, shares = rng.random((count, 6, 4)) + 0.05, rng.dirichlet(np.ones(4), (count, 6))
    one = lambda a, w: solve_walras(CobbDouglas(a), w, jnp.ones(4))  # noqa: E731
    found = jax.device_get(jax.jit(jax.vmap(one))(jnp.asarray(shares), jnp.asarray(held)))
    # marginal rates of substitution for the last good, which is the numeraire
    rates = shares / found.bundles
    rates = rates[..., :-1] / rates[..., -1:]
    gap = float(np.max(np.abs(rates / found.prices[:, None, :-1] - 1)))
    worst = float(np.min(found.after - found.before))
    paid = float(np.max(np.abs(np.einsum("rjk,rk->rj", found.trades, found.prices))))
    note = f"{count} random economies, 6 consumers, 4 goods"
    return [
        holds("individual rationality", "nobody loses", f"least gain {worst:.1e}", worst >= -1e-12, note),
        near("Pareto optimality: rates of substitution are the prices, largest gap", 0, gap, 1e-8, note),
        near("budgets: value of a trade at the prices, largest", 0, paid, 1e-8, note),
    ]


@float64
def pure_exchange(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Lemma 2.2.2 on its instance, the remark on prices on random economies, and an economy with three
    equilibria (smoke 50 economies, paper 5000).
    """
    checked(scale, seed)
    same, price, _ = _crossed([1.0, 1.0])
    trade, _, gain = _crossed([4.0, 1.0])
    found = [walras(first_prices=[p, 1]) for p in (0.1, 1.0, 9.0)]
    claims = [
        near("Lemma 2.2.2: trade of identical consumers", 0, float(np.max(np.abs(same))), 1e-10),
        near("their price, u'(1)", 0.5, price, 1e-10),
        near(
            "goods sold by a consumer with w = 4 to one with z = 1, (w - z)/2", 1.5, -float(trade[0]), 1e-10
        ),
        near("gain of that trade, 2 sqrt((w + z)/2) - sqrt z - sqrt w", 2 * 2.5**0.5 - 3, gain, 1e-10),
        *_random(50 if scale == "smoke" else 5000, seed),
    ]
    for stated, one in zip((0.1129, 0.5, 0.8871), found, strict=True):
        p = one["prices"][0]
        note = f"Kehoe (1998); index {one['index']:+d}"
        claims.append(
            near("price of good 1 where there are three equilibria", stated, p / (1 + p), 5e-5, note)
        )
    total = sum(one["index"] for one in found)
    claims.append(holds("indices of all equilibria", "add up to 1", f"add up to {total}", total == 1))
    tastes = CES(jnp.asarray([[4.0, 1], [1, 4]]), jnp.full(2, 0.2))
    held = jnp.asarray([[12.0, 1], [1, 12]])
    logs = jnp.linspace(-4, 4, 81)
    excess = jax.vmap(lambda p: excess_demand(tastes, held, jnp.stack([jnp.exp(p), 1.0]))[0])(logs)
    curves = (
        Curve("excess demand", tuple(logs.tolist()), tuple(excess.tolist())),
        Curve(
            "equilibria", tuple(float(np.log(e["prices"][0])) for e in found), (0.0, 0.0, 0.0), style="points"
        ),
    )
    panel = Panel("Three equilibria", "log of the price of good 1", "excess demand for good 1", curves)
    return report("pure_exchange", "Pure exchange", "section 2.2.2", claims, (panel,), scale, seed)
