"""What the measurements of a run share."""

import os

from .cases import Tokens
from .contenders import Backend, Sink, make_certificate, make_content
from .placement import choose
from .processes import allow_descriptors

DESCRIPTORS = 21_000  # for 10,000 idle connections, and as many again in reserve


class Bench:
    def __init__(self, folder, placement, seconds):
        os.chmod(folder, 0o711)  # nginx's worker is another user when its master is root; what is secret here has mode 0600
        self.folder = folder
        self.descriptors = allow_descriptors(DESCRIPTORS)
        self.seconds = seconds
        self.chosen = choose(placement)
        self.shared = choose("shared")
        self.tokens = Tokens(folder, seconds)
        self.backend = Backend(folder, self.chosen.backend)
        self.made = {}
        # Requests a second of (case, contender) as fast as answers come, in this round.
        self.saturations = {}
        make_certificate(folder)

    def placement(self, case):
        return self.shared if case.shared else self.chosen

    def once(self, name, make):
        """What `make` returns, made when it is first asked for."""
        if name not in self.made:
            self.made[name] = make()
        return self.made[name]

    def behind(self, bulk):
        """The backend for a case with large content, and what it sends."""
        if bulk.upload:
            return self.once("sink", lambda: Sink(self.folder, self.chosen.backend))
        self.content(bulk.size)
        return self.backend

    def content(self, size):
        """Has the backend serve `/content/SIZE`."""
        self.once(f"content-{size}", lambda: make_content(self.folder, size))
