// Slidegate in the browser: keeps a session alive while it is used, in any number of tabs. MIT licence.
//
// What a session is, is one frozen record: { epoch, turn, exp, access, refresh, until, life, ends, over }. A login begins an epoch, a
// refresh a turn, a renewal a later exp; `over` says why it has ended. Tabs exchange records, and `adopt` alone puts one in
// the place of another, if it is newer. So nothing late, stale or foreign can undo what is known.
// Times are milliseconds of the local clock, each counted from when a lifetime in seconds arrived.

/** Why a request was not sent: its session has ended. `reason` as in the event. */
export class SessionEnded extends Error {
  name = "SessionEnded";
  constructor(reason) {
    super(`The session has ended: ${reason}`);
    this.reason = reason;
  }
}

/** Why a request was not sent: its token has ended, and a new one could not be had for now. */
export class RefreshFailed extends Error {
  name = "RefreshFailed";
}

const form = (path, token, access, refresh, expiresIn, more) => ({
  refresh: { path, token, answer: { access, ...(refresh && { refresh }), ...(expiresIn && { expiresIn }) }, ...more },
});

/** What front ends are known to speak: settings for `createSession`. */
export const presets = {
  oauth2: form("/oauth/token", { form: "refresh_token" }, ["access_token"], ["refresh_token"], ["expires_in"], {
    with: { grant_type: "refresh_token" },
  }),
  simplejwt: form("/api/token/refresh/", { json: "refresh" }, ["access"], ["refresh"]),
  express: form("/refresh-token", { json: "refreshToken" }, ["data", "access_token"], ["data", "refresh_token"]),
  cookie: form("/refresh", "cookie", ["access_token"], null, ["expires_in"]),
  "bearer-refresh": form("/refresh-token", "bearer", ["accessToken"], ["refreshToken"]),
  "bearer-access": form("/api/auth/refresh-token", "access", ["access_token"]),
};
for (const [name, path] of [["simplejwt", "/api/token/"], ["express", "/login"]]) {
  presets[name].login = [{ path, answer: presets[name].refresh.answer }];
}

const DEFAULTS = {
  deliver: "header", header: "X-Refresh-Token", send: "authorization",
  optOut: "X-No-Refresh", tokenExpiresIn: "X-Token-Expires-In", sessionExpiresIn: "X-Session-Expires-In",
};

/** Claims are only compared; whoever verifies tokens is elsewhere. */
const claims = (token) => {
  try {
    const bytes = atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"));
    return JSON.parse(new TextDecoder().decode(Uint8Array.from(bytes, (byte) => byte.charCodeAt()))) ?? {};
  } catch {
    return {};
  }
};

const rank = (r) => [r?.epoch ?? 0, r?.over === "logout", r?.turn ?? 0, r?.exp ?? 0, !!r?.over].map(Number);
const newer = (a, b) => {
  const theirs = rank(b);
  const [mine, i] = [rank(a), rank(a).findIndex((value, i) => value !== theirs[i])];
  return mine[i] > theirs[i];
};
const isRecord = (r) => Number.isFinite(r?.epoch) && Number.isFinite(r.turn) && Number.isFinite(r.exp);
const seconds = (text) => (/^\d{1,10}$/.test(text ?? "") ? Number(text) : undefined);
const sleep = (ms) => new Promise((resolve) => setTimeout(resolve, ms)?.unref?.());
const dig = (value, path) => path?.reduce((inner, name) => inner?.[name], value);

/** `promise`, unless `signal` is aborted first. */
const unlessAborted = (promise, signal) =>
  !signal ? promise : new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    promise.then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });

export function createSession(settings, options) {
  return new Session(settings, options);
}

class Session extends EventTarget {
  #settings; #options; #origin; #name; #cookies; #field;
  #held = null;      // the record
  #refused = null;   // the record whose token was refused as expired, whatever the clock says
  #tried = false;    // without a record: whether the cookie has been tried
  #used = false;     // whether anything was asked for since the record came
  #refreshing = null; #abort = null; #failures = 0; #notBefore = 0;
  #flying = new Set();
  #timer; #warned = null; #closed = false;
  #channel = null; #heard = false; #done = 0; #waiters = new Set(); #ready;

