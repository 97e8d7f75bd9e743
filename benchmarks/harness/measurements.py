"""All that is measured, as data: cases, who takes part, how, and which figures stand in which table."""

from collections.abc import Callable
from dataclasses import dataclass

from . import crowd
from .bulk import measure_bulk
from .cases import BULKS, LOADS
from .contenders import YARDSTICK, suits
from .crowd import measure_crowd
from .lifetime import CONNECTIONS, STARTS, measure_idle, measure_start
from .load import measure_load
from .rate import RATES, measure_rate
from .sessions import NOTHING_REVOKED, REVOCATIONS, STORES, VARIANTS, measure_refresh, measure_revoked


@dataclass(frozen=True)
class Column:
    """A figure of the records, in a table: median over the rounds and, if `spread`, least and greatest."""

    figure: str
    heading: str
    digits: int = 2
    scale: float = 1
    spread: bool = False


@dataclass(frozen=True)
class Ratio(Column):
    """A figure divided by that of another record of the same round: what slows the machine in one round slows both."""

    of: str = "cpu_us"
    # (case, contender) -> (case, contender) of the divisor
    base: Callable = lambda case, contender: (case, YARDSTICK)
    spread: bool = True


@dataclass(frozen=True)
class Measurement:
    name: str
    title: str
    # name -> what it is
    cases: dict
    # (bench, case, contender) -> record
    measure: Callable
    columns: tuple
    # What the plot shows: a figure, what it is, and by what it is multiplied.
    plotted: tuple
    # (case, chosen contenders) -> those that take part
    contenders: Callable = lambda case, chosen: chosen


def ratio_within(of, *contenders, what=""):
    return tuple(
        Ratio(f"{of}_ratio_to_{name}", f"{what}of {name}", of=of, base=lambda case, _, name=name: (case, name),
              spread=name == YARDSTICK)
        for name in contenders)


def milliseconds(*names):
    return tuple(Column(f"{name}_us", f"{name.replace('p999', 'p99.9')} ms", scale=0.001) for name in names)


MEASUREMENTS = {measurement.name: measurement for measurement in (
    Measurement(
        "load", "As fast as answers come", {case.name: case.title for case in LOADS.values()}, measure_load,
        (Column("cpu_us", "CPU µs/request", spread=True), Column("user_us", "user"), Column("system_us", "system"),
         *ratio_within("cpu_us", "nginx", "haproxy", "envoy"),
         Ratio("ratio_to_beside", "of one", base=lambda case, contender: (LOADS[case].beside, contender)),
         Column("requests_per_second", "requests/s", digits=0), *milliseconds("p50", "p99"),
         Column("rss_mib", "MiB resident", digits=1)),
        ("cpu_us", "CPU time of the proxy for one request, µs", 1),
        lambda case, chosen: [name for name in chosen if suits(name, LOADS[case])]),
    Measurement(
        "rate", "At a fixed rate, counted from when a request was due", {rate.name: rate.title for rate in RATES.values()},
        measure_rate,
        (Column("wanted_per_second", "requests/s", digits=0),
         *(Column(f"{name}_us", f"{heading} ms", scale=0.001, spread=True)
           for name, heading in (("p50", "p50"), ("p99", "p99"), ("p999", "p99.9"))),
         *ratio_within("p99_us", "nginx", what="p99 "), Column("unanswered", "unanswered", digits=0),
         Column("sent_late_p99_us", "sent late, p99 ms", scale=0.001)),
        ("p99_us", "p99, ms", 0.001),
        lambda case, chosen: [name for name in chosen if suits(name, LOADS[RATES[case].load])]),
    Measurement(
        "slow", "Slow clients", {"slow": crowd.TITLE}, measure_crowd,
        (Column("alone_us", "CPU µs/request alone"), Column("cpu_us", "beside them", spread=True),
         Column("growth", "of alone", spread=True), Column("alone_p99_us", "p99 ms alone", scale=0.001),
         Column("p99_us", "p99 ms beside them", scale=0.001), Column("client_kib", "KiB a slow client", digits=1),
         Column("upkeep", "processor for them alone")),
        ("cpu_us", "CPU time for one request beside them, µs", 1)),
    Measurement(
        "bulk", "Large content", {bulk.name: bulk.title for bulk in BULKS.values()}, measure_bulk,
        (Column("cpu_ms_per_gib", "CPU ms/GiB", digits=0, spread=True), *ratio_within("cpu_ms_per_gib", "nginx"),
         Column("mib_per_second", "MiB/s", digits=0, spread=True), *ratio_within("mib_per_second", "nginx")),
        ("cpu_ms_per_gib", "CPU time for one GiB, ms", 1)),
    Measurement(
        "refresh", "Refresh tokens", STORES, measure_refresh,
        (Column("refreshes_per_second", "refreshes/s", digits=0, spread=True),
         Column("cpu_us", "CPU µs each", digits=1, spread=True), *milliseconds("p50", "p99")),
        ("cpu_us", "CPU time for one refresh, µs", 1), lambda case, chosen: ["slidegate"] if "slidegate" in chosen else []),
    Measurement(
        "revoked", "A million revocations", {name: f"{load} by slidegate" for name, load in REVOCATIONS.items()},
        measure_revoked,
        (Column("cpu_us", "CPU µs/request", spread=True),
         Ratio("ratio", "of nothing revoked", base=lambda case, _: (case, NOTHING_REVOKED)),
         Column("rss_mib", "MiB resident at start", digits=1)),
        ("cpu_us", "CPU time for one request, µs", 1), lambda case, chosen: list(VARIANTS) if "slidegate" in chosen else []),
    Measurement(
        "idle", "Memory", {"idle": f"alone, and for each of {CONNECTIONS:,} open and silent connections"}, measure_idle,
        (Column("rss_mib", "MiB resident at start", digits=1, spread=True), Column("pss_mib", "MiB proportional", digits=1),
         Column("connections", "idle connections", digits=0), Column("rss_kib_per_connection", "KiB each (RSS)", spread=True),
         Column("pss_kib_per_connection", "KiB each (PSS)")),
        ("rss_kib_per_connection", "KiB for one idle connection (RSS)", 1)),
    Measurement(
        "start", "From exec to the first answer", {"start": f"median of {STARTS} starts in each round"}, measure_start,
        (Column("start_ms", "ms", digits=1, spread=True),), ("start_ms", "ms", 1)),
)}
