"""``python -m engine``."""

import sys

try:
    from engine.cli import main
except KeyboardInterrupt:
    # Ctrl-C while the libraries load: nothing is begun that could go on.
    sys.stderr.write("stopped before anything began\n")
    sys.exit(130)

main()
