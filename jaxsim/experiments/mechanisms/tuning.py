"""A forecast and a menu tuned by gradients of welfare."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxsim.core.precision import float64
from jaxsim.core.types import Array
from jaxsim.experiments.mechanisms.claims import checked, near, report
from jaxsim.models.mechanisms import power
from jaxsim.results.report import Curve, Panel, Report


def _ascend(welfare: Callable[[Array], Array], start: Array, steps: int) -> tuple[np.ndarray, list[float]]:
    """Ascend a welfare function by L-BFGS with a line search; return the last point and the path of values.

    Welfare is steep in the level of prices and flat in their differences, so a first-order step rule crawls.
    """
    rule = optax.lbfgs()

    def loss(v: Array) -> Array:
        return jnp.negative(welfare(v))

    pair = optax.value_and_grad_from_state(loss)

    def move(carry: tuple[Array, Any], _: None) -> tuple[tuple[Array, Any], Array]:
        at, state = carry
        value, slope = pair(at, state=state)
        change, state = rule.update(slope, state, at, value=value, grad=slope, value_fn=loss)
        return (jnp.asarray(optax.apply_updates(at, change)), state), jnp.negative(value)

    run = jax.jit(lambda at: jax.lax.scan(move, (at, rule.init(at)), None, length=steps))
    (last, _), path = run(start)
    return np.asarray(last), np.asarray(path).tolist()


@float64
def tuning(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Tune a forecast and a menu by gradients of welfare through the consumers' answers, from a bad start."""
    checked(scale, seed)
    steps = 40 if scale == "smoke" else 100
    kappa = np.array([1.0, 0.5, 0.8, 3.0])  # everybody inflexible, so that prices matter to all
    raw = power.make_market((10, 8, 6, 4), (1, 2, 3, 0.5), kappa, (4, 7, 12), (0.2, 0.3, 0.5))
    market = jax.tree.map(jnp.asarray, raw)
    best = jax.jit(power.two_stage)(market)
    optimum = float(best.welfare)

    q = market.probabilities

    def of_menu(marks: Array) -> Array:
        # the menu p_k = sum_{i >= k} q_i m_i by its marks m: the same menus, better conditioned
        menu = power.menu_prices(q, marks)
        return power.forecast_then_spot(market, power.contingency_prices(q, menu)).welfare

    start = jnp.asarray([3.0, 2.2, 1.5])
    forecast, path = _ascend(lambda p: power.forecast_then_spot(market, p).welfare, start, steps)
    menu, menu_path = _ascend(of_menu, start, steps)
    reached = float(of_menu(jnp.asarray(menu)))
    gained = float(power.forecast_then_spot(market, jnp.asarray(forecast)).welfare)
    claims = (
        near(
            "welfare of the tuned forecast",
            optimum,
            gained,
            1e-6,
            f"from {path[0]:.6f} in {steps} steps of L-BFGS",
        ),
        near(
            "welfare of the tuned menu",
            optimum,
            reached,
            1e-6,
            f"from {menu_path[0]:.6f} in {steps} steps of L-BFGS",
        ),
    )
    x = tuple(float(i) for i in range(steps))
    gap = lambda values: tuple(max(optimum - v, 1e-16) for v in values)  # noqa: E731
    panel = Panel(
        "Distance to the analytic optimum",
        "step",
        "welfare missing",
        (Curve("forecast", x, gap(path)), Curve("menu", x, gap(menu_path))),
        log_y=True,
    )
    return report(
        "tuning",
        "Tuning a forecast and a menu by gradient",
        "section 4.4, extended",
        claims,
        (panel,),
        scale,
        seed,
    )
