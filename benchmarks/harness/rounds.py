"""The rounds: each measures every case with every contender, in an order that rotates."""

import sys

from .processes import Failure


def tell(text):
    print(text, file=sys.stderr, flush=True)


def run(bench, plan, rounds):
    """`plan` is a list of (measurement, case, contenders). Returns one record each, in the order of measurement, and those
    of measurements that came to nothing: wrong answers are no result, and no reason to throw away the others."""
    records, failures = [], []
    for turn in range(rounds):
        bench.saturations.clear()
        for measurement, case, contenders in plan:
            shift = turn % len(contenders)
            for contender in contenders[shift:] + contenders[:shift]:
                record = {"measurement": measurement.name, "case": case, "contender": contender, "round": turn + 1}
                where = f"round {turn + 1}/{rounds}  {case:<17} {contender:<11}"
                try:
                    measured = measurement.measure(bench, case, contender)
                    record |= {name: round(value, 3) if isinstance(value, float) else value for name, value in measured.items()}
                except Failure as failure:
                    failures.append({**record, "failure": str(failure)})
                    tell(f"{where}  FAILED: {failure}")
                    continue
                records.append(record)
                figures = "  ".join(
                    f"{column.heading} {record[column.figure] * column.scale:.{column.digits}f}"
                    for column in measurement.columns if column.figure in record)
                tell(f"{where}  {figures}")
    return records, failures
