"""All benchmarks, one after the other; needs root and an otherwise idle machine."""

from __future__ import annotations

import subprocess
import sys

for name in ("stage_boot", "probe_rate", "whole_run"):
    print(f"# {name}", flush=True)
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}"], check=True)
