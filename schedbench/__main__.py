"""`python -m schedbench` is the command `schedbench`."""

from __future__ import annotations

from schedbench.cli.main import main

if __name__ == "__main__":
    main()
