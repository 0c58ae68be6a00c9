"""``python -m jaxsim.cli``."""

from jaxsim.cli import main

if __name__ == "__main__":
    main()
