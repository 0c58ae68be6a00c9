"""The paper's ranking of policies over delays, judged reading by reading.

A policy can be drawn for each packet or once for an epoch, and the paper's text allows both. A statement that
holds in every reading is reproduced, one that holds in some is ambiguous, one that holds in none is not
reproduced.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from jaxsim.experiments.balancing.measure import Value
from jaxsim.models.balancing import JSQ, Random
from jaxsim.models.balancing.learned import learned
from jaxsim.results.report import Claim, Verdict

READINGS = {
    "both per packet": ("jsq, ties split", "mf-r"),
    "both one action an epoch": ("jsq", "mf-r, one action"),
    "JSQ one action, MF-R per packet": ("jsq", "mf-r"),
}

Values = dict[str, Value]


def policies(regular: bool) -> dict[str, Any]:
    """Return JSQ and MF-R in both readings, and random where it is not the own-queue policy path by path."""
    names: dict[str, Any] = {
        "jsq": lambda s: JSQ(),
        "jsq, ties split": lambda s: JSQ("packet"),
        "mf-r": learned,
        "mf-r, one action": lambda s: learned(s, reading="epoch"),
    }
    return names if regular else names | {"random": lambda s: Random()}


def verdict(holds: bool) -> Verdict:
    """Return the verdict of a statement that has one reading."""
    return "reproduced" if holds else "not reproduced"


def listed(delays: Sequence[float]) -> str:
    """Return delays in words."""
    return ("delay " if len(delays) == 1 else "delays ") + ", ".join(f"{d:g}" for d in delays)


def ranking(where: str, delays: Sequence[int], values: dict[str, list[Value]]) -> list[Claim]:
    """Judge: JSQ is best at delay 1, MF-R from 2 to 7, and MF-R coincides with random from 8 to 10."""
    at = {d: {name: v[i] for name, v in values.items()} for i, d in enumerate(delays)}
    base = "random" if "random" in values else "own"

    def jsq_best(now: Values, jsq: str, mfr: str) -> bool:
        return now[jsq].below(now[mfr]) and now[jsq].below(now[base])

    def mfr_best(now: Values, jsq: str, mfr: str) -> bool:
        return now[mfr].below(now[jsq]) and now[mfr].below(now[base])

    def coincide(now: Values, jsq: str, mfr: str) -> bool:
        return not now[mfr].apart(now[base])

    statements: tuple[tuple[str, str, Callable[..., bool], range], ...] = (
        ("JSQ is best at delay 1", "JSQ best, MF-R close", jsq_best, range(1, 2)),
        ("MF-R is best at delays 2 to 7", "MF-R best", mfr_best, range(2, 8)),
        ("MF-R coincides with random at delays 8 to 10", "coincide", coincide, range(8, 11)),
    )
    return [
        _claim(f"{where}: {what}", paper, {d: at[d] for d in delays if d in span}, holds, base)
        for what, paper, holds, span in statements
        if any(d in span for d in delays)
    ]


def _claim(what: str, paper: str, at: dict[int, Values], holds: Callable[..., bool], base: str) -> Claim:
    true = {name: [d for d in at if holds(at[d], *pair)] for name, pair in READINGS.items()}
    judged = [len(found) == len(at) for found in true.values()]
    words = [
        f"{name}: " + (f"true at {listed(found)}" if found else "at no delay") for name, found in true.items()
    ]
    names = ("jsq", "jsq, ties split", "mf-r", "mf-r, one action", base)
    numbers = [
        f"delay {d}: " + ", ".join(f"{n} {at[d][n]}" for n in names) for d in sorted({min(at), max(at)})
    ]
    result: Verdict = "reproduced" if all(judged) else "ambiguous" if any(judged) else "not reproduced"
    return Claim(
        what,
        paper,
        "; ".join(words),
        verdict=result,
        note=f"simulated at {listed(list(at))}. " + ". ".join(numbers),
    )
