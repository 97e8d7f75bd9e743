// What a browser gives to its tabs, in small: time, locks, channels, storage, cookies, and windows that are hidden and shown.

/** The time of everything here. Timers of the module of half a second and more wait for `advance`; shorter ones are real. */
export class Clock {
  now = 1_800_000_000_000;
  #timers = new Map();
  #real = { setTimeout, clearTimeout };

  constructor() {
    const { setTimeout, clearTimeout } = this.#real;
    const isModule = () => /Sources\/BrowserModule\/slidegate(\.min)?\.js/.test(new Error().stack.split("\n")[3]);
    globalThis.setTimeout = (action, delay, ...rest) => {
      if (delay < 500 || !isModule()) return setTimeout(action, delay, ...rest);
      // As in browsers: too long a delay is none.
      const timer = { unref() {} };
      this.#timers.set(timer, { at: this.now + (delay > 2 ** 31 - 1 ? 0 : delay), action });
      return timer;
    };
    globalThis.clearTimeout = (timer) => this.#timers.delete(timer) || clearTimeout(timer);
  }

  restore() {
    Object.assign(globalThis, this.#real);
  }

  get timers() {
    return this.#timers.size;
  }

  async advance(seconds) {
    const end = this.now + seconds * 1000;
    for (;;) {
      const [timer, next] = [...this.#timers].sort(([, a], [, b]) => a.at - b.at)[0] ?? [];
      if (!next || next.at > end) break;
      this.now = Math.max(this.now, next.at);
      this.#timers.delete(timer);
      next.action();
      await quiet();
    }
    this.now = end;
    await quiet();
  }
}

/** Lets what is ready run. */
export const quiet = async () => {
  for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
};

/** Awaits a condition, for at most ten seconds. */
export const eventually = async (condition, what = condition.toString()) => {
  const end = Date.now() + 10_000;
  while (!(await condition())) {
    if (Date.now() > end) throw new Error(`never: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
};

/** `navigator.locks`: first come, first served. */
export class Locks {
  #lines = new Map();
  granted = 0;

  request(name, { signal }, action) {
    const line = this.#lines.get(name) ?? [];
    this.#lines.set(name, line);
    return new Promise((resolve, reject) => {
      const turn = async () => {
        signal?.removeEventListener("abort", abort);
        this.granted++;
        try {
          resolve(await action({ name }));
        } catch (error) {
          reject(error);
        } finally {
          line.shift();
          setImmediate(() => line[0]?.());
        }
      };
      const abort = () => {
        if (line[0] === turn) return;
        line.splice(line.indexOf(turn), 1);
        reject(signal.reason);
      };
      if (signal?.aborted) return reject(signal.reason);
      signal?.addEventListener("abort", abort);
      line.push(turn);
      if (line.length === 1) setImmediate(turn);
    });
  }

  get waiting() {
    return [...this.#lines.values()].reduce((sum, line) => sum + line.length, 0);
  }
}

/** `BroadcastChannel`. What is said arrives in order, each word after `delay` milliseconds: a number, or a function that gives one. */
export class Channels {
  all = new Set();
  messages = [];
  delay = 0;

  open(name) {
    const channel = {
      name,
      postMessage: (data) => {
        this.messages.push(data);
        const copy = structuredClone(data);
        for (const other of this.all) if (other !== channel && other.name === name) other.arrival = this.#deliver(other, copy);
      },
      close: () => this.all.delete(channel),
    };
    this.all.add(channel);
    return channel;
  }

  async #deliver(channel, data) {
    const delay = typeof this.delay === "function" ? this.delay() : this.delay;
    const due = new Promise((resolve) => (delay ? setTimeout(resolve, delay) : setImmediate(resolve)));
    await Promise.all([channel.arrival, due]);
    if (this.all.has(channel) && !channel.isDeaf) channel.onmessage?.({ data: structuredClone(data) });
  }
}

/** `localStorage`. */
export class Storage {
  items = new Map();
  getItem(key) {
    return this.items.get(key) ?? null;
  }
  setItem(key, value) {
    this.items.set(key, value);
  }
}

/** A browser with any number of tabs. */
export class Browser {
  locks = new Locks();
  channels = new Channels();
  storage = new Storage();
  cookies = new Map();
  tabs = [];

  constructor(clock, createSession, settings) {
    Object.assign(this, { clock, createSession, settings });
  }

  /** Opens a tab, and collects its session's events as `tab.events`. */
  tab(options = {}) {
    const channels = [];
    const { clock, locks, storage } = this;
    const session = this.createSession(this.settings, {
      now: () => clock.now + (options.skew ?? 0), locks, storage,
      channel: (name) => {
        channels.push(this.channels.open(name));
        return channels.at(-1);
      },
      ...(this.cookiesFor && { fetch: (...request) => this.#fetch(...request) }),
      ...options,
    });
    session.events = [];
    session.channels = channels;
    for (const type of ["started", "renewed", "ending", "ended"]) {
      session.addEventListener(type, ({ detail }) => session.events.push({ type, ...detail }));
    }
    session.count = (type) => session.events.filter((event) => event.type === type).length;
    this.tabs.push(session);
    return session;
  }

  /** As the browser does with cookies: sends and keeps them where credentials are included. */
  async #fetch(input, init = {}) {
    const headers = new Headers(init.headers ?? input.headers);
    const isIncluded = init.credentials === "include";
    if (isIncluded && this.cookies.size) headers.set("Cookie", [...this.cookies].map((pair) => pair.join("=")).join("; "));
    const response = await fetch(input, { ...init, headers });
    // The `getSetCookie` of now is younger than what we run on; no cookie here has a comma.
    for (const line of (isIncluded && response.headers.get("Set-Cookie")?.split(", ")) || []) {
      const [, name, value] = /^([^=]+)=([^;]*)/.exec(line);
      this.cookies.set(name, value);
    }
    return response;
  }

  close() {
    for (const tab of this.tabs) tab.close();
  }
}

/** A window with its document, for what is made inside `body`. */
export class Page {
  window = new EventTarget();
  document = Object.assign(new EventTarget(), { hidden: false, baseURI: undefined });

  install(baseURI) {
    this.document.baseURI = baseURI;
    globalThis.document = this.document;
    globalThis.addEventListener = this.window.addEventListener.bind(this.window);
    return this;
  }

  show(isShown) {
    this.document.hidden = !isShown;
    this.document.dispatchEvent(new Event("visibilitychange"));
  }

  fire(type, more) {
    this.window.dispatchEvent(Object.assign(new Event(type), more));
  }

  static uninstall() {
    delete globalThis.document;
    delete globalThis.addEventListener;
  }
}
