"""What a figure was measured on: without it a figure means nothing."""

import os
import platform
import subprocess

from .contenders import ROOT, version


def _value(path, name, separator):
    try:
        with open(path) as text:
            for line in text:
                key, _, value = line.partition(separator)
                if key.strip() == name:
                    return value.strip().strip('"')
    except OSError:
        pass
    return "unknown"


def _output(*command):
    try:
        result = subprocess.run(command, capture_output=True, text=True, timeout=20, cwd=ROOT)
    except OSError:
        return ""
    return result.stdout.strip() if result.returncode == 0 else ""


def describe(contenders):
    memory = _value("/proc/meminfo", "MemTotal", ":").split()[0]
    flags = _value("/proc/cpuinfo", "flags", ":").split()
    wrk = subprocess.run(["wrk", "-v"], capture_output=True, text=True)
    return {
        "processor": _value("/proc/cpuinfo", "model name", ":"),
        "processors": os.cpu_count(),
        "memory_mib": int(memory) // 1024 if memory.isdigit() else None,
        "virtual": "hypervisor" in flags,
        "kernel": platform.release(),
        "system": _value("/etc/os-release", "PRETTY_NAME", "="),
        "versions": {
            **{name: version(name) for name in dict.fromkeys(contenders)},
            "wrk": ((wrk.stdout + wrk.stderr).split() + ["", "unknown"])[1],
            "openssl": _output("openssl", "version"),
            "swift": (_output("swift", "--version").splitlines() or ["unknown"])[0],
        },
        "commit": _output("git", "describe", "--always", "--dirty", "--abbrev=12") or "unknown",
    }


def sentence(machine):
    kind = "virtual machine" if machine["virtual"] else "machine"
    return (
        f"{kind} with {machine['processors']} × {machine['processor']}, {(machine['memory_mib'] or 0) / 1024:.0f} GiB, "
        f"{machine['system']}, Linux {machine['kernel']}")
