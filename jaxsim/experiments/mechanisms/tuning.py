"""A forecast and a menu tuned by gradients of welfare."""

from __future__ import annotations

from jaxsim.experiments.mechanisms.claims import checked, near, report
from jaxsim.experiments.tunings import mechanisms
from jaxsim.experiments.tunings.tunable import flat, run
from jaxsim.results.report import Curve, Panel, Report


def tuning(*, scale: str = "smoke", seed: int = 0) -> Report:
    """Tune a forecast and a menu by gradients of welfare through the consumers' answers, from a bad start."""
    checked(scale, seed)
    steps = 60 if scale == "smoke" else 100
    claims, curves = [], []
    for make in (mechanisms.forecast, mechanisms.menu):
        tunable = make()
        known, found = tunable.known_of(0), run(tunable, seeds=seed, steps=steps)[0]
        assert known is not None and found.shortfall is not None
        start, reached, optimum = (-x for x in (found.start_value.mean, found.value.mean, known.value))
        tuned = ", ".join(f"{x:.4f}" for x in flat(found.tuned))
        note = (
            f"from {start:.6f} in {found.steps} steps of L-BFGS to ({tuned}); by its own gradients at most "
            f"{found.shortfall.bound:.2g} below the optimum"
        )
        claims.append(near(f"welfare of the tuned {tunable.names[0]}", optimum, reached, 1e-6, note))
        gaps = tuple(max(float(v) + optimum, 1e-16) for v in found.values)
        curves.append(Curve(tunable.names[0], tuple(float(n) for n in range(found.steps)), gaps))
    title = "Distance to the analytic optimum"
    panel = Panel(title, "step", "welfare missing", tuple(curves), log_y=True)
    return report(
        "tuning",
        "Tuning a forecast and a menu by gradient",
        "section 4.4, extended",
        tuple(claims),
        (panel,),
        scale,
        seed,
    )
