//! Slidegate, MIT licence

// A session is one record, which is never changed but replaced, and what follows what is decided in one place:
//
//   epoch    a login begins one. Later ones win, so nothing of an old session can touch a new one
//   over     why the session has ended. A logout wins over whatever else is known of its epoch
//   turn     a refresh begins one: the next pair of tokens
//   exp      of the access token: a renewal has a later one. With cookies: `until`
//   access, refresh    the tokens. With cookies: none
//   until, life, ends  the token's end, how long it was to live when it came, and the session's end; all in milliseconds
//
// `adopt` puts a record in the place of another, if it is newer, and is the only one that does. The tabs tell each other their
// records, and a request remembers the one that it was sent under. So nothing late, stale or foreign undoes what is known.
//
// Ends are counted by the local clock from when a number of seconds arrived. No clock is compared with another.

/** Why a request was not sent: its session has ended. */
export class SessionEnded extends Error {
  name = "SessionEnded";
  constructor(reason) {
    super(`session ended: ${reason}`);
    this.reason = reason;
  }
}

/** Why a request was not sent: its token has ended, and a refresh failed for now. */
export class RefreshFailed extends Error {
  name = "RefreshFailed";
}

/** See slidegate.d.ts. */
export function createSession(settings, options) {
  const { deliver, header, send, optOut, tokenExpiresIn, sessionExpiresIn, refresh: refreshing = {}, login = [], ...endpoints } = {
    deliver: "header", header: "X-Refresh-Token", send: "authorization", optOut: "X-No-Refresh",
    tokenExpiresIn: "X-Token-Expires-In", sessionExpiresIn: "X-Session-Expires-In", ...settings,
  };
  const { now, timeout, refreshBefore, proactive, locks, store, ...given } = {
    now: Date.now, timeout: 10000, refreshBefore: 0.2, proactive: true, locks: globalThis.navigator?.locks,
    channel: (name) => globalThis.BroadcastChannel && new BroadcastChannel(name),
    fetch: (...request) => fetch(...request), ...options,
  };
  const origin = new URL(settings?.origin ?? location.origin).origin;
  const name = `${given.name ?? "slidegate"} ${origin}`; // of the storage's item, the lock and the channel
  const inCookies = send === "cookie";
  const hasJar = inCookies || refreshing.token === "cookie";
  const field = send.header ?? "Authorization";
  const isBearer = field === "Authorization";
  const successorField = { header, authorization: "Authorization" }[deliver];
  const carrying = (access) => (isBearer ? `Bearer ${access}` : access);

  const successorIn = (get) => successorField && withoutScheme(get(successorField));

  // What applications see

  class Session extends EventTarget {
    fetch = sessionFetch;
    attach = attach;

    get state() {
      const { access, until, ends } = (isActive() && held) || {};
      return { active: isActive(), subject: claims(access).sub, expiresAt: until, sessionEndsAt: ends };
    }

    get token() {
      return isActive() ? held.access : undefined;
    }

    async start(tokens = {}) {
      const { headers, url = tokens.config?.url } = tokens;
      const get = (name) => headers?.get(name);
      let pair = tokens;
      if (headers) {
        const { answer } = { ...refreshing, ...(login.find(({ path }) => url?.endsWith(path)) ?? login[0]) };
        pair = await pairIn(tokens, answer).catch(() => ({}));
        pair.access ??= successorIn(get);
      }
      if (tokens.ok === false || (!inCookies && !withoutScheme(pair.access))) throw new TypeError("There is no token in it");
      begin(pair, get);
      return this.state;
    }

    async refresh() {
      await ready;
      return isRefreshable(held) && (await refresh()) === "renewed";
    }

    async logout({ everywhere } = {}) {
      if (!isActive()) await ready;
      const record = held;
      const endpoint = endpoints[everywhere ? "everywhere" : "logout"];
      end("logout");
      if (!endpoint || !(hasJar || record?.access)) return false;
      try {
        return (await call(endpoint, record, AbortSignal.timeout(timeout), true)).ok;
      } catch {
        return false;
      }
    }

    close() {
      hide();
      listening.abort();
      isClosed = true;
      held = null;
      abort?.abort();
    }
  }

  // Requests

  /** "api": goes with the token. "open": gets one. Else it is not ours and must never see one. */
  const kindOf = (url, base = "") => {
    const isAbsolute = /^([a-z][a-z\d+.-]*:)?\/\//i;
    try {
      // Where axios has not put the two together here, it will later.
      if (isAbsolute.test(base) && !isAbsolute.test(url)) return;
      const target = new URL(url, globalThis.document?.baseURI ?? globalThis.location?.href);
      if (target.origin !== origin || isClosed) return;
      return [...login, refreshing].some(({ path }) => path === target.pathname) ? "open" : "api";
    } catch {
      // No URL: whoever sends it will say so.
    }
  };

  /** Waits for what other tabs know, and for a live token if one is to be had. Returns the record that the request is bound to. */
  const enter = async (isPoll, signal) => {
    const before = isActive() && held;
    // A cookie is there, whatever the others know.
    if (before || !inCookies) await unlessAborted(ready, signal);
    const bound = before || (isActive() && held);
    const isDue = isActive() && !isAlive(held) && mayRefresh(held, isPoll);
    if (isDue && (await unlessAborted(refresh(), signal)) === "failed") throw new RefreshFailed("no live token");
    return bound;
  };

  /** The last step before a request goes out. None goes in the name of who came while it waited. */
  const depart = (bound, isPoll, isRetry, headers) => {
    if (bound && !isSame(bound)) throw new SessionEnded(held?.over ?? "replaced");
    if (isPoll && optOut) headers.set(optOut, "1");
    const { access } = (isActive() && held) || {};
    if (access) headers.set(field, carrying(access));
    const sent = { record: held, isPoll, isRetry, at: now() };
    if (!isPoll) {
      flying.add(sent);
      isUsed = true;
    }
    return sent;
  };

  /** Takes in an answer. Whether to send the request again, with another token. */
  const digest = async (sent, { url, status, get, content, signal }) => {
    // What comes from where a redirect led is none of ours.
    if (url && new URL(url).origin !== origin) return false;
    heed(sent, get);
    if (status !== 401 || !/problem\+json/.test(get("Content-Type"))) return false;
    const { code } = (await content().catch(() => null)) ?? {};
    return recover(sent, code, signal);
  };

  const land = (sent) => {
    if (flying.delete(sent)) plan();
  };

  const sessionFetch = async (input, init = {}) => {
    const request = input?.headers ? input : null;
    const target = request ?? `${input}`; // a URL may change while this waits
    const kind = kindOf(target.url ?? target);
    const headers = new Headers(init.headers ?? request?.headers);
    if (!kind || headers.has(field)) return given.fetch(input, init);
    const options = { ...(hasJar && { credentials: "include" }), ...init };
    if (kind === "open") return given.fetch(input, options);

    const isPoll = init.slide === false;
    const signal = init.signal ?? request?.signal;
    const spare = request && init.body == null && request.body !== null ? request.clone() : request;
    // A redirect takes a field of one's own along, wherever it leads; `Authorization` it does not.
    if (!isBearer) options.redirect ??= "error";

    const attempt = async (what, bound, isRetry) => {
      const sent = depart(bound, isPoll, isRetry, headers);
      try {
        const response = await given.fetch(what, { ...options, headers });
        const { url, status } = response;
        const content = () => response.clone().json();
        const isAgain = await digest(sent, { url, status, get: (name) => response.headers.get(name), content, signal });
        return { response, isAgain, record: sent.record };
      } finally {
        land(sent);
      }
    };

    const { response, isAgain, record } = await attempt(target, await enter(isPoll, signal));
    const isFinal = !isAgain || isStream(init.body) || (record && !isSame(record));
    return isFinal ? response : (await attempt(spare ?? target, record, true)).response;
  };

  const attach = (axios) => {
    const { request, response } = axios.interceptors;
    const outward = request.use(async (config) => {
      const { headers, slidegate } = config;
      const kind = kindOf(axios.getUri(config), config.baseURL);
      if (kind && hasJar) config.withCredentials ??= true;
      const { record, isRetry } = slidegate?.() || {};
      if (kind !== "api" || (headers.has(field) && !isRetry)) return config;
      const isPoll = config.slide === false;
      const sent = depart(isRetry ? record : await enter(isPoll, config.signal), isPoll, isRetry, headers);
      // A function shows no token to whoever prints the request.
      config.slidegate = () => sent;
      // Last of all: other interceptors may have moved it to another origin.
      config.transformRequest = [].concat(config.transformRequest ?? [], function (data, headers) {
        if (kindOf(axios.getUri(this), this.baseURL) !== "api") headers.delete(field);
        return data;
      });
      return config;
    });

    /** The answer to a second try, if there is one. */
    const settle = async ({ config, status, data, headers, request }) => {
      const sent = config?.slidegate?.();
      if (!sent) return;
      const url = request?.responseURL ?? request?.res?.responseUrl;
      const get = (name) => headers.get(name);
      const content = async () => (isStream(data) || data?.code ? data : new Response(data).json());
      try {
        sent.isRetry = status && (await digest(sent, { url, status, get, content, signal: config.signal })) && !isStream(config.data);
      } finally {
        land(sent);
        // Or it would be where errors are printed, and in what is sent again elsewhere.
        config.headers.delete(field);
      }
      if (sent.isRetry) return axios.request(config);
    };
    const inward = response.use(
      async (response) => (await settle(response)) ?? response,
      async (error) => {
        const second = await settle(error?.response ?? { config: error?.config });
        if (second) return second;
        throw error;
      },
    );
    return () => {
      request.eject(outward);
      response.eject(inward);
    };
  };

  /** Takes what an answer says about the session, if it is the one of now. */
  const heed = ({ record: sent }, get) => {
    const times = timesOf(get);
    // A stored answer may be of any age.
    const isFresh = times.life >= 0 && /no-store/i.test(get("Cache-Control"));
    if (inCookies) {
      if (!isFresh) return;
      if (!held && times.life) begin({}, get);
      else if (isSame(sent) && !(times.until <= held.until + 1000)) adopt({ ...held, ...times, exp: times.until });
    } else if (isSame(sent)) {
      const token = successorIn(get);
      const [mine, next] = [claims(held.access), claims(token)];
      const isOfSession = mine.sid ? next.sid === mine.sid : next.sub === mine.sub && sent.access === held.access;
      if (next.exp > held.exp && isOfSession) {
        adopt({ ...held, ...timesOf(get, next.exp - next.iat), access: token, exp: next.exp });
      } else if (isFresh && !token && sent.access === held.access) {
        held = { ...held, ...times, life: held.life ?? times.life };
        plan();
      }
    }
  };

  /** What follows from the code of a 401. Whether to try once more, with another token. */
  const recover = async ({ record, isPoll, isRetry }, code, signal) => {
    const isExpired = code === "token_expired" || (code === "token_missing" && (inCookies || !record));
    const isOver = code === "token_revoked" || code === "session_expired";
    const isStill = () => (record ? isSame(record) : !held?.over);
    if ((!isExpired && !isOver) || !isStill()) return false;
    if (!hasMoved(record)) {
      if (isOver && record) end(code === "token_revoked" ? "revoked" : "expired");
      if (isOver || isRetry) return false;
      refused = record;
      if (mayRefresh(record, isPoll)) {
        await unlessAborted(refresh(), signal);
      } else if (record && !isRefreshable(record)) {
        await unlessAborted(ask(), signal);
        if (isStill() && !hasMoved(record)) end("expired");
      }
    }
    return !isRetry && isStill() && hasMoved(record);
  };

  // Refreshing

  let refused = null; // a record whose token was refused as expired, whatever the clock says
  let isBarren = false; // without a record: whether a refresh by cookie was refused
  let underWay = null; // the refresh under way: a promise
  let abort = null; // what ends it
  let failures = 0;
  let notBefore = 0; // when the timer may refresh again

  const isRefreshable = (record) => {
    const { token } = refreshing;
    if (!token || record?.over) return false;
    if (token === "cookie") return !!record || !isBarren;
    return token === "access" ? !!record && !record.isLast && isAlive(record) : !!record?.refresh;
  };

  /** Whether a request may wait for a refresh. A poll does not cause one: it is no use of the session. */
  const mayRefresh = (record, isPoll) => underWay || (isRefreshable(record) && (!isPoll || proactive === "always"));

  /** One at a time, in all tabs. "renewed", "ended" or "failed"; never rejects. */
  const refresh = () =>
    (underWay ??= coordinate(held).finally(() => {
      underWay = abort = null;
      plan();
    }));

  const coordinate = async (stale) => {
    const controller = (abort = new AbortController());
    const aborted = new Promise((resolve) => controller.signal.addEventListener("abort", resolve));
    let work;
    const attempt = () => (work ??= exchange(stale, controller));
    // Who keeps the lock for so long has been put to sleep. The server's grace covers what may come of it.
    const locked = locks ? locks.request(name, { signal: AbortSignal.timeout(timeout) }, attempt).catch(attempt) : attempt();
    await Promise.race([locked, aborted]);
    if (stale ? !isSame(stale) : !isActive()) return "ended";
    return hasMoved(stale) ? "renewed" : "failed";
  };

  /** Refreshes, unless another tab has. How it went is in the record. */
  const exchange = async (stale, controller) => {
    const isCurrent = () => (stale ? isSame(stale) : !held) && !hasMoved(stale);
    // Whoever had the lock before has told the result before anything that it tells from now on.
    if (isCurrent()) await ask();
    if (!isCurrent()) return;
    const timer = setTimeout(() => {
      backOff();
      controller.abort();
    }, timeout);
    let response, pair;
    try {
      response = await call(refreshing, stale, controller.signal);
      if (response.ok) pair = await pairIn(response, refreshing.answer);
    } catch {
      // Away, too slow, ended, or not the answer that was agreed on.
    }
    clearTimeout(timer);
    if (!isCurrent()) return;

    const get = (name) => response?.headers.get(name);
    if (pair && (pair.access || inCookies)) {
      failures = 0;
      notBefore = now() + 1000;
      take(stale, pair, get);
    } else if (/^4(?!08|25|29)/.test(response?.status)) {
      isBarren = true;
      await ask();
      if (stale && isCurrent()) end("refused");
    } else if (!controller.signal.aborted) {
      backOff(seconds(get("Retry-After")));
    }
  };

  /** Keeps the timer from trying again too soon. */
  const backOff = (least = 0) => {
    notBefore = now() + 1000 * Math.max(2 ** Math.min(failures++, 6), least);
  };

  const take = (stale, pair, get) => {
    const [mine, next] = [claims(stale?.access), claims(pair.access)];
    if (!stale || (mine.sub && mine.sub !== next.sub) || (mine.sid && mine.sid !== next.sid)) {
      // Nothing was known, or the cookie is somebody else's by now.
      begin(pair, get);
    } else if (refreshing.token === "access" && next.exp <= held.exp) {
      // The session's end is reached: there is no more to be had.
      held = { ...held, isLast: true };
    } else {
      adopt({ ...recordOf(pair, get), epoch: held.epoch, turn: held.turn + 1, refresh: pair.refresh ?? held.refresh });
    }
  };

  /** A request of our own, with the tokens where they belong. */
  const call = ({ path, method = "POST" }, record, signal, isLogout) => {
    const { access, refresh } = record ?? {};
    const { token = "access", with: members } = refreshing;
    const member = token.form ?? token.json;
    const headers = {};
    let body;
    if (refresh && member) {
      const content = { ...members, [member]: refresh };
      body = token.form ? new URLSearchParams(content) : JSON.stringify(content);
      if (token.json) headers["Content-Type"] = "application/json";
    }
    if (refresh && token === "bearer") headers.Authorization = `Bearer ${refresh}`;
    else if (access && (isLogout || token === "access")) headers[field] = carrying(access);
    return given.fetch(origin + path, {
      // No redirect takes them elsewhere.
      method, headers, body, signal, redirect: "error", keepalive: isLogout,
      credentials: hasJar ? "include" : "same-origin",
    });
  };

  /** The tokens in the answer to a login or a refresh. */
  const pairIn = async (response, { headers = {}, ...members } = {}) => {
    const content = Object.keys(members).length ? response.data ?? (await response.clone().json()) : null;
    const read = (name) =>
      headers[name] ? response.headers.get(headers[name]) : members[name]?.reduce((inner, key) => inner?.[key], content);
    return { access: withoutScheme(read("access")), refresh: withoutScheme(read("refresh")), expiresIn: seconds(read("expiresIn")) };
  };

  // The record

  let held = null;
  let isUsed = false; // whether anything was asked for since the record came
  let isClosed = false;

  const isActive = () => !!held && !held.over;

  const isAlive = (record) => record !== refused && !(record.until <= now());

  /** Whether it is of the session of now. */
  const isSame = (record) => isActive() && held.epoch === record?.epoch;

  /** Whether the session has another token by now. */
  const hasMoved = (record) =>
    isActive() && (!record || held.turn !== record.turn || held.exp !== record.exp);

  /** From the relative fields, else from the seconds given. */
  const timesOf = (get, left) => {
    const read = (name) => (name ? seconds(get(name)) : undefined);
    const rest = read(sessionExpiresIn);
    const life = Math.min(read(tokenExpiresIn) ?? left, rest ?? Infinity) * 1000;
    return { ...(life >= 0 && { until: now() + life, life }), ...(rest >= 0 && { ends: now() + rest * 1000 }) };
  };

  const recordOf = ({ access, refresh, expiresIn }, get) => {
    const { exp, iat } = claims(access);
    const times = timesOf(get, expiresIn ?? exp - iat);
    return { turn: 0, exp: (inCookies ? times.until : exp) ?? 0, access: inCookies ? undefined : access, refresh, ...times };
  };

  const begin = (pair, get) => {
    const epochs = [held, load()].map((record) => (record?.epoch ?? 0) + 1);
    adopt({ ...recordOf(pair, get), epoch: Math.max(now(), ...epochs) + Math.random() });
  };

  const end = (over) => {
    const { epoch = now(), turn = 0, exp = 0 } = held ?? {};
    // That a token has expired is for each tab to see: another may know of a newer one.
    adopt({ epoch, turn, exp, over }, over !== "expired");
  };

  /** The only place where one record follows another. */
  const adopt = (record, isMine = true) => {
    const stored = isMine && load();
    if (newer(stored, record)) [record, isMine] = [stored, false];
    if (isClosed || !newer(record, held)) return;
    const isOther = held?.epoch !== record.epoch;
    const wasActive = isActive();
    held = record;
    isUsed = isOther;
    if (isMine) {
      ready = null;
      post({ record });
      try {
        storage()?.setItem(name, JSON.stringify(record));
      } catch {
        // Full or forbidden: the tabs still have each other.
      }
    }
    if (isOther || record.over) abort?.abort();
    plan();
    if (!record.over) emit(wasActive && !isOther ? "renewed" : "started", { ...session.state, here: isMine });
    else if (wasActive) emit("ended", { reason: record.over });
  };

  const emit = (type, detail) => session.dispatchEvent(Object.assign(new Event(type), { detail }));

  // Time

  const flying = new Set(); // requests under way that may bring a successor
  let timer;
  let warned; // `exp` of the token whose end was announced

  /** Does what is due, and sets the timer for what will be. */
  const plan = (hasAsked) => {
    clearTimeout(timer);
    const { until, life, exp } = held ?? {};
    if (!isActive() || underWay || until === undefined || globalThis.document?.hidden) return;
    let due = until - Math.min(refreshBefore < 1 ? refreshBefore * life : refreshBefore * 1000, life / 2);
    // By itself an access token can be refreshed as long as it lives; with anything else there is no end but a refusal.
    const isEndless = isRefreshable(held) && refreshing.token !== "access";
    if (isRefreshable(held) && proactive && (isUsed || proactive === "always") && (isEndless || notBefore < until)) {
      due = Math.max(due, notBefore);
      if (due <= now()) return void refresh();
    } else if (isEndless) {
      return;
    } else if (until <= now()) {
      // An answer under way may bring a successor, and another tab may have one.
      if (![...flying].some(({ at }) => at > now() - 60000)) return hasAsked ? end("expired") : void ask().then(() => plan(true));
      due = now() + 1000;
    } else if (due <= now()) {
      if (warned !== exp) {
        warned = exp;
        emit("ending", { expiresAt: until });
        return plan();
      }
      due = until;
    }
    // A longer one would fire at once.
    timer = setTimeout(() => plan(), Math.min(due - now(), 2 ** 31 - 1));
    timer.unref?.();
  };

  // Other tabs

  const id = Math.random();
  const peers = new Set(); // ids of other tabs
  const waiters = new Set(); // who listens to what they say
  let channel = null;
  let ready; // over when the other tabs had time to tell what they know

  const open = () => {
    try {
      channel ??= given.channel?.(name) ?? null;
    } catch {
      // There are no others where there is no origin.
    }
    if (channel) {
      channel.onmessage = ({ data }) => hear(data ?? {});
      channel.unref?.();
    }
    ready = ask(true);
  };

  const hide = () => {
    clearTimeout(timer);
    post({ isLeaving: true });
    channel?.close();
    channel = null;
  };

  const turnPage = ({ type, key, persisted }) => {
    if (type === "storage" && key === name) adopt(load(), false);
    // With an open channel there is no back/forward cache.
    if (type === "pagehide") return hide();
    if (persisted || type === "resume") open();
    plan();
  };

  const post = (message) => {
    try {
      channel?.postMessage({ from: id, ...message });
    } catch {
      // What cannot be sent is no token.
    }
  };

  const hear = ({ from, to, ask, record, isLeaving }) => {
    peers[isLeaving ? "delete" : "add"](from);
    adopt(record, false);
    if (ask) post({ to: ask, record: held });
    for (const waiter of waiters) waiter(from, to);
  };

  /** Looks what storage and the other tabs know. Over when there is news, when all known tabs have answered, or after a while. */
  const ask = async (isFirst) => {
    const before = held;
    adopt(load(), false);
    const missing = new Set(peers);
    if (!channel || !(isFirst || (missing.size && held === before))) return;
    const question = Math.random();
    await new Promise((resolve) => {
      const waiter = (from, to) => {
        if (to === question) missing.delete(from);
        if (held !== before || !(isFirst || missing.size)) resolve(waiters.delete(waiter));
      };
      waiters.add(waiter);
      post({ ask: question });
      // Without a cookie, a page that hears of no session has none, and nothing to be in a hurry for.
      setTimeout(() => {
        if (waiters.delete(waiter)) for (const peer of missing) peers.delete(peer);
        resolve();
      }, !isFirst ? 400 : hasJar ? 100 : 300);
    });
  };

  const storage = () => (store !== "local" || inCookies ? null : given.storage ?? localStorage);

  const load = () => {
    try {
      return JSON.parse(storage()?.getItem(name));
    } catch {
      return null;
    }
  };

  // Beginning

  const session = new Session();
  const listening = new AbortController();
  for (const [target, ...types] of [[globalThis, "pagehide", "pageshow", "storage"], [globalThis.document, "visibilitychange", "resume"]]) {
    for (const type of types) target?.addEventListener?.(type, turnPage, { signal: listening.signal });
  }
  adopt(load(), false);
  open();
  if (held) ready = null;
  plan();
  return session;
}

