"""What the tests of the seeded faults share: they find their own modules, however pytest was started."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[2]))  # `tests.faults.noticing`, in the processes that it runs in as well
