"""Servers that do not pool, in Ciw: independent M/M/1 queues in one network."""

# pyright: reportMissingImports=false
from __future__ import annotations


def averages(servers: int, rate: float, warmup: float, horizon: float, seed: int) -> dict[str, float]:
    """Mean jobs per server over a stretch of time, by Little's law from the records of finished jobs."""
    import ciw

    ciw.seed(seed)
    network = ciw.create_network(
        arrival_distributions=[ciw.dists.Exponential(rate)] * servers,
        service_distributions=[ciw.dists.Exponential(1.0)] * servers,
        number_of_servers=[1] * servers,
        routing=ciw.routing.NetworkRouting([ciw.routing.Leave()] * servers),
    )
    simulation = ciw.Simulation(network)
    simulation.simulate_until_max_time(warmup + horizon)
    spent = 0.0
    for job in simulation.get_all_records():
        spent += max(0.0, min(job.exit_date, warmup + horizon) - max(job.arrival_date, warmup))
    # Jobs that are still there at the end have no record; their time is counted from the nodes.
    for node in simulation.transitive_nodes:
        for job in node.all_individuals:
            spent += warmup + horizon - max(job.arrival_date, warmup)
    return {"jobs_per_server": spent / horizon / servers}
