"""Random words addressed by name and number: which replication, which stream, which step, which index.

One generator serves the whole package: Threefry-2x32 with 20 rounds, a counter-based generator whose output
block is a pure function of a 64-bit key and a 64-bit counter,

    (word 0, word 1) = threefry(key = (k0, k1 xor stream), counter = (step, index)).

Nothing is consumed in order, so a path does not depend on the batch, the chunk, the device or the host that
computes it, and two policies under one seed see the same arrivals. Written out elementwise it vectorizes
under ``vmap`` and costs about a nanosecond a word on one CPU core.

Source: Salmon, Moraes, Dror, Shaw (2011), "Parallel random numbers: as easy as 1, 2, 3", section 3.3.
"""

from __future__ import annotations

import enum
from dataclasses import replace

import jax.numpy as jnp
import numpy as np
from jax import lax

from jaxsim.core.tree import pytree
from jaxsim.core.types import Array, Complex, Int, UInt32, Whole
from jaxsim.core.validation import integer

_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)
_REPLICATION_TAG = np.uint32(0x9E3779B9)


class Stream(enum.IntEnum):
    """What random words are for; two streams of one replication and step are independent."""

    ARRIVALS = 1
    SERVICES = 2
    ROUTING = 3
    POLICY = 4
    ENVIRONMENT = 5
    EVENTS = 6
    INITIAL = 7
    GRADIENT = 8


def threefry(
    k0: UInt32[Array, "*k"], k1: UInt32[Array, "*k"], x0: UInt32[Array, "*x"], x1: UInt32[Array, "*x"]
) -> tuple[UInt32[Array, "*out"], UInt32[Array, "*out"]]:
    """Threefry-2x32-20: encrypt the counter (x0, x1) under the key (k0, k1), elementwise.

    Args:
        k0, k1: key words, broadcast against the counter.
        x0, x1: counter words.

    Returns:
        Two words of 32 bits each, independent and uniform.

    Source: Salmon et al. (2011), section 3.3; known answers of their reference code are tested.
    """
    schedule = (k0, k1, k0 ^ k1 ^ _PARITY)
    x0, x1 = x0 + k0, x1 + k1
    for group in range(5):
        for turn in _ROTATIONS[group % 2]:
            x0 = x0 + x1
            x1 = ((x1 << np.uint32(turn)) | (x1 >> np.uint32(32 - turn))) ^ x0
        x0 = x0 + schedule[(group + 1) % 3]
        x1 = x1 + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return x0, x1


@pytree
class Key:
    """Where random words come from: the two key words of a replication and the step it is at."""

    k0: UInt32[Array, ""]
    k1: UInt32[Array, ""]
    step: UInt32[Array, ""]
    mirror: UInt32[Array, ""] | None = None
    """Antithetic streams: None where there are none, else what is xor-ed to every word: 0, or all ones."""

    def replication(self, number: Int[Array, ""] | UInt32[Array, ""] | int) -> Key:
        """Return the key of replication ``number``, at step 0.

        With antithetic streams, replications 2i and 2i + 1 are a pair: they share the key of number i, and
        every word w of the second is the reflection ~w of the first's, so that a uniform number u becomes
        1 - u (to its resolution).
        """
        number, mirror = jnp.asarray(number).astype(jnp.uint32), self.mirror
        if mirror is not None:
            number, mirror = number >> 1, jnp.uint32(0) - (number & 1)
        k0, k1 = threefry(self.k0, self.k1, number, jnp.uint32(_REPLICATION_TAG))
        return Key(k0, k1, jnp.zeros((), jnp.uint32), mirror)

    def at(self, step: Int[Array, ""] | UInt32[Array, ""] | int) -> Key:
        """Return the same key at another step (0 .. 2**32 - 1)."""
        return replace(self, step=jnp.asarray(step).astype(jnp.uint32))

    def after(self, steps: Int[Array, ""] | UInt32[Array, ""] | int) -> Key:
        """Return the key that many steps on."""
        return replace(self, step=self.step + jnp.asarray(steps).astype(jnp.uint32))

    def pair(self, stream: Stream, index: UInt32[Array, "*n"] | int = 0) -> tuple[Array, Array]:
        """Return the two words at ``index`` (an array of indices gives arrays of words)."""
        index = jnp.asarray(index).astype(jnp.uint32)
        step = jnp.broadcast_to(self.step, index.shape)
        first, second = threefry(self.k0, self.k1 ^ np.uint32(stream), step, index)
        return (first, second) if self.mirror is None else (first ^ self.mirror, second ^ self.mirror)

    def joined(self, stream: Stream, index: UInt32[Array, "*n"] | int = 0) -> Complex[Array, "*n"]:
        """Return the two words at ``index`` as the bits of one complex number; `apart` separates them.

        To be carried from one step to the next: XLA computes each array that a loop carries in a loop of its
        own, so that two arrays of words cost two encryptions, and one array of both costs one.
        """
        first, second = (lax.bitcast_convert_type(word, jnp.float32) for word in self.pair(stream, index))
        return lax.complex(first, second)

    def words(self, stream: Stream, count: int) -> UInt32[Array, " {count}"]:
        """Return ``count`` words, two from each block: word i and word i + ceil(count / 2) share one."""
        half = (count + 1) // 2
        first, second = self.pair(stream, jnp.arange(half, dtype=jnp.uint32))
        return jnp.concatenate([first, second])[:count]


def apart(both: Complex[Array, "*n"]) -> tuple[UInt32[Array, "*n"], UInt32[Array, "*n"]]:
    """Return the two words of `Key.joined`, bit for bit."""
    first, second = lax.real(both), lax.imag(both)
    return lax.bitcast_convert_type(first, jnp.uint32), lax.bitcast_convert_type(second, jnp.uint32)


def key(seed: Whole, *, antithetic: bool = False) -> Key:
    """Return the root key of a seed in 0 .. 2**64 - 1; derive a replication's key from it.

    antithetic: whether replications come in pairs of reflected words (see `Key.replication`).

    Raises:
        InvalidInput: if the seed is not a whole number in that range.
    """
    seed = integer("seed", seed, low=0, high=2**64 - 1)
    high, low = np.uint32(seed >> 32), np.uint32(seed & 0xFFFFFFFF)
    nothing = jnp.zeros((), jnp.uint32)
    return Key(jnp.asarray(high), jnp.asarray(low), nothing, nothing if antithetic else None)
