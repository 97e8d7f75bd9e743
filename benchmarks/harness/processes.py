"""Starting, pinning, accounting and stopping processes. Whatever was started here is stopped by its process number."""

import atexit
import os
import resource
import signal
import socket
import subprocess
import time
from contextlib import contextmanager

TICK = os.sysconf("SC_CLK_TCK")
_running = []


class Failure(Exception):
    """The run cannot go on, or would not be valid; the text says why."""


def stop_on_signals():
    """Ctrl-C, TERM and HUP end the run in order: every process started here is stopped on the way out."""
    def leave(number, _):
        raise SystemExit(128 + number)
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


@atexit.register
def _stop_all():
    for process in reversed(_running):
        process.stop()


def allow_descriptors(wanted):
    """So many may be open in this process and in those started from now on, or as many as the system allows. Returns how many."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    try:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, max(wanted, most)))
        return wanted
    except (ValueError, OSError):  # only root may raise the upper limit, and not everywhere
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        return most


@contextmanager
def on_processors(processors):
    """What is started inside runs on these processors; the caller too, for as long."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, processors)
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


class Process:
    """A server in a session of its own, so that Ctrl-C reaches it only through this harness."""

    def __init__(self, name, command, processors, log, environment=None):
        self.name = name
        self.log = log
        with open(log, "ab") as output, on_processors(processors):
            self.started_at = time.perf_counter()
            self.child = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **(environment or {})})
        _running.append(self)

    def fail_if_gone(self):
        status = self.child.poll()
        if status is not None:
            raise Failure(f"{self.name} ended with status {status}:\n{self.log_end()}")

    def log_end(self):
        with open(self.log, errors="replace") as text:
            return text.read()[-2000:]

    def stop(self):
        if self in _running:
            _running.remove(self)
        if self.child.poll() is None:
            self.child.terminate()
            try:
                self.child.wait(5)
            except subprocess.TimeoutExpired:
                self.child.kill()
                self.child.wait()

    def process_ids(self):
        """The process and its descendants (nginx's worker is a child of its master)."""
        found, queue = [], [self.child.pid]
        while queue:
            number = queue.pop()
            found.append(number)
            for task in os.listdir(f"/proc/{number}/task"):
                with open(f"/proc/{number}/task/{task}/children") as text:
                    queue += map(int, text.read().split())
        return found

    def processor_time(self):
        """Time on a processor so far, of all threads: total in nanoseconds, user and system in seconds.

        The total comes from the scheduler (`schedstat`) and is exact. User and system come in ticks, from samples: good
        as shares of the total, over seconds.
        """
        total, user, system = 0, 0, 0
        for number in self.process_ids():
            for task in os.listdir(f"/proc/{number}/task"):
                with open(f"/proc/{number}/task/{task}/schedstat") as text:
                    total += int(text.read().split()[0])
            with open(f"/proc/{number}/stat") as text:
                fields = text.read().rpartition(")")[2].split()
            user += int(fields[11])
            system += int(fields[12])
        return total, user / TICK, system / TICK

    def processor_wanted(self):
        """Nanoseconds of all threads so far on a processor, or waiting for one."""
        wanted = 0
        for number in self.process_ids():
            for task in os.listdir(f"/proc/{number}/task"):
                with open(f"/proc/{number}/task/{task}/schedstat") as text:
                    wanted += sum(map(int, text.read().split()[:2]))
        return wanted

    def memory(self):
        """KiB, summed over the processes: resident, and proportional (shared pages divided among their users)."""
        sums = {"Rss": 0, "Pss": 0}
        for number in self.process_ids():
            with open(f"/proc/{number}/smaps_rollup") as text:
                for line in text:
                    name, _, rest = line.partition(":")
                    if name in sums:
                        sums[name] += int(rest.split()[0])
        return sums


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def processor_ticks(processor):
    """Of one processor since boot, in ticks: all, idle, and stolen by the hypervisor."""
    with open("/proc/stat") as text:
        for line in text:
            if line.startswith(f"cpu{processor} "):
                numbers = list(map(int, line.split()[1:9]))
                return sum(numbers), numbers[3] + numbers[4], numbers[7]
    raise Failure(f"no processor {processor}")
