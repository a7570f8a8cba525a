"""A TCP proxy that cuts connections now and then: at once, in the middle of a request, in the middle of an answer."""

from __future__ import annotations

import contextlib
import random
import socket
import threading


class ShakyProxy:
    """Forwards to ``target``; ``chance`` of each connection to be cut, of it a third each way."""

    def __init__(self, target: tuple[str, int], seed: int, chance: float = 0.3) -> None:
        self.target, self.chance, self.cuts = target, chance, 0
        self._random = random.Random(seed)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        self._listener.close()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._carry, args=(client,), daemon=True).start()

    def _limits(self) -> tuple[float, float]:
        """Bytes after which a connection is cut on its way there and back."""
        whole = float("inf")
        if self._random.random() >= self.chance:
            return whole, whole
        self.cuts += 1
        kind, after = self._random.randrange(3), self._random.randrange(1, 3000)
        return [(0.0, 0.0), (float(after), whole), (whole, float(after))][kind]

    def _carry(self, client: socket.socket) -> None:
        there, back = self._limits()
        with client, socket.create_connection(self.target) as server:
            if not there:
                return
            both = [
                threading.Thread(target=self._pump, args=(client, server, there), daemon=True),
                threading.Thread(target=self._pump, args=(server, client, back), daemon=True),
            ]
            for one in both:
                one.start()
            for one in both:
                one.join()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, left: float) -> None:
        with contextlib.suppress(OSError):
            while chunk := source.recv(65536):
                target.sendall(chunk[: int(min(left, len(chunk)))])
                left -= len(chunk)
                if left <= 0:
                    break
            for one in (source, target):
                one.shutdown(socket.SHUT_RDWR)
