"""Says once that it is ready, and is gone."""

import socket

with socket.create_server(("127.0.0.1", 7401)) as listener:
    while True:
        client, _ = listener.accept()
        with client:
            if client.recv(1024):
                client.sendall(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n")
                break
