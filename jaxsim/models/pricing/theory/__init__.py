"""What is known exactly.

`brownian` (the reflected law), `regimes` (stationary means in a random environment), `euler` (projected Euler
without simulation), `comparison` (mean cost differences of figure 11).
"""
