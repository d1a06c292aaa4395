"""What the tests of the self-test share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # `tests.engine.copied`, however pytest was started
