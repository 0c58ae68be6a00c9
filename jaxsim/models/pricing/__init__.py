"""A buffering system whose prices, users and rates are set by games, and its diffusion.

J users send packets to queues that V pools serve in a random environment; prices follow the queues; at every
moment a coalition of users is selected and shares the pools' capacity as a Nash equilibrium.

Source: Dai (2024), "Game-theoretic policy computing and simulation for blockchained buffering system via
diffusion approximation".
"""
