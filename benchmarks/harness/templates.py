"""Configurations are made from the files in benchmarks/configuration."""

import re

FLAGGED = re.compile(r"(\s*)#([a-z0-9,-]+) (.*)", re.S)


def fill(template, flags, values, repeat=0):
    """The template as `flags` and `values` want it.

    `#flag text` is a line for runs with that flag, `#one,two text` for those with both. `#each text` is there `repeat` times,
    with $N counting from 00000, and `#note text` is for readers of the template alone.
    """
    # Only names that are known here are filled in: the servers have dollars of their own.
    pattern = re.compile(r"\$(" + "|".join(sorted(values, key=len, reverse=True)) + r")\b")
    lines = []
    for line in template.splitlines(keepends=True):
        times = 1
        if found := FLAGGED.fullmatch(line):
            wanted = set(found[2].split(","))
            if "each" in wanted:
                wanted.remove("each")
                times = repeat
            if not wanted <= flags:
                continue
            line = found[1] + found[3]
        line = pattern.sub(lambda match: str(values[match[1]]), line)
        lines += [line.replace("$N", f"{number:05d}") for number in range(times)] if times != 1 else [line]
    return "".join(lines)
