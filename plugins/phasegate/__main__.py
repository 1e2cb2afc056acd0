"""`phasegate`, and `python -m phasegate`."""

from __future__ import annotations

import sys

INTERRUPTED = 130


def main() -> int:
    """Runs the command line of this process and returns the exit code."""
    try:
        from phasegate.cli import main as run  # noqa: PLC0415 - Ctrl-C while the libraries load is one, too
    except KeyboardInterrupt:
        return INTERRUPTED
    return run()


if __name__ == "__main__":
    sys.exit(main())
