"""``python -m smtune``."""

from smtune.cli import main

if __name__ == "__main__":
    main()
