"""Chapter 4: spot prices, priority menus and the comparison of pricing schemes."""

from __future__ import annotations

import jax
import jax.numpy as jnp
import numpy as np

from jaxsim.experiments.mechanisms.claims import checked, holds, near, report
from jaxsim.models.mechanisms import power, problems
from jaxsim.results.report import Claim, Curve, Panel, Report


def spot_and_priority(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Spot prices, the priority menu (4.4), (4.5), and equal expected revenue, on the worked example
    (exact).
    """
    checked(scale, seed)
    spot, menu = problems.spot(), problems.priority()
    claims = [
        near(f"spot price in contingency {k + 1}", stated, ours, 1e-9)
        for k, (stated, ours) in enumerate(zip((44 / 15, 44 / 21, 56 / 37), spot["prices"], strict=True))
    ]
    stated_menu = (1.97199485, 1.38532819, 0.75675676)
    pairs = enumerate(zip(stated_menu, menu["menu_prices"], strict=True))
    claims += [near(f"price of contract {k + 1}", stated, ours, 1e-8) for k, (stated, ours) in pairs]
    claims += [
        near("expected spot revenue", 15.82774775, spot["revenue"], 1e-8),
        near("menu revenue, collected for certain", 15.82774775, menu["revenue"], 1e-8),
        near("welfare of the menu is that of spot pricing", spot["welfare"], menu["welfare"], 1e-9),
    ]
    # callable forward contracts: the payback is the spot price of the contingency, c_k = lambda_k
    called = problems.priority(payback=spot["prices"])
    served = np.array([1, 0.8, 0.5])
    fair = np.array(stated_menu) + np.array(spot["prices"]) * (1 - served)
    claims += [
        near(f"price of contract {k + 1} with payback, p_k + c_k (1 - r_k)", *pair, 1e-8)
        for k, pair in enumerate(zip(fair, called["menu_prices"], strict=True))
    ]
    claims.append(near("welfare with payback", spot["welfare"], called["welfare"], 1e-9))
    least = float(np.min(np.diff(spot["deliveries"], axis=0)))
    claims.append(
        holds(
            "deliveries rise with supply (figure 4.5a)", "for all", f"by at least {least:.3f}", least >= -1e-9
        )
    )
    prices = np.linspace(0.6, 6, 60)
    weights, scales = np.array([10, 8, 6, 4.0]), np.array([1, 2, 3, 0.5])
    total = np.maximum(weights / prices[:, None] - scales, 0).sum(axis=1)
    lines = tuple(Curve(f"supply {s}", (float(s), float(s)), (0.6, 6.0)) for s in (4, 7, 12))
    demand = Curve("aggregate demand", tuple(total.tolist()), tuple(prices.tolist()))
    steps = Curve("reliability", (0.0, 4.0, 7.0, 12.0), (1.0, 1.0, 0.8, 0.5), style="steps")
    panels = (
        Panel("Spot price (figure 4.3)", "energy", "price", (demand, *lines)),
        Panel("Commodities of priority service (figure 4.4)", "energy", "probability of supply", (steps,)),
    )
    return report(
        "spot_and_priority",
        "Spot prices and priority service",
        "section 4.3",
        tuple(claims),
        panels,
        scale,
        seed,
    )


def schemes(*, scale: str = "smoke", seed: int = 0) -> Report:
    """All pricing schemes on the two-stage example, and on random markets (smoke 32, paper 1000)."""
    checked(scale, seed)
    kappa = np.array([0, 0, 0.8, 3.0])
    market = power.make_market((10, 8, 6, 4), (1, 2, 3, 0.5), kappa, (4, 7, 12), (0.2, 0.3, 0.5))
    found = power.compare(market)
    best = found["two_stage"]
    welfare = {name: float(found[name].welfare) for name in power.SCHEMES}
    claims = [near("optimal welfare", 28.91443876, welfare["two_stage"], 1e-8)]
    for k, stated in enumerate((3.13207756, 2.13967386, 1.41867728)):
        claims.append(near(f"lambda_{k + 1}", stated, float(best.prices[k]), 1e-8))
    for j, stated in ((2, 0.34646881), (3, 1.53644775)):
        claims.append(near(f"commitment x_{j + 1}", stated, float(best.commitments[j]), 1e-8))
    equal = max(welfare[n] for n in power.SCHEMES[1:4]) - min(welfare[n] for n in power.SCHEMES[1:4])
    rest = [welfare[n] for n in power.SCHEMES if n not in ("price_forecast", "priority_service")]
    ranked = bool(np.all(np.diff(rest) < 0))
    claims += [
        holds("forecast and menu attain the optimum", "equal", f"{equal:.1e} apart", equal < 1e-9),
        holds(
            "ranking of the schemes",
            "as listed",
            "as listed" if ranked else "another order",
            ranked,
            ", ".join(f"{n} {welfare[n]:.6f}" for n in power.SCHEMES),
        ),
    ]
    many = power.compare_many(power.random_markets(32 if scale == "smoke" else 1000, seed=seed))
    optimum = many["two_stage"]["welfare"]
    lost = {n: 100 * (1 - many[n]["welfare"] / optimum) for n in power.SCHEMES}
    worst = max(float(np.max(np.abs(lost[n]))) for n in ("price_forecast", "priority_service"))
    single = np.mean([np.all(lost[n] > 1e-9) for n in ("single_price_efficient", "safe_price")])
    claims += [
        holds(
            "random markets: forecast and menu attain the optimum",
            "always",
            f"{worst:.1e} % lost",
            worst < 1e-6,
        ),
        holds(
            "no scheme with a single price is efficient (4.6)",
            "never",
            f"{100 * (1 - single):.0f} % are",
            bool(single == 1.0),
        ),
    ]
    for name in power.SCHEMES[4:]:
        mean, error = np.mean(lost[name]), np.std(lost[name], ddof=1) / np.sqrt(len(optimum))
        claims.append(
            Claim(
                f"welfare lost by {name}, % of the optimum",
                None,
                float(mean),
                1.96 * float(error),
                note="random markets; the text states no number",
            )
        )
    place = tuple(float(i) for i in range(len(power.SCHEMES)))
    bars = Curve("", place, tuple(welfare.values()), style="points")
    names = tuple(name.replace("_", " ") for name in welfare)
    panel = Panel("Welfare, in the order stated", "pricing scheme", "welfare", (bars,), x_names=names)
    return report(
        "schemes",
        "Comparison of pricing schemes",
        "sections 4.4 and 4.5",
        tuple(claims),
        (panel,),
        scale,
        seed,
    )


def random_demand(*, scale: str = "smoke", seed: int = 0) -> Report:
    """With random demand a consumer may receive less in a richer contingency, which no contract allows
    (figure 4.5).
    """
    checked(scale, seed)
    weights = np.array([[6.0, 2.0], [2.0, 6.0]])
    market = power.make_market(weights, np.ones(2), np.zeros(2), (4, 5), (0.5, 0.5))
    with jax.enable_x64(True):
        found = jax.device_get(jax.jit(power.perfect_foresight)(jax.tree.map(jnp.asarray, market)))
    first, second = float(found.deliveries[0, 0]), float(found.deliveries[1, 0])
    # w_1/(1+z) = w_2/(1+z'), z + z' = S: z = (w_1 (S + 1) - w_2)/(w_1 + w_2)
    claims = (
        near("efficient delivery to consumer 1, supply 4", (6 * 5 - 2) / 8, first, 1e-9),
        near("efficient delivery to consumer 1, supply 5", (2 * 6 - 6) / 8, second, 1e-9),
        holds(
            "priority contracts cannot give it", "z_2 < z_1", f"{second:.3f} < {first:.3f}", second < first
        ),
    )
    return report(
        "random_demand",
        "Random demand defeats nested contracts",
        "section 4.3.3, figure 4.5b",
        claims,
        (),
        scale,
        seed,
    )
