"""The type checker of the tests: beartype, with ints accepted where floats are wanted (PEP 484)."""

from beartype import BeartypeConf, beartype

checker = beartype(conf=BeartypeConf(is_pep484_tower=True))
