"""Bandits: reward processes that share one or more pipes, and the indices that decide who is served.

User i's next packet earns Z(l+1) after l packets; in each slot the M(t) open pipes go to M(t) users, the
others are frozen. The index

    nu(l+1) = max_tau E[ sum_{s=l+1}^tau beta^s Z(s) | F(l) ] / E[ sum_{s=l+1}^tau beta^s | F(l) ]

decides: serving the largest current index is optimal for one pipe and a discounted, endless horizon
(theorem 6.3.1), and loses at most M W D at a deadline or with M pipes. Reward processes are independent.

Source: Ishikida (1992), "Informational Aspects of Decentralized Resource Allocation", chapters 5 and 6.

Map:
    kernel.py        one slot of time; metrics
    model.py         Spec, Params, State, what a policy sees
    tables.py        alias tables, and a priority policy turned into ranks (a maximum of small integers)
    arms.py          Markov, deterministic, Bernoulli and user-supplied arms as outcome tables
    policies.py      index, classical, myopic, fixed order, random, optimal
    system.py        keys and defaults of ``jaxsim simulate bandits``
    problems.py      ``jaxsim solve bandits.NAME``
    theory/          elimination (the core), blocked (large arms), gittins (index, derivatives),
                     deterministic, bernoulli, continuous, prices (Lagrange multipliers), whittle, joint
                     (Whittle's integral), dynamic (exact programs), deadline (exact programs of the total
                     reward), bounds, superprocess, arrivals, arrivals_exact, auction, inputs
"""
