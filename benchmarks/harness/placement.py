"""Which processor runs what. The reasons are in benchmarks/README.md."""

import os
from dataclasses import dataclass

from .processes import Failure

PLACEMENTS = ("split", "one", "shared")


@dataclass(frozen=True)
class Placement:
    proxy: frozenset
    backend: frozenset
    load: frozenset

    def description(self):
        return {name: sorted(getattr(self, name)) for name in ("proxy", "backend", "load")}


def choose(name):
    """split: the proxy alone on one processor, backend and load on another (on others, where there are more).
    one: all three on one processor, so that whoever has work runs and nobody waits for an interrupt.
    shared: all three wherever the kernel puts them."""
    available = sorted(os.sched_getaffinity(0))
    if name == "one":
        return Placement(*[frozenset(available[:1])] * 3)
    if name == "shared":
        return Placement(*[frozenset(available)] * 3)
    if len(available) < 2:
        raise Failure("two processors are needed; with one, use --placement one")
    backend = available[1]
    load = available[2] if len(available) > 2 else backend
    return Placement(frozenset(available[:1]), frozenset([backend]), frozenset([load]))
