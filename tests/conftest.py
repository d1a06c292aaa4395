"""What every test may rely on, however pytest was started."""

from __future__ import annotations

import signal

# A job that a shell runs in the background ignores these, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
