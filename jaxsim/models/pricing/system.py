"""The pricing system by name: keys, defaults and their validation."""

from __future__ import annotations

from typing import Any, cast

import jax.numpy as jnp
import numpy as np

from jaxsim.core.kernel import System
from jaxsim.core.types import Real, Whole
from jaxsim.core.validation import choice, integer, non_negative, numbers, positive, require
from jaxsim.models.pricing import diffusion, environment, laws, stages
from jaxsim.models.pricing import packets as packet_model
from jaxsim.models.pricing.catalogue import reference as reference_policy
from jaxsim.models.pricing.catalogue import scalar
from jaxsim.models.pricing.closed_form import Kind, Reading
from jaxsim.models.pricing.market import Market, Users

MOST_USERS = 8


def system(
    *,
    model: Any = "diffusion",
    users: Whole = 2,
    kinds: Any = None,
    pools: Whole = 1,
    arrival_rate: Real = None,
    batch_mean: Real = None,
    mu: Real = None,
    interarrival_scv: Real = None,
    batch_scv: Real = None,
    packet_scv: Real = None,
    theta: Real = None,
    rate: Real = None,
    generator: Real = 0.0,
    initial_prices: Real = None,
    lower_prices: Real = None,
    upper_prices: Real = None,
    reading: Any = None,
    time_step: Real = 0.04,
    scheme: Any = "exact",
    covariance: Any = "independent",
    crossing: Any = "split",
    initial_workload: Real = 0.0,
    reference: Any = "constant",
    scale: Real = 10.0,
    capacity: Real = None,
    one_user_capacity: Real = None,
    interarrival: Any = "hyperexponential",
    packets: Any = "hyperexponential",
    stage_means: Real = stages.DEFAULT_MEANS,
    stage_scvs: Real = stages.DEFAULT_SCVS,
    until: Real = None,
) -> System:
    """Return users who share pools at prices that follow their queues: the diffusion, or the packets.

    What is said of users is one number for all, one per user, or a row per regime. Defaults are the paper's:
    of figure 11 for two users, of figure 4 for three.

    Args:
        model: ``diffusion`` (the reflected limit), or ``queue`` (packets, before the limit).
        users: J, 2 to 8; a pair of them is served at a time, selected among all pairs (for any number of
            users: ``jaxsim solve pricing.select``, by a Lagrangian sort with its gap).
        kinds: utility of each user, ``log`` or ``delay``; by default the second user's is ``delay``.
        pools: V; the capacity of every pool is shared by the selected pair.
        arrival_rate: lambda_j, batches per unit of time (default 10/3 for log, 5 for delay).
        batch_mean: m_j, packets per batch (3, 1).
        mu: 1 / mean packet length (1/10, 1/20).
        interarrival_scv: alpha_j^2, squared coefficient of variation between batches (10/3, 20).
        batch_scv: zeta_j^2, of batch sizes (1, 2).
        packet_scv: beta_j^2, of packet lengths (10, 20).
        theta: r (lambda^r_j - lambda_j) m_j, the load's distance from capacity (-1, -1.2).
        rate: rho_j, the service rate at which dual costs are taken; a row per pool (1000 each; the packet
            model's is lambda_j m_j / mu_j, so that capacity equals load at theta = 0).
        generator: of the environment, K rows of K numbers; 0 for a single regime.
        initial_prices: at time 0 (two users of the diffusion 9,3; else 2.25 for log, 1.5 for delay).
        lower_prices: never below (0.64,0.8; 0.49 and 0.7).
        upper_prices: never above (two users none; 4 and 2).
        reading: of the dual cost, ``paper`` (5.1) or ``literal`` (3.22) (diffusion paper, packets literal).
        time_step: length of a step of the diffusion.
        scheme: ``exact`` (reflection in law at any step) or ``projected_euler`` (as the paper's figures).
        covariance: users' noise ``independent``, or ``common`` to all, as (5.9) is printed.
        crossing: regimes within a step: ``split`` at jumps (exact) or ``matrix`` (constant over a step).
        initial_workload: at time 0.
        reference: policy that runs beside under the same noise: ``constant`` (prices 1), ``arbitrary``,
            ``stochastic``, ``2d-queue`` or ``none``.
        scale: r of the packet model; time runs r^2 times faster and queues are divided by r.
        capacity: C_v of each pool in the packet model; by default the users' ``rate`` together.
        one_user_capacity: of a pool while a user is alone, a number or one per user; by default all of it.
        interarrival: law between batches: ``hyperexponential``, ``lognormal``, ``gamma`` or ``exponential``.
        packets: law of packet lengths, likewise, or ``stages``: the sum of registration, security check,
            policy computation and payment, whose work is reported apart; packet_scv is then theirs.
        stage_means: of the four stages, up to a factor (they are scaled to add up to 1/mu of each user); four
            numbers, or a row per user.
        stage_scvs: their squared coefficients of variation, likewise.
        until: scaled time at which paths of the packet model stop, so that their ends are at one time.

    Raises:
        InvalidInput: naming the key, its value and the remedy.
    """
    choice("model", model, ("diffusion", "queue"))
    choice("packets", packets, laws.PACKET_LAWS)
    count = _count(users)
    made = stages.stages(stage_means, stage_scvs, "stage_", count).of_mean_one()
    if packets == "stages":
        remedy = "leave it out: stage_means and stage_scvs give it"
        require(packet_scv is None, "packet_scv", packet_scv, "is not free with packets=stages", remedy)
        packet_scv = np.asarray(made.scv)
    market, people = _people(
        users=count,
        kinds=kinds,
        pools=pools,
        arrival_rate=arrival_rate,
        batch_mean=batch_mean,
        mu=mu,
        interarrival_scv=interarrival_scv,
        batch_scv=batch_scv,
        packet_scv=packet_scv,
        theta=theta,
        rate=rate,
        generator=generator,
        initial_prices=initial_prices,
        lower_prices=lower_prices,
        upper_prices=upper_prices,
        reading=reading if reading is not None else ("paper" if model == "diffusion" else "literal"),
        before_limit=model == "queue",
    )
    # Checked whichever model is asked for: a key that is not read is not a place for nonsense.
    step = scalar("time_step", time_step, positive)
    first = scalar("initial_workload", initial_workload, non_negative)
    r = scalar("scale", scale, positive)
    if model == "queue":
        laws_of = (interarrival, packets, made if packets == "stages" else None)
        return _packet_system(market, people, r, capacity, one_user_capacity, laws_of, until)
    choice("scheme", scheme, ("exact", "projected_euler"))
    choice("covariance", covariance, ("independent", "common"))
    choice("crossing", crossing, ("split", "matrix"))
    chain = np.asarray(people.generator, np.float64)
    split = crossing == "split" and market.regimes > 1
    spec = diffusion.Spec(
        market=market,
        scheme=scheme,
        covariance=covariance,
        crossing=crossing,
        pieces=environment.pieces_needed(chain, step) if split else 1,
        reference=reference,
    )
    params = diffusion.Params(
        people,
        jnp.asarray(step, jnp.float32),
        jnp.asarray(first, jnp.float32),
        reference_policy(reference, market, people),
    )
    return System(diffusion.kernel(spec), params)