/** What decides between two records, the weightiest first. */
const rank = ({ epoch = 0, over, turn = 0, exp = 0 }) => [epoch, over === "logout", turn, exp, !!over].map(Number);

/** Whether record a follows record b. What is no record follows nothing. */
const newer = (a, b) => {
  if (![a?.epoch, a?.turn, a?.exp].every(Number.isFinite)) return false;
  const [mine, theirs] = [rank(a), rank(b ?? {})];
  const place = mine.findIndex((value, index) => value !== theirs[index]);
  return mine[place] > theirs[place];
};

/** Only compared: who verifies tokens is elsewhere. */
const claims = (token) => {
  try {
    const bytes = Uint8Array.from(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/")), (byte) => byte.charCodeAt());
    return JSON.parse(new TextDecoder().decode(bytes)) ?? {};
  } catch {
    return {};
  }
};

/** What is there, as a token. */
const withoutScheme = (value) => value?.replace?.(/^Bearer +/i, "") || undefined;

const seconds = (value) => (/^\d{1,10}$/.test(value) ? Number(value) : undefined);

const isStream = (body) => !!(body?.getReader || body?.pipe || body?.[Symbol.asyncIterator]);

/** The promise, unless the signal is quicker. */
const unlessAborted = (promise, signal) =>
  !signal ? promise : new Promise((resolve, reject) => {
    const abort = () => reject(signal.reason);
    if (signal.aborted) abort();
    signal.addEventListener("abort", abort, { once: true });
    Promise.resolve(promise).then(resolve, reject).finally(() => signal.removeEventListener("abort", abort));
  });
