"""`python -m wherewithal` is the command line."""

import sys

from wherewithal.app.cli import main

if __name__ == "__main__":
    sys.exit(main())
