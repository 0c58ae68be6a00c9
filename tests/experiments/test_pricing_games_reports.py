"""The experiments of the pricing games say what they should."""

import pytest

from jaxsim.experiments.pricing_games.learned import learned
from jaxsim.experiments.pricing_games.tuned_prices import tuned_prices


@pytest.mark.slow
def test_tuned_prices_beat_every_pricing_of_the_paper():
    claims = {claim.quantity: claim for claim in tuned_prices().claims}
    beaten = [c for name, c in claims.items() if "costs more than" in name]
    assert len(beaten) == 11
    for claim in beaten:
        assert claim.ours - claim.half_width > 0 and claim.verdict == "reproduced", claim.quantity


@pytest.mark.slow
def test_training_reduces_the_regret_centrally_and_federated():
    claims = {claim.quantity: claim.ours for claim in learned().claims}
    for users in (2, 5, 8, 12):
        start = claims[f"untrained: relative regret, {users} users"]
        for kind in ("central", "federated"):
            assert -1e-5 < claims[f"{kind}: relative regret, {users} users"] < start / 8
    about = "simulated cost above the exact policy's, relative: {} on paths alone"
    ends = [claims[about.format(name)] for name in ("start", "trained")]
    assert ends[1] < ends[0] / 5
