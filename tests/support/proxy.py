"""A wire between a client and a server that can be cut, frozen, or cut at a word."""

import socket
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from urllib.parse import urlsplit, urlunsplit


class Wire:
    """Forwards TCP connections to the server of a URL; `url` leads through it.

    Attributes:
        cut_before: a client's bytes that must never reach the server: the link is cut in front of them.
        cut_at_answer: a server's bytes that must never reach the client.
        distance: how long the server's answers are on their way, in seconds.
        round_trips: how often a client has asked for something and waited for the answer.
    """

    def __init__(self, url: str) -> None:
        self._server = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._flowing = threading.Event()
        self._flowing.set()
        self._links: list[socket.socket] = []
        self._closed = False
        self.cut_before = b""
        self.cut_at_answer = b""
        self.distance = 0.0
        self.round_trips = 0
        threading.Thread(target=self._accept, daemon=True).start()

    @property
    def url(self) -> str:
        user = self._server.netloc.rpartition("@")[0]
        netloc = f"{user}@127.0.0.1:{self._listener.getsockname()[1]}"
        return urlunsplit(self._server._replace(netloc=netloc))

    def freeze(self) -> None:
        self._flowing.clear()

    def thaw(self) -> None:
        self._flowing.set()

    def cut(self) -> None:
        """End every link there is."""
        for link in self._links:
            with suppress(OSError):
                link.shutdown(socket.SHUT_RDWR)
        self._links.clear()

    def close(self) -> None:
        self._closed = True
        self._flowing.set()
        self._listener.close()
        self.cut()

    def _accept(self) -> None:
        while not self._closed:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            self._flowing.wait()
            if self._closed:
                client.close()
                return
            try:
                server = socket.create_connection((self._server.hostname or "127.0.0.1", self._server.port or 5432))
            except OSError:
                client.close()
                continue
            self._links += [client, server]
            # Set while an answer is to come: what is sent meanwhile belongs to the same round trip.
            asked = threading.Event()
            self._start(client, server, lambda: self.cut_before, partial(self._count, asked))
            self._start(server, client, lambda: self.cut_at_answer, partial(self._travel, asked))

    def _count(self, asked: threading.Event) -> None:
        if not asked.is_set():
            asked.set()
            self.round_trips += 1

    def _travel(self, asked: threading.Event) -> None:
        if self.distance:
            time.sleep(self.distance)
        asked.clear()

    def _start(
        self, source: socket.socket, target: socket.socket, word: Callable[[], bytes], note: Callable[[], None]
    ) -> None:
        threading.Thread(target=self._forward, args=(source, target, word, note), daemon=True).start()

    def _forward(
        self, source: socket.socket, target: socket.socket, word: Callable[[], bytes], note: Callable[[], None]
    ) -> None:
        with suppress(OSError):
            while data := source.recv(65536):
                note()
                self._flowing.wait()
                stop = word()
                if stop and stop in data:
                    target.sendall(data[: data.index(stop)])
                    # The other side has a moment to answer what it was given.
                    threading.Event().wait(0.1)
                    break
                target.sendall(data)
        for end in (source, target):
            with suppress(OSError):
                end.shutdown(socket.SHUT_RDWR)
            with suppress(OSError):
                end.close()
