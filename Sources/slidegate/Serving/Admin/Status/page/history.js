// What the gateway has said so far. It counts from its start; what happens now is the difference between two of its reports.

const window = 60;           // seconds of reports that are kept whole
const memory = 300;          // seconds that lines go back
const leap = 0.5;            // seconds between two reports at least: a rate over less says little

/** Sums of a report that lines are drawn of. */
function sums(report) {
  const of = (...decisions) => report.routes.reduce((sum, { requests }) => decisions.reduce((sum, name) => sum + (requests[name] ?? 0), sum), 0);
  return {
    requests: report.routes.reduce((sum, { requests }) => sum + total(requests), 0),
    renewals: of("renewed"), refusals: of("refused"), failures: of("failed"),
  };
}

export const total = (counts) => Object.values(counts).reduce((sum, count) => sum + count, 0);

export class History {
  #reports = [];             // { at, report, sums }, the oldest first
  points = [];               // { at, requests, … in a second, active, connections }: what happened between two reports

  /** Takes a report in. Those of a process before it are forgotten: it counted for itself. */
  add(report) {
    const entry = { at: report.process.uptime, report, sums: sums(report) };
    const last = this.#reports.at(-1);
    if (last && (last.report.process.id !== report.process.id || last.at > entry.at)) {
      this.#reports = [];
      this.points = [];
    } else if (last && entry.at < last.at + leap) {
      return;
    } else if (last && entry.at > last.at + window) {
      this.#reports = [];    // nobody looked for long: an average over that would be no news
    } else if (last) {
      const point = { at: entry.at, since: last.at, active: report.active.requests, connections: report.active.connections };
      for (const name in entry.sums) point[name] = Math.max(0, entry.sums[name] - last.sums[name]) / (entry.at - last.at);
      this.points.push(point);
    }
    this.#reports.push(entry);
    // One that is older than the window stays, so that there is a whole window.
    while (this.#reports.length > 2 && this.#reports[1].at <= entry.at - window) this.#reports.shift();
    while (this.points[0]?.at < entry.at - memory) this.points.shift();
  }

  get latest() { return this.#reports.at(-1); }

  /** The newest report that is at least so old, or else the oldest. */
  #before(seconds) {
    const at = this.latest.at - seconds;
    return this.#reports.findLast((entry) => entry.at <= at) ?? this.#reports[0];
  }

  /** In a second, over the last `seconds`; undefined while there is one report only. */
  rate(name, seconds) {
    const now = this.latest, then = this.#before(seconds);
    return now === then ? undefined : Math.max(0, now.sums[name] - then.sums[name]) / (now.at - then.at);
  }

  /** The change of a count over the window, and over how many seconds that is. */
  change(read) {
    const now = this.latest, then = this.#before(window);
    return { count: Math.max(0, (read(now.report) ?? 0) - (read(then.report) ?? 0)), seconds: now.at - then.at };
  }

  /** What was recorded in the window by a histogram that `read` finds in a report. */
  recent(read) {
    const now = read(this.latest.report), then = read(this.#before(window).report);
    return difference(now, this.latest === this.#before(window) ? undefined : then);
  }
}

function difference(now, then) {
  if (!now) return undefined;
  if (!then) return { ...now, buckets: now.buckets };
  const before = new Map(then.buckets);
  const buckets = now.buckets.map(([index, count]) => [index, count - (before.get(index) ?? 0)]).filter(([, count]) => count > 0);
  return { count: Math.max(0, now.count - then.count), sum: Math.max(0, now.sum - then.sum), buckets };
}

/** The sum of histograms. */
export function merged(histograms) {
  const buckets = new Map();
  let count = 0, sum = 0;
  for (const histogram of histograms) {
    if (!histogram) continue;
    count += histogram.count;
    sum += histogram.sum;
    for (const [index, of] of histogram.buckets) buckets.set(index, (buckets.get(index) ?? 0) + of);
  }
  return { count, sum, buckets: [...buckets].sort(([one], [other]) => one - other) };
}

/** In seconds: what that share of all took no longer than, reckoned evenly within a bucket; undefined where there is nothing. */
export function quantile(histogram, share, bounds) {
  const all = histogram ? histogram.buckets.reduce((sum, [, count]) => sum + count, 0) : 0;
  if (all === 0) return undefined;
  let left = share * all;
  for (const [index, count] of histogram.buckets) {
    if (left <= count) {
      const low = index > 0 ? bounds[index - 1] : 0, high = bounds[index] ?? bounds.at(-1);
      return low + (high - low) * Math.max(0, left) / count;
    }
    left -= count;
  }
  return bounds.at(-1);
}
