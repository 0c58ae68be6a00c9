"""Exact values: each derived in a second way or printed by hand calculation."""

import numpy as np
import pytest

from jaxsim.core.errors import InvalidInput
from jaxsim.models.pricing import problems, system
from jaxsim.models.pricing.coefficients import pair_coefficients
from jaxsim.models.pricing.reflection import completely_s, game_value
from jaxsim.models.pricing.theory import brownian, comparison, euler, regimes

B, V = -34.0, 107000.0


def coefficients_of(made):
    spec = made.kernel.spec
    return pair_coefficients(spec.market, spec.covariance, made.params.users)


def test_coefficients_of_figure_11():
    """lambda m^2 (zeta^2 + alpha^2) + lambda m beta^2 over mu^2: 23000 + 84000; theta/mu: -10 - 24."""
    s = system()
    b, sigma = coefficients_of(s)
    assert float(b[0, 0]) == pytest.approx(-34.0) and float(sigma[0, 0]) ** 2 == pytest.approx(V)
    three = system(users=3)
    b, sigma = coefficients_of(three)
    np.testing.assert_allclose(b[0], [-34.0, -20.0, -34.0], rtol=1e-6)
    np.testing.assert_allclose(sigma[0] ** 2, [107000.0, 46000.0, 107000.0], rtol=1e-6)
    common = system(covariance="common")
    _, sigma = coefficients_of(common)
    # (5.9) as printed: (sum_j sqrt(Gamma^E)/mu)^2 + (sum_j sqrt(Gamma^S)/mu)^2.
    printed = (np.sqrt(130) * 10 + np.sqrt(110) * 20) ** 2 + (np.sqrt(100) * 10 + np.sqrt(100) * 20) ** 2
    assert float(sigma[0, 0]) ** 2 == pytest.approx(printed, rel=1e-6)


def test_means_from_empty_and_their_derivatives():
    for t in (50.0, 100.0, 200.0):
        value, slope = brownian.workload_mean(t, B, V)
        up, down = (brownian.workload_mean(t, B + e, V)[0] for e in (1e-3, -1e-3))
        assert slope == pytest.approx((up - down) / 2e-3, rel=1e-6)
        # The same mean as the limit of projected Euler, Spitzer's sum plus its known offset.
        h = 0.02
        corrected = euler.mean(h, round(t / h), B, V) + 0.5825971579 * np.sqrt(V * h)
        # The next term of the expansion is of the order |b| h.
        assert value == pytest.approx(corrected, abs=-B * h)
    exact = [round(brownian.workload_mean(t, B, V)[0], 3) for t in (50, 100, 200)]
    projected = [round(euler.mean(0.04, n, B, V), 3) for n in (1250, 2500, 5000)]
    assert exact == [1157.345, 1356.337, 1495.892] and projected == [1119.694, 1318.612, 1458.130]


def test_stationary_mean_is_the_limit_and_regimes_agree_with_one():
    mean, slope = brownian.stationary_mean(B, V)
    assert mean == pytest.approx(1573.529, abs=5e-4) and slope == pytest.approx(V / (2 * B * B))
    assert brownian.workload_mean(6000.0, B, V)[0] == pytest.approx(mean, rel=1e-9)
    assert regimes.stationary_mean(B, V, 0.0) == pytest.approx(mean, rel=1e-12)
    same = regimes.stationary_mean([B, B], [V, V], [[-0.3, 0.3], [0.7, -0.7]])
    assert same == pytest.approx(mean, rel=1e-9)


def test_two_regimes_against_a_finite_difference_solution():
    """The stationary equations on a grid (upwind-free, central differences) give the same mean."""
    b, v = np.array([-68.0, 10.0]), np.array([64200.0, 171200.0])
    g = np.array([[-0.05, 0.05], [0.1, -0.1]])
    n, top = 1200, 24000.0
    dx = top / n
    up, down = v / 2 / dx**2 + b / 2 / dx, v / 2 / dx**2 - b / 2 / dx
    q = np.zeros((2 * n, 2 * n))
    for i in range(2):
        for k in range(n):
            row = i * n + k
            if k + 1 < n:
                q[row, row + 1] += up[i]
            if k > 0:
                q[row, row - 1] += down[i]
            q[row, (1 - i) * n + k] += g[i, 1 - i]
    q -= np.diag(q.sum(axis=1))
    q[:, 0] = 1.0
    law = np.linalg.solve(q.T, np.r_[1.0, np.zeros(2 * n - 1)])
    grid = np.tile((np.arange(n) + 0.5) * dx, 2)
    exact = regimes.stationary_mean(b, v, g)
    assert float(law @ grid) == pytest.approx(exact, rel=1e-3)
    assert exact == pytest.approx(1398.839, abs=5e-4)


def test_grid_law_of_projected_euler_has_spitzers_mean_and_the_arcsine_like_survival():
    """With b = 0 the chance never to be at 0 in n steps is binom(2n, n) / 4^n (Sparre Andersen)."""
    found = euler.law(1.0, 50, 0.0, 1.0, cells=2048)
    assert found.mass @ found.grid == pytest.approx(euler.mean(1.0, 50, 0.0, 1.0), rel=2e-4)
    chance = np.prod([(2 * k - 1) / (2 * k) for k in range(1, 51)])
    assert found.never.sum() == pytest.approx(chance, rel=2e-3)


def test_differences_of_figure_11():
    """Projected Euler with h = 0.04, as the paper's: its own law, prices 9, 3 until the first visit of 0."""
    s = system(scheme="projected_euler")
    found = comparison.differences(s.kernel.spec, s.params, 200.0)
    assert found.constant == pytest.approx(-0.0112, abs=5e-5)
    assert found.arbitrary == pytest.approx(-0.735, abs=5e-4)


def test_completely_s():
    assert game_value(np.array([[1.0, -1.0], [-0.25, 1.0]])) > 0
    completely_s("matrix", [[1, -1], [-0.25, 1]])
    completely_s("matrix", [[1, 2, 0], [0, 1, 2], [2, 0, 1]])
    for bad in ([[1, -1], [-1, 1]], [[1, -2], [-1, 1]], [[0, 1], [1, 1]], [[1, 1, 1]]):
        with pytest.raises(InvalidInput, match="matrix"):
            completely_s("matrix", bad)


def test_problems_refuse_bad_numbers():
    for call in (
        lambda: problems.stationary(drift=1.0),
        lambda: problems.stationary(drift=[1.0, 2.0], variance=[1.0, 1.0], generator=[[-1, 1], [1, -1]]),
        lambda: problems.two_users(prices=[1.0]),
        lambda: problems.differences(scheme="euler"),
    ):
        with pytest.raises(InvalidInput):
            call()
