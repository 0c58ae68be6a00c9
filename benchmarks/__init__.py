"""Speed beside correctness: one suite per family, its peers in the same run, the device's own limits.

``python -m benchmarks [SUITE ...]`` runs them, and so does ``jaxsim bench`` in a clone. Every suite runs in a
process of its own: on a CPU pinned to one core, in CPU seconds; on an accelerator by the wall clock.

harness/   what suites share: clock, roofline, peers, table, plot, files
suites/    what is measured, family by family: a generator of finished cases
peers/     the programs of others' making that jaxsim is held against, and our own C++ ones
"""