def _packet_system(
    market: Market,
    people: Users,
    r: float,
    capacity: Real,
    alone: Real,
    laws_of: tuple[Any, Any, stages.Stages | None],
    until: Real,
) -> System:
    """Return the packet model; ``laws_of``: the laws between batches and of packets, and the stages."""
    interarrival, lengths, made = laws_of
    choice("interarrival", interarrival, laws.TIME_LAWS)
    numbers_of = {name: np.asarray(value, np.float64) for name, value in vars(people).items()}
    laws.check(interarrival, "interarrival_scv", numbers_of["interarrival_scv"])
    if lengths != "stages":
        laws.check(lengths, "packet_scv", numbers_of["packet_scv"])
    laws.check_batches(numbers_of["batch_mean"], numbers_of["batch_scv"])
    total = numbers_of["rate"].sum(axis=2)
    if capacity is not None:
        total = _shaped("capacity", capacity, positive, total.shape)
    one = np.broadcast_to(total[..., None], numbers_of["rate"].shape)
    if alone is not None:
        one = _shaped("one_user_capacity", alone, positive, one.shape)
    fits = bool(np.all(one <= total[..., None] * (1 + 1e-6)))
    require(fits, "one_user_capacity", alone, "exceeds the pool's capacity", "give at most the capacity")
    end = np.inf if until is None else scalar("until", until, positive)
    scale, pools, solo, last = (jnp.asarray(np.asarray(x), jnp.float32) for x in (r, total, one, end))
    params = packet_model.PacketParams(people, scale, pools, solo, last, made)
    slowest = np.asarray(packet_model.scaled_arrivals(params))
    remedy = "raise scale or theta: arrival_rate + theta / (scale batch_mean) must be positive"
    require(bool(np.all(slowest > 0)), "scale", r, "leaves no arrivals", remedy)
    spec = packet_model.PacketSpec(market, interarrival, lengths, until is not None)
    return System(packet_model.kernel(spec), params)


