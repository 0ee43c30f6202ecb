"""Another address between browser and server, as a proxy has: all of 127.0.0.0/8 is loopback."""

import contextlib
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while piece := source.recv(65_536):
            target.sendall(piece)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)


@contextmanager
def running_relay(address: str, to_port: int) -> Iterator[str]:
    """Hands connections on to a port of 127.0.0.1 from another address; yields its own URL."""

    class Handler(socketserver.BaseRequestHandler):
        def handle(self) -> None:
            near = socket.create_connection(("127.0.0.1", to_port), source_address=(address, 0))
            with near:
                back = threading.Thread(target=_copy, args=(near, self.request), daemon=True)
                back.start()
                _copy(self.request, near)
                back.join(5)

    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

    with Server((address, 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://{address}:{server.server_address[1]}"
        finally:
            server.shutdown()
