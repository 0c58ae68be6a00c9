"""The list of all that the papers show is complete, and every experiment it names exists."""

import re

import pytest

from jaxsim.experiments.papers import PAPERS, beyond
from jaxsim.experiments.registry import families

ITEMS = [item for paper in PAPERS for item in paper.items]
KNOWN = {f"{family.name}.{name}" for family in families().values() for name in family.experiments}

# The captions of the papers' figures and tables.
FIGURES = {
    "Chen": {"1a", "1b", "2", "3", "4", "5"},
    "Dai": {str(n) for n in range(1, 12)},
    "Ishikida": {"4.1", "4.2", "4.3", "4.4", "4.5a", "4.5b", "6.1", "6.2"},
    "Tahir": {"1", "2", "3a", "3b", "4a", "4b", "5", "6", "7", "8", "9a", "9b", "10a", "10b"},
    "Ahn": set(),
}
TABLES = {"Tahir": {"1", "2"}}


def test_every_experiment_named_exists_and_every_other_is_listed_once():
    named = {name for item in ITEMS for name in item.experiments}
    others = [name for item in beyond().items for name in item.experiments]
    assert named <= KNOWN and sorted(others) == sorted(KNOWN - named)


def test_what_is_not_reproduced_has_a_reason_and_only_that():
    for item in ITEMS:
        assert bool(item.experiments) != bool(item.reason), item


@pytest.mark.parametrize("paper", PAPERS, ids=lambda paper: paper.source.split()[0].strip(","))
def test_every_figure_and_table_is_listed(paper):
    author = re.match(r"\w+", paper.source)[0]
    places = [item.place for item in paper.items]
    for kind, expected in (("Figure", FIGURES[author]), ("Table", TABLES.get(author, set()))):
        assert {place.split()[1] for place in places if re.match(rf"{kind} \d", place)} == expected
