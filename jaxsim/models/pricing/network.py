"""A learned policy: a convolutional network that shares the workload among users, whatever their number.

    logit_j = -excess_j / order_j + correction_j,     share = softmax(logit),     q_j = mu_j w share_j

Convolutions of width 1 along the users, with their mean fed back into every layer, make the network
equivariant under permutations of the users and independent of their number. The first term is each user's
share at the marginal cost of the cheapest user alone; the network adds what that guess misses. It is
trained without labels: the loss is ln of the dual cost of the queues that it proposes.

The loop of figure 6 of the paper, once per step: Stage I selects the pair whose predicted cost is least,
Stage II(a) takes its queues, Stage II(b) its prices, Stage III its rates.

Source: Dai (2024), section 3.4 and figure 6 (the flow chart; the layers are ours).
"""

from __future__ import annotations

from typing import Any, ClassVar

import flax.linen as nn
import jax
import jax.numpy as jnp
from flax import serialization

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Float
from jaxsim.core.validation import refuse
from jaxsim.models.pricing import closed_form
from jaxsim.models.pricing.market import Action, Observation, Terms, Vector, where
from jaxsim.models.pricing.policies import Game, Rules, follow

REGIMES = 4
"""Regimes that the network tells apart; the number of a regime beyond the last is taken as the last."""

CHANNELS = 5 + REGIMES


@pytree
class Situation:
    """What the network sees of one coalition; a user's numbers in one row.

    level, order: the marginal cost of user j at its workload y is exp(level_j) y^order_j. share: of the
    workload that the user holds now. position: of the price between its bounds, 0 to 1. log_workload: ln w.
    regime: 0, 1, ... of the environment.
    """

    level: Float[Array, " users"]
    order: Float[Array, " users"]
    share: Float[Array, " users"]
    position: Float[Array, " users"]
    log_workload: Float[Array, ""]
    regime: Any


class SharesNetwork(nn.Module):
    """Two equivariant layers and a head: one correction per user."""

    features: int = 16
    layers: int = 2

    @nn.compact
    def __call__(self, x: Float[Array, "users channels"]) -> Float[Array, " users"]:
        """Return the corrections to the logits."""
        for _ in range(self.layers):
            own = nn.Conv(self.features, kernel_size=(1,))(x[None])[0]
            x = nn.gelu(own + nn.Dense(self.features, use_bias=False)(jnp.mean(x, axis=0)))
        # small at first, so that training starts from the guess
        head = nn.Conv(1, kernel_size=(1,), use_bias=False, kernel_init=nn.initializers.normal(0.01))
        return head(x[None])[0, :, 0]


NETWORK = SharesNetwork()
"""The network of the package; its shapes do not depend on the number of users."""


def start(seed: int = 0) -> Any:
    """Return the variables of an untrained network."""
    return NETWORK.init(jax.random.key(seed), jnp.zeros((2, CHANNELS)))


def log_shares(variables: Any, seen: Situation) -> Float[Array, " users"]:
    """Return ln of the users' shares of the workload; they sum to 1."""
    heavy = seen.level + seen.order * seen.log_workload
    excess = heavy - jnp.min(heavy)
    regime = jnp.arange(REGIMES) == jnp.minimum(seen.regime, REGIMES - 1)
    users = seen.order.shape[0]
    columns = [excess / (1 + excess), 1 / seen.order, seen.share, seen.position]
    everywhere = [jnp.log(1.0 * users) / 2, *regime.astype(heavy.dtype)]
    x = jnp.stack([*columns, *(jnp.broadcast_to(c, excess.shape) for c in everywhere)], axis=1)
    correction: Any = NETWORK.apply(variables, x)
    return jax.nn.log_softmax(-excess / seen.order + correction)


def log_cost(seen: Situation, log_share: Float[Array, " users"]) -> Float[Array, ""]:
    """Return ln of the dual cost of the coalition at these shares."""
    parts = seen.level + (seen.order + 1) * (log_share + seen.log_workload) - jnp.log(seen.order + 1)
    return jax.nn.logsumexp(parts)


def loss(variables: Any, seen: Situation) -> Float[Array, ""]:
    """Return ln of the dual cost that the network proposes, least at the exact shares: no label is needed."""
    return log_cost(seen, log_shares(variables, seen))


def save(variables: Any) -> bytes:
    """Return the variables as msgpack."""
    return serialization.to_bytes(variables)