  constructor(settings, options = {}) {
    super();
    const s = (this.#settings = { ...DEFAULTS, ...settings });
    this.#origin = new URL(s.origin ?? location.origin).origin;
    this.#options = {
      fetch: (...request) => fetch(...request), now: Date.now, locks: globalThis.navigator?.locks, timeout: 10000,
      refreshBefore: 0.2, proactive: true,
      channel: (name) => (globalThis.BroadcastChannel ? new BroadcastChannel(name) : null),
      ...options,
    };
    this.#name = options.name ?? `slidegate ${this.#origin}`;
    this.#cookies = s.send === "cookie";
    this.#field = s.send.header ?? "Authorization";
    if (options.store === "local" && !this.#cookies) {
      try {
        this.#options.storage ??= localStorage;
      } catch {
        // Blocked by the browser: the tabs still have each other.
      }
    } else {
      this.#options.storage = null;
    }
    this.#held = this.#load();
    for (const [target, types] of [[globalThis, "pagehide pageshow storage"], [globalThis.document, "visibilitychange resume"]]) {
      for (const type of types.split(" ")) target?.addEventListener?.(type, this.#onPage);
    }
    this.#open();
    this.#plan();
  }

  // MARK: What applications use

  /** Without a token in it. */
  get state() {
    const h = this.#held;
    const active = this.#active;
    return {
      active, subject: active ? claims(h.access).sub : undefined,
      expiresAt: active ? h.until : undefined, sessionEndsAt: active ? h.ends : undefined,
    };
  }

  get token() {
    return this.#active ? this.#held.access : undefined;
  }

  async fetch(input, init = {}) {
    const request = typeof input === "object" && "headers" in input ? input : null;
    const kind = this.#kind(request?.url ?? input);
    const headers = new Headers(init.headers ?? request?.headers);
    if (!kind || headers.has(this.#field)) return this.#options.fetch(input, init);
    const plain = this.#cookies || kind === "open" ? { credentials: "include", ...init } : init;
    if (kind === "open") return this.#options.fetch(input, plain);

    const signal = init.signal ?? request?.signal;
    const isPoll = init.slide === false;
    if (isPoll && this.#settings.optOut) headers.set(this.#settings.optOut, "1");
    const body = init.body;
    const isStream = body?.getReader || body?.[Symbol.asyncIterator];
    const spare = request && body == null && request.body !== null ? request.clone() : request;
    const send = async (source) => {
      const sent = this.#depart(isPoll, (name, value) => headers.set(name, value));
      // A redirect would take a field of one's own along to wherever it leads.
      const redirect = this.#field === "Authorization" ? {} : { redirect: "error" };
      try {
        const response = await this.#options.fetch(source, { ...redirect, ...plain, headers });
        if (this.#isOurs(response.url)) this.#heed(sent, (name) => response.headers.get(name));
        return [sent, response];
      } finally {
        this.#land(sent);
      }
    };

    await this.#enter(isPoll, signal);
    const [sent, response] = await send(input);
    if (await this.#recover(sent, isPoll, signal, await refusal(response, this.#isOurs(response.url))) && !isStream) {
      response.body?.cancel().catch(() => {});
      const [again, second] = await send(spare ?? input);
      this.#judge(again, await refusal(second, this.#isOurs(second.url)));
      return second;
    }
    if (spare !== request) spare.body?.cancel().catch(() => {});
    return response;
  }

  attach(axios) {
    const request = axios.interceptors.request.use(async (config) => {
      const kind = this.#kind(axios.getUri(config), config.baseURL);
      const { headers } = config;
      if (kind && (this.#cookies || kind === "open")) config.withCredentials ??= true;
      const isRetry = config.slidegate?.isRetry;
      if (kind !== "api" || (headers.has(this.#field) && !isRetry)) return config;
      const isPoll = config.slide === false;
      if (isPoll && this.#settings.optOut) headers.set(this.#settings.optOut, "1");
      if (!isRetry) await this.#enter(isPoll, config.signal);
      config.slidegate = this.#depart(isPoll, (name, value) => headers.set(name, value));
      config.slidegate.isRetry = isRetry;
      return config;
    });
    const settle = async (response) => {
      const { config } = response;
      const sent = config?.slidegate;
      if (!(sent instanceof Departure)) return;
      this.#land(sent);
      const isOurs = this.#isOurs(response.request?.responseURL);
      if (!isOurs || !response.status) return;
      this.#heed(sent, (name) => response.headers[name.toLowerCase()]);
      const code = response.status === 401 ? await codeOf(response.data) : undefined;
      if (sent.isRetry) return this.#judge(sent, code);
      const { data, slide, signal } = config;
      if (await this.#recover(sent, slide === false, signal, code) && !data?.pipe && !data?.getReader) {
        sent.isRetry = true;
        return axios.request(config);
      }
    };
    const response = axios.interceptors.response.use(
      async (response) => (await settle(response)) ?? response,
      async (error) => {
        const again = await settle(error?.response ?? { config: error?.config });
        if (again) return again;
        throw error;
      },
    );
    return () => {
      axios.interceptors.request.eject(request);
      axios.interceptors.response.eject(response);
    };
  }

  /** Begins a session with what a login has given. */
  async start(given = {}) {
    let pair = given;
    let ends;
    if (typeof given.clone === "function") {
      const path = given.url && new URL(given.url).pathname;
      const login = this.#settings.login?.find((login) => login.path === path);
      pair = await this.#pair(given, (login ?? this.#settings.login?.[0] ?? this.#settings.refresh)?.answer);
      pair.access ??= this.#successor((name) => given.headers.get(name));
      const get = (name) => name && seconds(given.headers.get(name));
      pair.expiresIn ??= get(this.#settings.tokenExpiresIn);
      ends = get(this.#settings.sessionExpiresIn);
    }
    if (typeof pair.access !== "string" && !this.#cookies) throw new TypeError("There is no token in it.");
    this.#begin(pair, ends);
    return this.state;
  }

  /** Refreshes now. Whether there is a session with a live token then. */
  async refresh() {
    await this.#ready;
    return this.#isRefreshable(this.#held) && (await this.#refresh()) === "renewed";
  }

  /** Ends the session here and in all tabs at once, and then at the server. Whether that has confirmed it. */
  async logout({ everywhere = false } = {}) {
    const held = this.#held;
    this.#end("logout");
    const { logout, everywhere: all, refresh } = this.#settings;
    const endpoint = everywhere ? all : logout;
    const cookies = this.#cookies || refresh?.token === "cookie";
    if (!endpoint || (held?.over || !held) && !cookies) return false;
    const abort = new AbortController();
    const timer = setTimeout(() => abort.abort(), this.#options.timeout);
    try {
      return (await this.#call(endpoint, held, abort.signal, true)).ok;
    } catch {
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Lets go of timers, listeners and other tabs. The session itself goes on elsewhere. */
  close() {
    this.#closed = true;
    this.#abort?.abort();
    this.#held = null;
    clearTimeout(this.#timer);
    this.#hide();
    for (const target of [globalThis, globalThis.document]) {
      for (const type of ["pagehide", "pageshow", "storage", "visibilitychange", "resume"]) {
        target?.removeEventListener?.(type, this.#onPage);
      }
    }
  }

  // MARK: Requests

  /** "api": gets the token. "open": the login, which needs none. Undefined: not ours, which must never see one. */
  #kind(input, base = "") {
    try {
      const text = String(input);
      const isAbsolute = /^([a-z][a-z\d+.-]*:)?\/\//i;
      // An axios that did not put the two together will do so later.
      if (isAbsolute.test(base) && !isAbsolute.test(text)) return;
      const url = new URL(text, globalThis.document?.baseURI ?? globalThis.location?.href);
      if (this.#closed || url.origin !== this.#origin) return;
      return this.#settings.login?.some(({ path }) => path === url.pathname) || this.#settings.refresh?.path === url.pathname ? "open" : "api";
    } catch {
      // Not a URL: the real fetch says so.
    }
  }

  /** Whether an answer is the gateway's, and not of where a redirect led. */
  #isOurs(url) {
    return !url || new URL(url).origin === this.#origin;
  }

  /** Waits until there is a token to send, if one is to be had. */
  async #enter(isPoll, signal) {
    await unlessAborted(this.#ready, signal);
    const held = this.#held;
    if (!this.#active || this.#isAlive(held)) return;
    if (!this.#refreshing && (!this.#isRefreshable(held) || !this.#mayRefresh(isPoll))) return;
    const outcome = await unlessAborted(this.#refresh(), signal);
    if (outcome === "ended") throw new SessionEnded(this.#held?.over ?? "replaced");
    if (outcome === "failed" && !this.#isAlive(this.#held)) throw new RefreshFailed("The session could not be refreshed.");
  }

  #depart(isPoll, setField) {
    const held = this.#held;
    if (this.#active && !this.#cookies) {
      setField(this.#field, this.#field === "Authorization" ? `Bearer ${held.access}` : held.access);
    }
    const sent = new Departure(held, this.#options.now());
    if (!isPoll) {
      this.#flying.add(sent);
      if (!this.#used) {
        this.#used = true;
        this.#plan();
      }
    }
    return sent;
  }

  #land(sent) {
    if (this.#flying.delete(sent)) this.#plan();
  }

  /** Takes from an answer what it says about the session, if the request was of the present one. */
  #heed({ held: sent }, get) {
    const held = this.#held;
    if (held !== sent && !this.#isSame(sent)) return;
    const { tokenExpiresIn, sessionExpiresIn } = this.#settings;
    const left = seconds(tokenExpiresIn && get(tokenExpiresIn));
    const rest = seconds(sessionExpiresIn && get(sessionExpiresIn));
    const isFresh = /no-store/i.test(get("Cache-Control") ?? "");
    if (this.#cookies) {
      if (left === undefined || !isFresh || held?.over) return;
      const until = this.#options.now() + left * 1000;
      if (!held) {
        if (left) this.#begin({ expiresIn: left }, rest);
      } else if (until > (held.until ?? 0) + 1000) {
        this.#adopt({ ...held, ...this.#times(left, rest), exp: until });
      }
      return;
    }
    if (!this.#active) return;
    const token = this.#successor(get);
    const next = token ? claims(token) : {};
    const present = claims(held.access);
    if (next.exp > held.exp && (present.sid ? next.sid === present.sid : next.sub === present.sub && sent.access === held.access)) {
      this.#adopt({ ...held, access: token, exp: next.exp, ends: held.ends, ...this.#times(left ?? next.exp - next.iat, rest) });
    } else if (!token && isFresh && sent.access === held.access && left !== undefined) {
      this.#held = Object.freeze({ ...held, ...this.#times(left, rest), life: held.life });
      this.#plan();
    }
  }

  #successor(get) {
    const { deliver, header } = this.#settings;
    if (deliver === "header") return header && get(header);
    if (deliver === "authorization") return /^Bearer +(\S+)$/i.exec(get("Authorization") ?? "")?.[1];
  }

  /** Whether a refused request should be sent again. */
  async #recover(sent, isPoll, signal, code) {
    const { held } = sent;
    if (!this.#judge(sent, code)) return false;
    if (this.#hasMoved(held)) return true;
    this.#refused = held;
    if (!this.#refreshing && !this.#mayRefresh(isPoll) && this.#isRefreshable(held)) return false;
    if (!this.#isRefreshable(held)) {
      await unlessAborted(this.#ask(), signal);
      if (this.#isSame(held) && !this.#hasMoved(held)) this.#end("expired");
      return this.#isSame(held) && this.#hasMoved(held);
    }
    const outcome = await unlessAborted(this.#refresh(), signal);
    return outcome === "renewed" && this.#hasMoved(held);
  }

  /** Ends the session if the gateway says that it has ended. True: its token has, and there may be another. */
  #judge({ held }, code) {
    if (!code || this.#closed) return false;
    if (held ? !this.#isSame(held) : this.#held) return false;
    if (code === "token_expired" || (code === "token_missing" && (this.#cookies || !held))) {
      return !!held || this.#isRefreshable(held);
    }
    if (!held || !/^(token_revoked|session_expired)$/.test(code)) return false;
    if (this.#hasMoved(held)) return true;
    this.#end("revoked");
    return false;
  }

  // MARK: Refreshing

  #isRefreshable(held) {
    const { refresh } = this.#settings;
    if (!refresh || held?.over || this.#closed) return false;
    if (refresh.token === "cookie") return !!held || !this.#tried;
    return refresh.token === "access" ? !!held && !held.last && this.#isAlive(held) : !!held?.refresh;
  }

  /** Neither a poll nor a timer keeps alive what nobody uses. */
  #mayRefresh(isPoll) {
    return !isPoll || this.#options.proactive === "always";
  }

  /** One at a time, in all tabs. "renewed", "ended" or "failed"; never rejects. */
  #refresh() {
    return (this.#refreshing ??= this.#coordinate().finally(() => {
      this.#refreshing = this.#abort = null;
      this.#plan();
    }));
  }

  #coordinate() {
    const stale = this.#held;
    const abort = (this.#abort = new AbortController());
    const { locks, timeout } = this.#options;
    const done = this.#done;
    let isUnderWay = false;
    const attempt = async (isContended) => {
      isUnderWay = true;
      // Who waited for the lock is about to hear how it went; else a word from another tab may still be on its way.
      if (isContended || this.#heard || this.#options.storage) await this.#ask(isContended ? 1000 : 200, done);
      return abort.signal.aborted ? "failed" : this.#exchange(stale, abort);
    };
    const queue = async () => {
      try {
        if (!locks) return await attempt(false);
        const outcome = await locks.request(this.#name, { ifAvailable: true }, (lock) => lock && attempt(false));
        if (outcome) return outcome;
        const patience = setTimeout(() => abort.abort(), timeout * 3);
        try {
          return await locks.request(this.#name, { signal: abort.signal }, () => {
            clearTimeout(patience);
            return attempt(true);
          });
        } finally {
          clearTimeout(patience);
        }
      } catch {
        return isUnderWay || abort.signal.aborted ? "failed" : attempt(false);
      }
    };
    const aborted = new Promise((resolve) => abort.signal.addEventListener("abort", () => resolve("failed")));
    return Promise.race([queue(), aborted]).then((outcome) => {
      if (stale ? !this.#isSame(stale) : this.#held?.over) return "ended";
      if (this.#hasMoved(stale)) return "renewed";
      return outcome;
    });
  }

  async #exchange(stale, abort) {
    if (this.#held !== stale && (this.#hasMoved(stale) || !this.#isSame(stale))) return "renewed";
    const { refresh } = this.#settings;
    const timer = setTimeout(() => abort.abort(), this.#options.timeout);
    let response, pair;
    try {
      response = await this.#call(refresh, stale, abort.signal);
      if (response.ok) pair = await this.#pair(response, refresh.answer);
    } catch {
      // Away, too slow, aborted, or not the answer that was agreed on.
    } finally {
      clearTimeout(timer);
    }
    if (this.#closed || this.#held !== stale && !this.#isSame(stale)) return "ended";
    if (pair && (pair.access || this.#cookies)) {
      this.#failures = this.#notBefore = 0;
      return this.#take(stale, pair, response);
    }
    const status = response?.status ?? 0;
    if (!pair && status >= 400 && status < 500 && ![408, 425, 429].includes(status)) {
      this.#tried = true;
      if (this.#heard) await this.#ask();
      if (this.#hasMoved(stale)) return "renewed";
      if (stale && this.#isSame(stale)) this.#end("refused");
      return "ended";
    }
    const wait = Math.max(1000 * 2 ** Math.min(this.#failures++, 6), (seconds(response?.headers.get("Retry-After")) ?? 0) * 1000);
    this.#notBefore = this.#options.now() + wait;
    this.#post({ done: true });
    return "failed";
  }

  /** The next turn of the session, from the answer to a refresh. */
  #take(stale, pair, response) {
    const present = claims(stale?.access);
    const next = claims(pair.access);
    if (!stale || present.sub !== undefined && next.sub !== present.sub || present.sid && next.sid !== present.sid) {
      // Nothing was known, or the cookie is of somebody else by now.
      this.#begin(pair);
      return stale ? "ended" : "renewed";
    }
    const held = this.#held;
    const get = (name) => name && seconds(response.headers.get(name));
    const times = this.#times(
      pair.expiresIn ?? get(this.#settings.tokenExpiresIn) ?? next.exp - next.iat, get(this.#settings.sessionExpiresIn));
    if (this.#settings.refresh.token === "access" && !this.#cookies && !(next.exp > held.exp)) {
      // There is no more to be had.
      this.#held = Object.freeze({ ...held, last: true });
      return "failed";
    }
    this.#adopt({
      ...held, turn: held.turn + 1, exp: this.#cookies ? times.until ?? 0 : next.exp ?? 0, access: pair.access,
      refresh: pair.refresh ?? held.refresh, ends: undefined, ...times,
    });
    return "renewed";
  }

  /** A request of the module's own, with the tokens where they belong. No redirect may take them elsewhere. */
  #call({ path, method = "POST" }, held, signal, isLogout) {
    const { refresh } = this.#settings;
    const place = refresh?.token ?? "access";
    const headers = {};
    let body;
    const bearer = place === "bearer" ? held?.refresh : isLogout || place === "access" ? !this.#cookies && held?.access : null;
    if (bearer) {
      if (place === "bearer" || this.#field === "Authorization") headers.Authorization = `Bearer ${bearer}`;
      else headers[this.#field] = bearer;
    }
    if (place.form && held?.refresh) {
      body = new URLSearchParams({ ...(isLogout ? null : refresh.with), [place.form]: held.refresh });
    } else if (place.json && held?.refresh) {
      headers["Content-Type"] = "application/json";
      body = JSON.stringify({ ...(isLogout ? null : refresh.with), [place.json]: held.refresh });
    }
    return this.#options.fetch(new URL(path, this.#origin).href, {
      method, headers, body, signal, cache: "no-store", redirect: "error", keepalive: !!isLogout,
      credentials: this.#cookies || place === "cookie" ? "include" : "same-origin",
    });
  }

  async #pair(response, answer = {}) {
    const isJSON = answer.access || answer.refresh || answer.expiresIn;
    const json = isJSON ? await response.clone().json() : null;
    const read = (name) => dig(json, answer[name]) ?? (answer.headers?.[name] && response.headers.get(answer.headers[name]));
    const text = (name) => {
      const value = read(name);
      return typeof value === "string" && value ? value.replace(/^Bearer +/i, "") : undefined;
    };
    return { access: text("access"), refresh: text("refresh"), expiresIn: seconds(String(read("expiresIn"))) };
  }

  // MARK: The record

  get #active() {
    return !!this.#held && !this.#held.over;
  }

  #isAlive(held) {
    return held !== this.#refused && !(held.until <= this.#options.now());
  }

  /** Whether what a request was sent under is the session of now. */
  #isSame(held) {
    return this.#active && this.#held.epoch === held?.epoch;
  }

  /** Whether the session has another token by now. */
  #hasMoved(held) {
    const now = this.#held;
    if (!this.#active) return false;
    return !held || now.epoch !== held.epoch || now.turn > held.turn || now.access !== held.access || (this.#cookies && now.exp > held.exp);
  }

  #times(left, rest) {
    const now = this.#options.now();
    return {
      ...(left >= 0 && { until: now + left * 1000, life: left * 1000 }), ...(rest !== undefined && { ends: now + rest * 1000 }),
    };
  }

  #begin({ access, refresh, expiresIn }, ends) {
    const { exp, iat } = claims(access);
    const times = this.#times(expiresIn ?? exp - iat, ends);
    const epoch = Math.max(this.#options.now(), (this.#load()?.epoch ?? 0) + 1, (this.#held?.epoch ?? 0) + 1) + Math.random();
    this.#adopt({ epoch, turn: 0, exp: (this.#cookies ? times.until : exp) ?? 0, access, refresh, ...times });
  }

  #end(over) {
    const { epoch = this.#options.now() + Math.random(), turn = 0, exp = 0 } = this.#held ?? {};
    // That a token has expired is for each tab to see: another may know of a newer one.
    this.#adopt({ epoch, turn, exp, over }, over !== "expired");
  }

  /** The only place where one record follows another. Returns whether it was newer. */
  #adopt(record, isShared = true) {
    const old = this.#held;
    if (this.#closed || !newer(record, old)) return false;
    const was = this.#active;
    this.#held = Object.freeze(record);
    this.#used = !old || old.epoch !== record.epoch;
    if (isShared) {
      this.#save(record);
      this.#post({ record, done: true });
    }
    if (record.over || old?.epoch !== record.epoch) this.#abort?.abort();
    this.#plan();
    if (record.over) {
      if (was) this.#emit("ended", { reason: record.over });
    } else {
      this.#emit(was && old.epoch === record.epoch ? "renewed" : "started", { ...this.state, here: isShared });
    }
    return true;
  }

  #emit(type, detail) {
    this.dispatchEvent(Object.assign(new Event(type), { detail }));
  }

  // MARK: Time

  /** Does what is due, and sets the timer for what will be. */
  #plan() {
    clearTimeout(this.#timer);
    const held = this.#held;
    if (this.#closed || !this.#active || this.#refreshing || globalThis.document?.hidden || held.until === undefined) return;
    const { proactive, refreshBefore } = this.#options;
    const now = this.#options.now();
    const before = Math.min(refreshBefore < 1 ? refreshBefore * held.life : refreshBefore * 1000, held.life / 2);
    let due;
    if (this.#isRefreshable(held)) {
      if (!proactive || (proactive !== "always" && !this.#used)) return;
      due = Math.max(held.until - before, this.#notBefore);
      if (due <= now) return void this.#refresh();
    } else {
      const end = Math.min(held.until, held.ends ?? Infinity);
      // An answer under way may bring a successor.
      const isFlying = [...this.#flying].some((sent) => sent.at > now - 60000);
      if (end <= now && !isFlying) return void this.#lapse(held);
      if (end - before <= now && end > now && this.#warned !== held.exp) {
        this.#warned = held.exp;
        this.#emit("ending", { expiresAt: end });
      }
      due = end <= now ? now + 1000 : end - before > now ? end - before : end;
    }
    // Longer ones would fire at once.
    this.#timer = setTimeout(() => this.#plan(), Math.min(due - now, 2 ** 31 - 1));
    this.#timer.unref?.();
  }

  async #lapse(held) {
    await this.#ask();
    if (this.#held === held && held.until <= this.#options.now()) this.#end("expired");
  }

  // MARK: Other tabs

  #open() {
    if (this.#closed) return;
    try {
      this.#channel ??= this.#options.channel?.(this.#name) ?? null;
    } catch {
      // An opaque origin has no others.
    }
    if (this.#channel) {
      this.#channel.onmessage = ({ data }) => this.#hear(data);
      this.#channel.unref?.();
    }
    this.#ready = this.#ask();
  }

  #hide() {
    clearTimeout(this.#timer);
    this.#channel?.close();
    this.#channel = null;
  }

  #hear(message) {
    if (typeof message !== "object" || !message) return;
    this.#heard = true;
    if (isRecord(message.record)) this.#adopt(message.record, false);
    if (message.done) this.#done++;
    if (message.ask) this.#post({ record: this.#held });
    for (const waiter of this.#waiters) waiter();
  }

  #post(message) {
    try {
      this.#channel?.postMessage(message);
    } catch {
      // Closed meanwhile.
    }
  }

  /** Looks what storage and the other tabs know. Over when one knows better, or after a while. */
  #ask(limit = 200, done = this.#done) {
    const before = this.#held;
    const stored = this.#load();
    if (stored) this.#adopt(stored, false);
    const isNews = () => this.#held !== before || this.#done !== done;
    if (!this.#channel || isNews()) return Promise.resolve();
    this.#post({ ask: true });
    return new Promise((resolve) => {
      const waiter = () => isNews() && finish();
      const finish = () => {
        this.#waiters.delete(waiter);
        resolve();
      };
      this.#waiters.add(waiter);
      // In two steps: what arrived while this tab was busy comes in between.
      sleep(limit / 2).then(() => sleep(limit / 2)).then(finish);
    });
  }

  #load() {
    try {
      const record = JSON.parse(this.#options.storage?.getItem(this.#name) ?? null);
      return isRecord(record) ? Object.freeze(record) : null;
    } catch {
      return null;
    }
  }

  #save(record) {
    try {
      if (!newer(this.#load(), record)) this.#options.storage?.setItem(this.#name, JSON.stringify(record));
    } catch {
      // Full or forbidden: the tabs still have each other.
    }
  }

  #onPage = ({ type, key }) => {
    if (type === "pagehide") return this.#hide();
    if (type === "storage" && key !== this.#name) return;
    // A page that was frozen, or in the back/forward cache, may have missed something.
    if (type !== "visibilitychange") this.#open();
    this.#plan();
  };
}

/** A request on its way: the record it was sent under, and when. */
class Departure {
  constructor(held, at) {
    this.held = held;
    this.at = at;
  }
}

/** The gateway's reason for a 401, without taking the answer from who gets it. */
const refusal = async (response, isOurs) => {
  if (!isOurs || response.status !== 401 || !/problem\+json/.test(response.headers.get("Content-Type"))) return;
  return codeOf(await response.clone().text().catch(() => ""));
};

const codeOf = async (data) => {
  try {
    if (data?.code) return data.code;
    return JSON.parse(await new Response(data).text()).code;
  } catch {
    // Not the gateway's.
  }
};
