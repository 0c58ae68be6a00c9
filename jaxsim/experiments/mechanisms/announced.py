"""Chapter 4.2: one price announced before random demand is known (Brown and Johnson)."""

from __future__ import annotations

import functools

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.core.precision import float64
from jaxsim.experiments.mechanisms.claims import checked, holds, near, report
from jaxsim.models.mechanisms import power, problems
from jaxsim.results.report import Claim, Curve, Panel, Report


def _optimal_price() -> list[Claim]:
    """Return the claims on figure 4.1: demand 12 - p or 8 - p, each in half the cases."""
    flat = problems.brown_johnson()
    losing = problems.brown_johnson(losses=1)
    rising = functools.partial(problems.brown_johnson, cost=1, cost_slope=0.5, capacity=100)
    served, held = rising(), rising(output="price")
    met, best = held["expected_demand_price"], held["best_price_efficient"]
    values = held["welfare_at_expected_demand_price_efficient"], held["best_welfare_efficient"]
    return [
        near("flat supply curve p = 2: expected demand meets it at", 2, flat["expected_demand_price"], 1e-6),
        near("welfare there is all that contingent prices attain", flat["contingent_welfare"],
             flat["welfare_at_expected_demand_price_efficient"], 1e-8),
        near("rising curve p = 1 + z/2, all demand served: the best price is where expected demand meets it",
             served["expected_demand_price"], served["best_price_efficient"], 1e-3),
        Claim("the same, no more supplied than is offered at the price", met, best, verdict="ambiguous",
              note=f"welfare {values[0]:.4f} at {met:.2f}, {values[1]:.4f} at {best:.2f}: the statement "
              "holds where all demand is served, not where output is held to the supply curve"),
        holds("efficient rationing is worth more than proportional", "more information, more welfare",
              f"{flat['welfare_at_expected_demand_price_efficient']:.4f} against "
              f"{flat['welfare_at_expected_demand_price_proportional']:.4f}",
              flat["welfare_at_expected_demand_price_efficient"]
              > flat["welfare_at_expected_demand_price_proportional"]),
        # Turvey: rationing e = 3 - p in half the cases costs e^2/4, so (3 - p)/4 = (p - 2)/2
        near("with losses z^2/2 from rationing the best price is above 2", 7 / 3,
             losing["best_price_efficient"], 1e-3),
    ]  # fmt: skip


def _rationed(twist: float) -> power.Outcome:
    """Return what efficient rationing of 3 units gives A and B, who answer the price 2 alike for any twist.

    Demand is w/p - d; A's (w, d) moves by twist (2, 1), B's by the opposite.
    """
    market = power.make_market([6 + 2 * twist, 8 - 2 * twist], [1 + twist, 2 - twist], [0, 0], [3], [1])
    curve = power.SupplyCurve(jnp.asarray(0.0), jnp.asarray(0.0))
    return _at_two(jax.tree.map(jnp.asarray, market), curve)


@jax.jit
def _at_two(market: power.Market, curve: power.SupplyCurve) -> power.Outcome:
    return power.one_price(market, curve, jnp.asarray(2.0, market.supplies.dtype))


@float64
def brown_johnson(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Where the best single price lies (figure 4.1), and what it cannot reveal (figure 4.2); exact."""
    checked(scale, seed)
    first, second = _rationed(0.0), _rationed(0.5)
    asked = float(jnp.max(jnp.abs(first.commitments - second.commitments)))
    change = float(second.deliveries[0, 0] - first.deliveries[0, 0])
    claims = [
        *_optimal_price(),
        near("figure 4.2: answers to the price, in two economies of equal total demand, differ by", 0, asked,
             1e-9),
        # D^A(p_H) moves by t (2/p_H - 1), p_H = 14/6, t = 1/2
        near("their efficient deliveries to A differ by", -1 / 14, change, 1e-9),
    ]  # fmt: skip
    p = np.linspace(0, 8, 33)
    line = lambda label, z: Curve(label, tuple(z.tolist()), tuple(p.tolist()))  # noqa: E731
    supply = Curve("supply", (0.0, 9.0, 9.0), (2.0, 2.0, 8.0))
    curves = (line("high demand", 12 - p), line("low demand", 8 - p), line("expected demand", 10 - p), supply)
    q = np.linspace(1.2, 4, 40)
    part = lambda label, z: Curve(label, tuple(z.tolist()), tuple(q.tolist()))  # noqa: E731
    level = lambda label, at: Curve(label, (0.0, 8.0), (at, at))  # noqa: E731
    hidden = (
        part("total demand", 14 / q - 3), part("A's demand", 6 / q - 1),
        part("A's demand, or this", 7 / q - 1.5), level("price announced", 2.0),
        level("price that clears supply 3", 7 / 3),
    )  # fmt: skip
    panels = (
        Panel("One price for random demand (figure 4.1)", "energy", "price", curves),
        Panel("What one price does not reveal (figure 4.2)", "energy", "price", hidden),
    )
    return report(
        "brown_johnson", "One price before demand is known", "section 4.2, figures 4.1, 4.2", claims, panels,
        scale, seed,
    )  # fmt: skip
