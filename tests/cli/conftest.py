import sys

import pytest

from jaxsim import cli


@pytest.fixture
def command(capsys, monkeypatch):
    """Run the command line in this process; return (exit code, standard output, standard error)."""

    def run(*words):
        monkeypatch.setattr(sys, "argv", ["jaxsim", *map(str, words)])
        # The tests have started JAX already.
        monkeypatch.setattr("jaxsim.cli.shared.use_all_cores", lambda: None)
        with pytest.raises(SystemExit) as caught:
            cli.main()
        out, err = capsys.readouterr()
        return caught.value.code or 0, out, err

    return run
