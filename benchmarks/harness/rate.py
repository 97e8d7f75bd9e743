"""Small requests at a fixed rate: how long they take from when they were due (no coordinated omission)."""

import os
import subprocess
from dataclasses import dataclass

from .cases import LOADS
from .contenders import HERE, YARDSTICK, Server, first_answer
from .load import CONNECTIONS, accounted, check_load, measure_load, run_tool, warmed_up
from .processes import Failure

SOURCE = os.path.join(HERE, "..", "load", "rate.c")
WARM_UP, GRACE = 0.5, 10  # seconds


@dataclass(frozen=True)
class Rate:
    """A load at half the rate at which somebody's saturation lies."""

    load: str
    of_yardstick: bool

    @property
    def name(self):
        return f"{self.load}-half-{YARDSTICK if self.of_yardstick else 'own'}"

    @property
    def title(self):
        whose = f"{YARDSTICK}'s" if self.of_yardstick else "each one's own"
        return f"{self.load}, at half of {whose} saturation in the same round"


RATES = {rate.name: rate for rate in (Rate(load, of) for load in ("plain", "pass", "renew") for of in (True, False))}


def compiled(bench):
    program = os.path.join(bench.folder, "rate")
    result = subprocess.run(["gcc", "-O2", "-o", program, SOURCE], capture_output=True, text=True)
    if result.returncode != 0:
        raise Failure(f"{SOURCE} does not compile:\n{result.stderr}")
    return program


def measure_rate(bench, name, contender):
    rate, program = RATES[name], bench.once("rate", lambda: compiled(bench))
    case = LOADS[rate.load]
    whose = YARDSTICK if rate.of_yardstick else contender
    if (case.name, whose) not in bench.saturations:
        measure_load(bench, case.name, whose)
    wanted = bench.saturations[case.name, whose] / 2
    requests, placement = bench.tokens.requests(case), bench.placement(case)
    server = Server(contender, case, bench)
    try:
        first_answer(server)
        expected = warmed_up(server, case, bench)
        command = [
            program, server.port, CONNECTIONS, wanted, WARM_UP, bench.seconds, requests.file, requests.first]
        load, cost = accounted(
            server, placement.proxy, lambda: run_tool(list(map(str, command)), placement.load, bench.seconds + GRACE))
        check_load(server, load, expected)
    finally:
        server.stop()
    return {
        "requests": load["requests"], "wanted_per_second": wanted,
        **{figure: load[figure] for figure in (
            "p50_us", "p99_us", "p999_us", "max_us", "unanswered", "sent_late_p50_us", "sent_late_p99_us")},
        "processor_busy": cost["processor_busy"], "processor_stolen": cost["processor_stolen"]}
