"""Never answers and never ends."""

import signal

while True:
    signal.pause()