def _count(value: Any) -> int:
    """Return J; more users than every pair can be compared for at every step are refused."""
    count = integer("users", value, low=2)
    remedy = f"give 2 to {MOST_USERS}, or select among them with: jaxsim solve pricing.select"
    require(count <= MOST_USERS, "users", value, "have too many pairs to compare at every step", remedy)
    return count


def _kinds(value: Any, users: int) -> tuple[Kind, ...]:
    if value is None:
        return tuple("delay" if j == 1 else "log" for j in range(users))
    named = isinstance(value, str | list | tuple)
    require(named, "kinds", value, "are not names", "give log or delay for each user")
    listed = [value] * users if isinstance(value, str) else list(value)
    require(len(listed) == users, "kinds", value, f"names {len(listed)} users", f"give {users} names")
    return cast(tuple[Kind, ...], tuple(choice("kinds", kind, ("log", "delay")) for kind in listed))


def _people(**keys: Any) -> tuple[Market, Users]:
    """Check what is said of the users and return it."""
    users = keys["users"]
    pools = integer("pools", keys["pools"], low=1, high=64)
    kinds = _kinds(keys["kinds"], users)
    chain = environment.checked_generator("generator", keys["generator"])
    regimes = len(chain)
    reading = cast(Reading, choice("reading", keys["reading"], ("paper", "literal")))

    def each(field: str, log: float, delay: float, check: Any, rows: tuple[int, ...] = ()) -> np.ndarray:
        value = keys[field]
        value = [log if kind == "log" else delay for kind in kinds] if value is None else value
        return _shaped(field, value, check, (*rows, users))

    two = users == 2 and not keys["before_limit"]
    arrival = each("arrival_rate", 10 / 3, 5.0, positive, (regimes,))
    batch = each("batch_mean", 3.0, 1.0, positive, (regimes,))
    mu = each("mu", 0.1, 0.05, positive)
    load = arrival * batch / mu
    if keys["rate"] is None:
        full = load if keys["before_limit"] else np.full((regimes, users), 1000.0)
        rate = np.broadcast_to(full[:, None, :] / pools, (regimes, pools, users))
    else:
        rate = _rates(keys["rate"], regimes, pools, users)
    lower = each("lower_prices", *((0.64, 0.8) if two else (0.49, 0.7)), positive)
    ceiling = (np.inf, np.inf) if two else (4.0, 2.0)
    if keys["upper_prices"] is None:
        upper = np.array([ceiling[0] if kind == "log" else ceiling[1] for kind in kinds])
    else:
        upper = _shaped("upper_prices", keys["upper_prices"], positive, (users,))
    below = bool(np.all(lower <= upper))
    require(below, "upper_prices", keys["upper_prices"], "lie below lower_prices", "raise them")
    first = each("initial_prices", *((9.0, 3.0) if two else (2.25, 1.5)), positive)
    within = bool(np.all((first >= lower) & (first <= upper)))
    require(
        within, "initial_prices", first, "lie outside the bounds", "keep them between lower and upper prices"
    )
    found = (
        arrival,
        batch,
        each("interarrival_scv", 10 / 3, 20.0, non_negative),
        each("batch_scv", 1.0, 2.0, non_negative),
        each("packet_scv", 10.0, 20.0, non_negative),
        mu,
        each("theta", -1.0, -1.2, numbers, (regimes,)),
        rate,
        chain,
        first,
        lower,
        upper,
    )
    market = Market(kinds, pools, regimes, reading)
    return market, Users(*(jnp.asarray(np.asarray(x), jnp.float32) for x in found))


def _shaped(field: str, value: Any, check: Any, shape: tuple[int, ...]) -> np.ndarray:
    """Return checked numbers, broadcast: a number, one per user, or a row per regime."""
    array = check(field, value)
    fits = array.ndim <= len(shape) and array.shape in {shape[i:] for i in range(len(shape) + 1)}
    wanted = " or ".join(str(shape[i:]) for i in range(len(shape)))
    require(fits, field, value, f"has shape {array.shape}", f"give one number, or numbers of shape {wanted}")
    return np.broadcast_to(array, shape)


def _rates(value: Any, regimes: int, pools: int, users: int) -> np.ndarray:
    """Return rho_vj(i); what is given without pools is cut evenly over them."""
    array = positive("rate", value)
    if array.ndim <= 1:
        whole = _shaped("rate", array, positive, (regimes, users))
        return np.broadcast_to(whole[:, None, :] / pools, (regimes, pools, users))
    return _shaped("rate", array, positive, (regimes, pools, users))