def load(data: bytes) -> Any:
    """Return variables from msgpack, which cannot execute code.

    Raises:
        InvalidInput: if they are not those of this network.
    """
    like = jax.eval_shape(start)
    try:
        found = serialization.from_bytes(like, data)
        same = jax.tree.map(lambda a, b: a.shape == b.shape, found, like)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        refuse("weights", f"{len(data)} bytes", f"are damaged ({type(error).__name__})", "train them again")
    if not all(jax.tree.leaves(same)):
        refuse("weights", f"{len(data)} bytes", "belong to another network", "train them again")
    return jax.tree.map(jnp.asarray, found)


@pytree
class Learned(Rules):
    """The learned policy of the diffusion: pairs and queues by the network, prices as the paper's game.

    variables: of the network. game: how prices follow (`jaxsim.models.pricing.policies.Game`).
    """

    variables: Any
    game: Game
    keeps_prices: ClassVar[bool] = True

    @property
    def keeps_queues(self) -> bool:
        """The shares of the workload are inputs."""
        return True

    def __call__(self, words: Any, o: Observation) -> Action:
        """Return queues and prices at the end of a step."""
        prices = o.prices
        if self.game.at_empty == "reset":
            prices = where(o.emptied, o.terms.lower, prices)
        queues, chosen = self.select(o, prices)  # stages I and II(a)
        after = follow(o.terms, prices, chosen, self.game.varpi, None, o.workload)  # stage II(b)
        return Action(queues, after, after, chosen)

    def select(self, o: Observation, prices: Vector) -> tuple[Vector, Any]:
        """Return the queues of the pair of least predicted cost, and its number."""
        pairs = o.terms.market.coalitions
        queues, least = self.propose(o, prices, pairs[0])
        chosen: Any = 0
        for number, pair in enumerate(pairs[1:], start=1):
            held, cost = self.propose(o, prices, pair)
            better = cost < least
            queues, least = where(better, held, queues), jnp.where(better, cost, least)
            chosen = jnp.where(better, number, chosen)
        return queues, chosen

    def propose(self, o: Observation, prices: Vector, pair: tuple[int, int]) -> tuple[Vector, Array]:
        """Return a pair's queues as the network shares the workload, and ln of its predicted cost."""
        terms, some = o.terms, o.workload > 0
        w = jnp.where(some, o.workload, 1)
        seen = situation(terms, prices, o.queues, w, o.regime, pair)
        log_share = log_shares(self.variables, seen)
        share = jnp.exp(log_share) * jnp.where(some, w, 0)
        zero = jnp.zeros_like(w)
        held = {j: terms.mu[j] * share[n] for n, j in enumerate(pair)}
        return tuple(held.get(j, zero) for j in range(terms.market.users)), log_cost(seen, log_share)

    def rates(self, o: Observation, action: Action, pair: tuple[int, int]) -> tuple[Any, Any]:
        """Return the rates of a pair with queues (stage III): the Nash equilibrium (4.8) on their total."""
        kinds = o.terms.market.kinds
        first, second = ((action.prices[j] * action.queues[j]) for j in pair)
        total = o.terms.rate[pair[0]] + o.terms.rate[pair[1]]
        return closed_form.share((kinds[pair[0]], kinds[pair[1]]), first, second, total)


def situation(
    terms: Terms, prices: Vector, queues: Vector, w: Array, regime: Any, members: tuple[int, ...]
) -> Situation:
    """Return what the network sees of some users of a market."""
    m = terms.market
    order = [1.0 if m.kinds[j] == "log" else 2.0 for j in members]
    level = [
        jnp.log(closed_form.slope(m.kinds[j], prices[j], terms.mu[j], terms.rate[j], m.reading))
        for j in members
    ]
    loads = jnp.stack([queues[j] / terms.mu[j] for j in members])
    total = jnp.sum(loads)
    share = jnp.where(total > 0, loads / jnp.where(total > 0, total, 1), 0)
    position = [_position(prices[j], terms.lower[j], terms.upper[j]) for j in members]
    return Situation(jnp.stack(level), jnp.asarray(order), share, jnp.stack(position), jnp.log(w), regime)


def _position(price: Array, low: Array, high: Array) -> Array:
    """Return where a price lies between its bounds; without an upper bound, (p - low) / p."""
    bounded = jnp.isfinite(high) & (high > low)
    width = jnp.where(bounded, high - low, 1)
    return jnp.where(bounded, (price - low) / width, jnp.where(price > low, 1 - low / price, 0))
