// The time line: a token's remaining life, with what was asked and answered marked on it. The past is to the left of now; to
// the right is where the token would end if nothing more happened.

const pastShare = (width) => width < 480 ? 0.62 : 0.74;     // of the width; the rest is ahead
const head = 26;             // pixels above the longest life, for labels
const foot = 22;             // pixels below the end of life, for times
const labelWidth = 70;       // pixels: of two marks that are closer, the later one keeps its label

/** Times are milliseconds since 1970, by the local clock. */
export class Timeline {
  #svg;
  #lifetime;
  #buffer;
  #epoch = Date.now();
  #stretches = [];           // { from, to, end }: a token was held from `from` to `to` (not yet: undefined), and ends at `end`
  #marks = [];               // { time, kind, label, node }
  #size = { width: 0, height: 0 };
  #parts = {};

  /**
   * @param svg      an empty SVG element, as large as its style says
   * @param lifetime, buffer  of a token, in seconds
   */
  constructor(svg, { lifetime, buffer }) {
    this.#svg = svg;
    this.#lifetime = lifetime;
    this.#buffer = buffer;
    const part = (name, kind, parent = svg) => (this.#parts[name] = parent.appendChild(make(kind, { class: name })));
    part("window", "rect");
    part("note", "text").textContent = "window";
    part("base", "path");
    part("ticks", "g");
    part("moving", "g");
    for (const name of ["fill", "line", "ahead"]) part(name, "path", this.#parts.moving);
    part("rises", "g", this.#parts.moving);
    part("marks", "g", this.#parts.moving);
    part("now", "path");
    part("head", "circle").setAttribute("r", 6);
    new ResizeObserver(() => this.#fit()).observe(svg);
    this.#fit();
  }

  /** A token that ends at `end` is held from `time` on, in place of the one before. */
  held(time, end, how = "renewed") {
    const last = this.#stretches.at(-1);
    if (last && last.to === undefined) last.to = time;
    this.#stretches.push({ from: time, end, how, before: last?.to === time ? last.end : undefined });
    this.#forget(time);
    this.#drawRises();
  }

  /** No token is held from `time` on. */
  dropped(time) {
    const last = this.#stretches.at(-1);
    if (last && last.to === undefined) last.to = time;
  }

  /** What happened at `time`: request, poll, renewed, other, refreshed, started, refused or ended. */
  mark(time, kind, label) {
    const node = make("g", { class: kind });
    node.append(shape(kind));
    if (label) {
      const labelled = this.#marks.findLast(({ node }) => node.lastChild.tagName === "text");
      if (labelled && this.#x(time) - this.#x(labelled.time) < labelWidth) labelled.node.lastChild.remove();
      const text = make("text", { class: `label ${kind}`, y: -14 });
      text.textContent = label;
      node.append(text);
    }
    const mark = { time, kind, node };
    this.#marks.push(mark);
    this.#place(mark);
    this.#parts.marks.append(node);
  }

  /** Everything as it is at `time`. */
  draw(time) {
    const { now, second } = this.#scale;
    this.#parts.moving.setAttribute("transform", `translate(${(now - this.#x(time)).toFixed(2)} 0)`);
    let line = "", fill = "";
    for (const { from, to = time, end } of this.#stretches) {
      const gone = Math.min(to, Math.max(end, from));      // a held token that has ended stays at nothing
      const points = [[from, end - from], [gone, end - gone]];
      if (to > gone) points.push([to, 0]);
      const path = points.map(([at, left]) => `${this.#x(at).toFixed(1)} ${this.#y(left / 1000).toFixed(1)}`).join(" L");
      line += `M${path} `;
      fill += `M${this.#x(from).toFixed(1)} ${this.#y(0)} L${path} L${this.#x(to).toFixed(1)} ${this.#y(0)} Z `;
    }
    this.#parts.line.setAttribute("d", line);
    this.#parts.fill.setAttribute("d", fill);

    const current = this.#stretches.at(-1);
    const left = current && current.to === undefined ? Math.max(0, current.end - time) / 1000 : 0;
    this.#parts.ahead.setAttribute("d", left > 0
      ? `M${this.#x(time)} ${this.#y(left)} L${this.#x(time) + left * second} ${this.#y(0)}` : "");
    this.#parts.head.setAttribute("cx", now);
    this.#parts.head.setAttribute("cy", this.#y(left));
    this.#parts.head.setAttribute("visibility", current && current.to === undefined ? "visible" : "hidden");
  }

  get #scale() {
    const { width } = this.#size;
    const now = width * pastShare(width);
    return { now, second: (width - now - 8) / this.#lifetime };
  }

  #x(time) { return (time - this.#epoch) / 1000 * this.#scale.second; }
  #y(seconds) {
    const height = this.#size.height - head - foot;
    return head + height * (1 - Math.min(1, Math.max(0, seconds / this.#lifetime)));
  }

  #fit() {
    const { width, height } = this.#svg.getBoundingClientRect();
    if (width === 0) return;
    this.#size = { width, height };
    const { now, second } = this.#scale, floor = this.#y(0);
    set(this.#parts.window, { x: 0, y: this.#y(this.#buffer), width, height: floor - this.#y(this.#buffer) });
    set(this.#parts.note, { x: width - 6, y: this.#y(this.#buffer) + 16 });
    set(this.#parts.base, { d: `M0 ${floor} H${width}` });
    set(this.#parts.now, { d: `M${now} ${head - 10} V${floor}` });
    this.#parts.ticks.replaceChildren(...[-30, -20, -10, 0, 10].filter((at) => now + at * second > 14).map((at) => {
      const text = make("text", { x: now + at * second, y: floor + 16, class: "label quiet" });
      text.textContent = at === 0 ? "now" : `${at > 0 ? "+" : "−"}${Math.abs(at)} s`;
      return text;
    }));
    for (const mark of this.#marks) this.#place(mark);
    this.#drawRises();
  }

  #drawRises() {
    this.#parts.rises.replaceChildren(...this.#stretches.filter(({ before }) => before !== undefined).map(({ from, end, before, how }) =>
      make("path", {
        class: `rise ${how === "refreshed" ? "refresh-rise" : ""}`,
        d: `M${this.#x(from)} ${this.#y((before - from) / 1000)} V${this.#y((end - from) / 1000)}`,
      })));
  }

  #place({ time, node }) {
    const stretch = this.#stretches.findLast(({ from }) => from <= time);
    const left = stretch && (stretch.to === undefined || stretch.to >= time) ? Math.max(0, stretch.end - time) / 1000 : 0;
    node.setAttribute("transform", `translate(${this.#x(time).toFixed(1)} ${this.#y(left).toFixed(1)})`);
  }

  /** Lets go of what has left the picture on the widest of screens. */
  #forget(time) {
    const horizon = time - 180_000;
    this.#stretches = this.#stretches.filter(({ to }) => to === undefined || to > horizon);
    while (this.#marks[0]?.time < horizon) this.#marks.shift().node.remove();
  }
}

function shape(kind) {
  switch (kind) {
    case "refreshed": return make("path", { d: "M0 -8 L8 0 L0 8 L-8 0 Z" });
    case "refused": case "ended": return make("path", { class: "cross", d: "M-6 -6 L6 6 M6 -6 L-6 6" });
    case "request": return make("circle", { r: 4 });
    case "poll": return make("circle", { r: 4.5 });
    default: return make("circle", { r: 6.5 });
  }
}

function make(kind, attributes = {}) {
  return set(document.createElementNS("http://www.w3.org/2000/svg", kind), attributes);
}

function set(node, attributes) {
  for (const [name, value] of Object.entries(attributes)) node.setAttribute(name, value);
  return node;
}
