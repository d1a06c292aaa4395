"""Who runs: every spawn path, and what becomes of a drop that fails."""
