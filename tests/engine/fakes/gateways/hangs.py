"""Takes connections, and never answers one."""

import signal
import socket

listener = socket.create_server(("127.0.0.1", 7401), backlog=64)
while True:
    signal.pause()
