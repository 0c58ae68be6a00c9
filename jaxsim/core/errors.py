"""What the package raises: each error is one line that says what to do. Imports nothing heavy."""

from __future__ import annotations

from typing import Any


class InvalidInput(ValueError):
    """Bad input: which field, which value, what is wrong with it and what to do about it."""

    def __init__(self, field: str, value: Any, problem: str, remedy: str):
        """Compose the one-line message ``field = value: problem; remedy``."""
        self.field, self.value, self.problem, self.remedy = field, value, problem, remedy
        super().__init__(f"{field} = {_short(value)}: {problem}; {remedy}")


class MissingExtra(ImportError):
    """A feature needs a package of an extra that is not installed."""

    def __init__(self, feature: str, package: str, extra: str):
        """Say which extra brings the package."""
        super().__init__(
            f"{feature} needs {package}; install it with: pip install 'jaxsim-allocation[{extra}]'"
        )


class Interrupted(RuntimeError):
    """A job was asked to stop, has saved its work, and says how to go on; not an error of anyone."""


class UntrustworthyResult(RuntimeError):
    """Some replications met trouble, so their numbers must not be used; says which, how many, what to do."""

    def __init__(self, counts: dict[str, int], replications: int, remedies: dict[str, str]):
        """Name each status bit, how many replications have it, and its remedy."""
        self.counts, self.replications = counts, replications
        parts = [
            f"{name} in {n} of {replications} replications ({remedies[name]})" for name, n in counts.items()
        ]
        super().__init__("status = " + "; ".join(parts))


def _short(value: Any) -> str:
    """Return the value on one line of at most 60 characters."""
    plain = value.tolist() if hasattr(value, "tolist") else value
    text = " ".join(str(plain).split()) or "''"
    return text if len(text) <= 60 else text[:57] + "..."
