"""The sequential auction for a pipe, the ordering of N numbers, and how few numbers they must announce."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxsim.core import validation
from jaxsim.core.types import Float, Int
from jaxsim.models.bandits.theory.deterministic import SequenceIndex, deterministic_index
from jaxsim.models.bandits.theory.inputs import Numbers, sequence


class Auction(NamedTuple):
    """A message: the user of each slot t = 1, ..., T and the winning bids of the even slots.

    Or what is announced by an even time t = 2i < T: the first 2i slots and the first i bids.
    """

    assignment: Int[np.ndarray, " slots"]
    winning_bids: Float[np.ndarray, " bids"]


def message_dimension(packets: int) -> int:
    """Return floor(T/2), the least number of reals that a mechanism must announce (Theorem 5.2.1)."""
    return validation.integer("packets", packets, low=1) // 2


def _users(sequences: Sequence[Numbers], discount: Numbers) -> list[SequenceIndex]:
    beta = float(validation.probability("discount", discount))
    validation.require(len(sequences) > 0, "sequences", sequences, "are empty", "give one per user")
    for z in sequences:
        validation.non_negative("sequences", sequence("sequences", z))
    return [deterministic_index(z, beta) for z in sequences]


def sequential_auction(sequences: Sequence[Numbers], discount: Numbers) -> Auction:
    """Assign T = sum of packets slots by the index rule and announce what the mechanism needs.

    Each slot goes to the user with the largest current index nu (ties to the lowest number); the winning
    bid of the even slot 2i is lambda_i = Z-bar there. One number per two slots is enough, announced in time:
    lambda_1 by time 1, lambda_2 by time 3, and so on.

    sequences: rewards >= 0 of each user's packets; discount in [0, 1].
    Source: Ishikida (1992), section 5.2.4.
    """
    users = _users(sequences, discount)
    load, slots, bids = [0] * len(users), [], []
    for _ in range(sum(len(u.indices) for u in users)):
        current = [
            float(u.indices[x]) if x < len(u.indices) else -np.inf for u, x in zip(users, load, strict=True)
        ]
        winner = int(np.argmax(current))
        bids.append(float(users[winner].envelope[load[winner]]))
        slots.append(winner)
        load[winner] += 1
    return Auction(np.array(slots), np.array(bids[1::2]))


def accepts(
    sequences: Sequence[Numbers], discount: Numbers, message: Auction, *, as_printed: bool = False
) -> list[bool]:
    """Whether each user agrees to a message, from her own rewards and the announced message alone.

    With lambda_0 = infinity and lambda_{k+1} = 0, in every slot t that she is assigned her Z-bar must

        equal lambda_i in the even slot t = 2i;    lie in [lambda_{i+1}, lambda_i] in the odd slot t = 2i+1;

    and she is never interrupted while her current index exceeds her bid Z-bar, that is inside a block. Of a
    message that ends with an even slot 2i < T she also asks that her next Z-bar is at most lambda_i: so i
    numbers tell whether the first 2i slots belong to an optimal order, and can be announced one by one.

    Two corrections. As printed, odd slots only ask for Z-bar >= lambda_{i+1}, and wrong orders are accepted
    (rewards 2, 1, 3 in this order); ``as_printed`` restores that. And under ties of Z-bar an assignment can
    be optimal for the envelopes but not for the rewards: the current index decides, hence the second rule.
    Raises `InvalidInput` for a message that sends packets a user does not have, or whose parts do not match.
    Source: Ishikida (1992), sections 5.2.2, 5.2.4 and 5.4, corrected as above.
    """
    users = _users(sequences, discount)
    slots = [validation.integer("assignment", s, low=0, high=len(users) - 1) for s in message.assignment]
    counts = np.bincount(slots, minlength=len(users))
    packets = np.array([len(u.indices) for u in users])
    complete = bool(np.all(counts == packets))
    validation.require(
        complete or (bool(np.all(counts <= packets)) and len(slots) % 2 == 0), "assignment", slots,
        "does not send every packet once, nor end at an even time", "list one user per slot",
    )  # fmt: skip
    bids = np.concatenate([[np.inf], message.winning_bids, [0.0] if complete else []])
    validation.require(
        len(message.winning_bids) == len(slots) // 2, "winning_bids", message.winning_bids,
        f"are not {len(slots) // 2}", "announce one per even slot",
    )  # fmt: skip
    return [_accepts(user, number, slots, bids, as_printed) for number, user in enumerate(users)]


def _accepts(user: SequenceIndex, number: int, slots: list[int], bids: np.ndarray, as_printed: bool) -> bool:
    load = 0
    for t, winner in enumerate(slots, start=1):
        inside = 0 < load < len(user.indices) and user.indices[load] > user.envelope[load]
        if winner != number:
            if inside and not as_printed:
                return False
            continue
        bid, i = user.envelope[load], t // 2
        high = bids[i] if t % 2 == 0 or not as_printed else np.inf
        low = bids[i] if t % 2 == 0 else bids[i + 1]
        if not low <= bid <= high:
            return False
        load += 1
    return load == len(user.indices) or bool(user.envelope[load] <= bids[-1])


def order_numbers(values: Numbers) -> tuple[Int[np.ndarray, " n"], Float[np.ndarray, " k"]]:
    """Order N privately known numbers, largest first, with floor(N/2) announced ones.

    The case of one packet per user: the announced numbers are those of ranks 2, 4, ...; the holder of an
    odd rank only confirms that hers lies between its neighbours. Returns the holders in order and the
    announced numbers; floor(N/2) is the least possible dimension.
    Source: Ishikida (1992), section 5.2.3, Theorem 5.2.1.
    """
    numbers = validation.non_negative("values", sequence("values", values))
    result = sequential_auction([[v] for v in numbers.tolist()], 1.0)
    return result.assignment, result.winning_bids
