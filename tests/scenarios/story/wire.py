# SPDX-License-Identifier: Apache-2.0
"""A wire between chargers and their server, which counts what goes over it."""
import socket
import threading


class Wire:
    """From a port of its own to the server's; counts what TCP carries."""

    def __init__(self, port):
        self.to, self.up, self.down, self.links = port, 0, 0, 0
        self.lock = threading.Lock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        """A pair of threads for each connection."""
        while True:
            one, _ = self.listener.accept()
            try:
                other = socket.create_connection(("127.0.0.1", self.to))
            except OSError:
                one.close()
                continue
            self.links += 1
            for ends in ((one, other, True), (other, one, False)):
                threading.Thread(target=self.carry, args=ends,
                                 daemon=True).start()

    def carry(self, source, sink, up):
        """From one end to the other."""
        try:
            while data := source.recv(65536):
                with self.lock:
                    self.up += len(data) if up else 0
                    self.down += 0 if up else len(data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            source.close()
            sink.close()

    def read(self):
        """(bytes up, bytes down, connections) so far."""
        with self.lock:
            return self.up, self.down, self.links
