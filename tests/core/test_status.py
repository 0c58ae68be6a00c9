import jax.numpy as jnp
import numpy as np
import pytest

from jaxsim.core import status
from jaxsim.core.status import Status


@pytest.mark.parametrize("bit", list(Status))
def test_every_bit_can_be_raised_counted_and_explained(bit):
    word = status.raise_bit(status.no_trouble(), bit, jnp.asarray(True))
    calm = status.raise_bit(status.no_trouble(), bit, jnp.asarray(False))
    counts = status.count_bits(np.asarray([word, word, calm]))
    assert counts == {bit.name: 2}
    message = str(status.untrustworthy(counts, 3))
    assert bit.name in message and "2 of 3" in message and status.REMEDY[bit] in message


def test_bits_accumulate():
    word = status.raise_bit(status.no_trouble(), Status.NON_FINITE, jnp.asarray(True))
    word = status.raise_bit(word, Status.QUEUE_OVERFLOW, jnp.asarray(True))
    assert status.count_bits(np.asarray([word])) == {"NON_FINITE": 1, "QUEUE_OVERFLOW": 1}
