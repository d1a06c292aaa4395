"""``python -m wallbite``."""

import sys

from wallbite.cli import main

if __name__ == "__main__":
    sys.exit(main())
