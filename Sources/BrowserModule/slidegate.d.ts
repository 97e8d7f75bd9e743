/**
 * Keeps a session alive while it is used: attaches the token to requests, takes its successors from answers, refreshes it before
 * its end, repeats what met the end, and does so once for all tabs.
 *
 * ```js
 * import session from "https://api.example/slidegate/session.js";   // or createSession(settings)
 *
 * await session.start(await fetch("/login", { method: "POST", body }));
 * const answer = await session.fetch("/api/orders");
 * session.addEventListener("ended", () => location.assign("/login"));
 * ```
 */
export function createSession(settings?: Settings, options?: Options): Session;

export interface Session extends EventTarget {
  /**
   * As the global `fetch`, whose answers and errors it hands on. Requests to other origins, and such as have the token's field
   * already, go out untouched. `slide: false` marks a poll: it keeps no session alive.
   *
   * A request waits while there is no live token and one is being fetched; its `signal` is obeyed meanwhile. A 401 that
   * says that the token has expired is met by one refresh and one repetition, unless the content is a stream. Any other
   * 401 is the caller's.
   *
   * @throws {SessionEnded} The session ended, or another user's began, while the request waited. It has not been sent.
   * @throws {RefreshFailed} The token has ended, and none could be had for now. It has not been sent.
   */
  fetch(input: RequestInfo | URL, init?: RequestInit & { slide?: boolean }): Promise<Response>;

  /**
   * Does the same for the requests of an axios instance (1.x), by interceptors; `slide: false` in a request's `config` marks a poll.
   * @returns What takes the interceptors out again.
   */
  attach(axios: Axios): () => void;

  /**
   * Begins a session, in all tabs, with what a login has given: the tokens, or its answer, of `fetch` or of axios, which stays
   * readable. With cookies there is nothing to give, but the answer may tell the end.
   * @throws {TypeError} There is no token in it, or the login failed; what was before goes on.
   */
  start(given?: Tokens | Response | AxiosAnswer): Promise<State>;

  /** Refreshes now. After a page load, a session whose refresh token is a cookie is found this way. @returns Whether there is a new token. */
  refresh(): Promise<boolean>;

  /**
   * Ends the session: here and in all tabs at once, then at the server. No answer still under way brings it back.
   * @returns Whether the server confirmed it. If not, it is over here all the same.
   */
  logout(options?: { everywhere?: boolean }): Promise<boolean>;

  readonly state: State;

  /** For what is no request, such as a WebSocket. Undefined with cookies. */
  readonly token: string | undefined;

  /** Lets go of timers, listeners and tabs. The session goes on in the others. */
  close(): void;

  addEventListener<K extends keyof SessionEvents>(
    type: K, listener: (event: SessionEvents[K]) => void, options?: boolean | AddEventListenerOptions): void;
  addEventListener(
    type: string, listener: EventListenerOrEventListenerObject | null, options?: boolean | AddEventListenerOptions): void;
}

export interface SessionEvents {
  /** There is a session, or another one: a login, here or in another tab. */
  started: Event & { readonly detail: State & { readonly here: boolean } };
  /** The session has a later end: a renewed or refreshed token, got here or by another tab. */
  renewed: Event & { readonly detail: State & { readonly here: boolean } };
  /** The session is about to end, and only a request can prevent it. Once for each token. */
  ending: Event & { readonly detail: { readonly expiresAt: number } };
  /** The session is over for good: go to the login. Once a session. */
  ended: Event & { readonly detail: { readonly reason: EndReason } };
}

/** It was not used until its end, or has reached its cap; the server revoked it; it was logged out; a refresh was refused. */
export type EndReason = "expired" | "revoked" | "logout" | "refused";

/** Times are milliseconds of the local clock, counted from when they were told, so a wrong clock does no harm. */
export interface State {
  readonly active: boolean;
  /** `sub` of the token. */
  readonly subject?: string;
  readonly expiresAt?: number;
  readonly sessionEndsAt?: number;
}

export interface Tokens {
  access?: string;
  refresh?: string;
  /** Seconds. */
  expiresIn?: number;
}

/** How a gateway speaks. The gateway itself writes this as `session.js`; what is left out is as its defaults are, and `null` is not there. */
export interface Settings {
  /** The only origin that ever gets the token. Default: the page's. */
  origin?: string;
  /** How a successor comes. */
  deliver?: "header" | "authorization" | "cookie" | null;
  header?: string | null;
  /** How the token is sent. */
  send?: "authorization" | "cookie" | { header: string };
  optOut?: string | null;
  tokenExpiresIn?: string | null;
  sessionExpiresIn?: string | null;
  refresh?: Endpoint & {
    /** Where the request has the refresh token; `"access"`: the access token is presented. */
    token: { form: string } | { json: string } | "cookie" | "bearer" | "access";
    /** Further members of the form or the object. */
    with?: Record<string, string>;
    answer: Answer;
  };
  logout?: Endpoint;
  everywhere?: Endpoint;
  /** Paths that need no token. */
  login?: (Endpoint & { answer?: Answer })[];
}

export interface Endpoint {
  path: string;
  /** Default: POST. */
  method?: string;
}

/** Where an answer has the tokens: the names of members of its JSON, from the outside in, or of fields. */
export interface Answer {
  access?: string[];
  refresh?: string[];
  expiresIn?: string[];
  headers?: { access?: string; refresh?: string; expiresIn?: string };
}

export interface Options {
  /** Where tokens are kept: by the tabs alone, or in `localStorage`, where they outlive the last one. Default: memory. */
  store?: "memory" | "local";
  /** Of the storage, the lock and the channel that tabs share. Default: made of the origin. */
  name?: string;
  /** When a token is refreshed: a share of its life, or seconds before its end. Default: 0.2. */
  refreshBefore?: number;
  /**
   * Whether a timer refreshes before the end. True: if something was asked for since the last time, so that an open page alone keeps
   * no session alive; polls do not count. `"always"`: as long as a page is visible. False: only requests do.
   * Default: true.
   */
  proactive?: boolean | "always";
  /** Milliseconds that a refresh or logout may take. Default: 10000. */
  timeout?: number;
  /** In place of the browser's own, for tests. */
  fetch?: typeof fetch;
  now?: () => number;
  locks?: LockManager | null;
  storage?: Storage | null;
  channel?: ((name: string) => BroadcastChannel | null) | null;
}

/** Why a request was not sent: its session has ended. */
export class SessionEnded extends Error {
  readonly reason: EndReason | "replaced";
}

/** Why a request was not sent: its token has ended, and none could be had for now. */
export class RefreshFailed extends Error {}

/** What is used of an answer of axios. */
export interface AxiosAnswer {
  data: any;
  headers: any;
}

/** What is used of an axios instance. */
export interface Axios {
  getUri(config?: any): string;
  request(config: any): Promise<any>;
  interceptors: {
    request: { use(onFulfilled: (config: any) => any): number; eject(id: number): void };
    response: { use(onFulfilled: (response: any) => any, onRejected: (error: any) => any): number; eject(id: number): void };
  };
}
