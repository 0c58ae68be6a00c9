"""``python -m benchmarks [SUITE ...]``: see `benchmarks`."""

from benchmarks.main import main

if __name__ == "__main__":
    raise SystemExit(main())
