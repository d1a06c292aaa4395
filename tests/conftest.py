"""What every test may rely on, however pytest was started."""

from __future__ import annotations

import signal

from hypothesis import settings

# How long an example takes depends on what else the machine does.
settings.register_profile("wallbite", deadline=None)
settings.load_profile("wallbite")

# A job that a shell runs in the background ignores these, and so would every process that a test starts.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGQUIT, signal.SIG_DFL)
