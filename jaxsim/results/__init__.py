"""What a computation leaves behind: enough to read it, plot it, compare it and get it again.

result.py   the Result of a simulation: estimates, status, samples, series, provenance
papers.py   what a paper shows, item by item
report.py   the Report of an experiment: the paper's numbers beside ours, and curves
storage.py  save and load, as a folder of JSON and npz (nothing that could execute code)
files.py    files that are whole or absent; folders that one process owns at a time
identity.py, checkpoint.py, job.py   how a job that was killed goes on to the same result
"""

from jaxsim.results.papers import Item, Paper
from jaxsim.results.report import Claim, Curve, Drawing, GraphMap, HeatMap, Panel, Report
from jaxsim.results.result import Result, compare, rank, versions
from jaxsim.results.storage import load, load_report, save, save_report

__all__ = [
    "Claim",
    "Curve",
    "Drawing",
    "GraphMap",
    "HeatMap",
    "Item",
    "Panel",
    "Paper",
    "Report",
    "Result",
    "compare",
    "load",
    "load_report",
    "rank",
    "save",
    "save_report",
    "versions",
]
