// How things are shown. Text from elsewhere (users, paths, devices) becomes text nodes in `bdi` elements and nothing else.

/** Makes an element: `properties` are attributes but for `class` and listeners (`onclick`); children are elements, texts and arrays of them. */
export function make(name, properties = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(properties)) {
    if (value === undefined || value === false) continue;
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.flat().filter((child) => child !== undefined && child !== ""));
  return element;
}

/** Text that somebody else has written, or may have. */
export const theirs = (text, properties) => make("bdi", properties, readable(text));

/** Control characters show, as the pictures that Unicode has for them. */
function readable(text) {
  return String(text).replace(/[\u0000-\u001f\u007f]/g, (each) => String.fromCharCode(each === "\u007f" ? 0x2421 : 0x2400 + each.charCodeAt()));
}

/** Replaces what an element holds, unless it is the same already, or somebody has selected text in it, probably to copy it. */
export function put(element, ...children) {
  const selection = getSelection();
  if (!selection.isCollapsed && element.contains(selection.anchorNode)) return;
  const next = make("div", {}, ...children);
  if (element.childNodes.length === next.childNodes.length && [...element.childNodes].every((node, index) => node.isEqualNode(next.childNodes[index]))) return;
  element.replaceChildren(...next.childNodes);
}

// MARK: Tables

/**
 * A table. `columns` are `{ title, kind }`: the first one names the row; kind is `number`, `wide` (which needs no title in a card) or none.
 * `rows` are arrays of what `make` takes. `kind`: `dense` for short numbers.
 */
export function table(caption, columns, rows, kind) {
  const cell = (value, column, isFirst) => {
    if (isFirst) return make("th", { scope: "row", role: "rowheader" }, value);
    return make("td", { role: "cell", class: column.kind, "data-label": column.title || undefined }, value);
  };
  return make(
    "table", { role: "table", class: kind }, caption ? make("caption", {}, caption) : undefined,
    make(
      "thead", { role: "rowgroup" },
      make("tr", { role: "row" }, ...columns.map(({ title, kind }) => make("th", { scope: "col", role: "columnheader", class: kind }, title)))),
    make(
      "tbody", { role: "rowgroup" },
      ...rows.map((values) => make("tr", { role: "row" }, ...values.map((value, index) => cell(value, columns[index], index === 0))))));
}

// MARK: Lines

const svg = (name, attributes) => {
  const element = document.createElementNS("http://www.w3.org/2000/svg", name);
  for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
  return element;
};

/** A number over time: a line that is drawn anew with each report. */
export class Line {
  static span = [60, 300];   // seconds, at least and at most
  static gap = 12;           // seconds without a report: nobody knows
  #line = svg("path", { class: "line" });
  #under = svg("path", { class: "under" });

  constructor() {
    this.element = svg("svg", { viewBox: "0 0 300 40", preserveAspectRatio: "none", "aria-hidden": "true" });
    this.element.append(this.#under, this.#line);
  }

  /** - `points`: the newest last, with `at` and `since` in seconds. Returns the highest value. */
  draw(points, name) {
    const end = points.at(-1)?.at ?? 0;
    const peak = points.reduce((peak, point) => Math.max(peak, point[name]), 0);
    const span = Math.min(Math.max(end - (points[0]?.since ?? end), Line.span[0]), Line.span[1]);
    const x = (at) => Math.max(0, 300 * (1 - (end - at) / span)).toFixed(1);
    const y = (value) => (38.5 - 35 * (peak > 0 ? value / peak : 0)).toFixed(1);
    let line = "", under = "", start;
    points.forEach((point, index) => {
      const isNew = index === 0 || point.at - point.since > Line.gap;
      if (isNew) {
        if (start !== undefined) under += `V40H${start}Z`;
        start = x(index === 0 ? point.since : point.at);
        line += `M${start} ${y(point[name])}`;
        under += `M${start} ${y(point[name])}`;
      }
      line += `L${x(point.at)} ${y(point[name])}`;
      under += `L${x(point.at)} ${y(point[name])}`;
    });
    if (start !== undefined) under += `V40H${start}Z`;
    this.#line.setAttribute("d", line);
    this.#under.setAttribute("d", under);
    return peak;
  }
}

// MARK: Numbers and times

const whole = new Intl.NumberFormat("en", { maximumFractionDigits: 0 });
const tenths = new Intl.NumberFormat("en", { maximumFractionDigits: 1 });

export const count = (value) => whole.format(value);
export const number = (value) => value === undefined ? "–" : value > 0 && value < 0.05 ? "<0.1" : value < 10 ? tenths.format(value) : whole.format(value);
export const share = (part, all) => all === 0 ? "–" : part > 0 && part / all < 0.001 ? "<0.1 %" : `${(part / all * 100).toFixed(part / all < 0.1 && part > 0 ? 1 : 0)} %`;

/** `1 request`, `2 requests`. */
export const counted = (value, noun) => `${count(value)} ${noun}${value === 1 ? "" : "s"}`;

/** A short time, from seconds. */
export function duration(seconds) {
  if (seconds === undefined) return "–";
  const digits = (value) => value < 10 ? value.toFixed(1) : value.toFixed(0);
  if (seconds < 0.001) return `${digits(seconds * 1e6)} µs`;
  return seconds < 1 ? `${digits(seconds * 1000)} ms` : `${digits(seconds)} s`;
}

/** A long time, from seconds, in its two largest units. */
export function spoken(seconds) {
  const units = [["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  let left = Math.max(0, Math.round(seconds));
  const first = units.findIndex(([, size]) => left >= size);
  if (first < 0) return "0 s";
  return units.slice(first, first + 2).map(([name, size]) => {
    const many = Math.floor(left / size);
    left -= many * size;
    return many > 0 ? `${many} ${name}` : "";
  }).filter(Boolean).join(" ");
}

/** A date, from seconds since 1970, as the time of day and how long ago by the gateway's clock. */
export function moment(date, now) {
  const at = new Date(date * 1000);
  const isToday = at.toDateString() === new Date(now * 1000).toDateString();
  const text = isToday ? at.toLocaleTimeString("en-GB") : at.toLocaleString("sv-SE").slice(0, 16);
  return make("time", { datetime: at.toISOString(), title: at.toISOString() }, text);
}

export const ago = (date, now) => date > now ? `in ${spoken(date - now)}` : now - date < 1 ? "now" : `${spoken(now - date)} ago`;

export function bytes(value) {
  if (value === null || value === undefined) return "–";
  return value < 1 << 20 ? `${(value / 1024).toFixed(0)} KiB` : value < 1 << 30 ? `${(value / (1 << 20)).toFixed(1)} MiB` : `${(value / (1 << 30)).toFixed(2)} GiB`;
}
