// A gateway as a page sees it: a real HTTP server that speaks the wire of each preset. Its words are written out here once more, so that a
// mistake in the presets shows.

import http from "node:http";
import { once } from "node:events";

const encode = (object) => Buffer.from(JSON.stringify(object)).toString("base64url");

export const mint = (claims) => `${encode({ alg: "HS256", typ: "JWT" })}.${encode(claims)}.c2lnbmF0dXJl`;

export const claimsOf = (token) => {
  try {
    return JSON.parse(Buffer.from(token.split(".")[1], "base64url"));
  } catch {
    return {};
  }
};

/** How each preset asks for a refresh, and is answered. */
const wires = {
  oauth2: {
    path: "/oauth/token",
    token: ({ form }) => (form.get("grant_type") === "refresh_token" ? form.get("refresh_token") : undefined),
    answer: ({ access, refresh, lifetime }) => ({ access_token: access, token_type: "Bearer", expires_in: lifetime, refresh_token: refresh }),
    refusal: 400,
  },
  simplejwt: {
    path: "/api/token/refresh/",
    token: ({ json }) => json.refresh,
    answer: ({ access, refresh }) => ({ access, refresh }),
    refusal: 401,
  },
  express: {
    path: "/refresh-token",
    token: ({ json }) => json.refreshToken,
    answer: ({ access, refresh }) => ({ code: 200, message: "Token refreshed", data: { access_token: access, refresh_token: refresh } }),
    refusal: 403,
  },
  cookie: {
    path: "/refresh",
    token: ({ cookies }) => cookies["__Host-refresh"],
    answer: ({ access, lifetime }) => ({ access_token: access, token_type: "Bearer", expires_in: lifetime }),
    refusal: 401,
  },
  "bearer-refresh": {
    path: "/refresh-token",
    token: ({ bearer }) => bearer,
    answer: ({ access, refresh }) => ({ accessToken: access, refreshToken: refresh }),
    refusal: 401,
  },
  "bearer-access": {
    path: "/api/auth/refresh-token",
    token: ({ bearer }) => bearer,
    answer: ({ access }) => ({ access_token: access, token_type: "bearer" }),
    refusal: 401,
  },
};

export class Gateway {
  /** Every request, as { method, path, headers, content, token }. */
  requests = [];
  refreshes = 0;
  /** Refreshes with a token that was used up before the last one: what a gateway takes for theft. */
  reuses = 0;
  /** What answers a path in place of the gateway: (request, response) => … */
  routes = new Map();
  #sessions = new Map();
  #serial = 0;

  /**
   * @param clock its time
   * @param wire a preset
   * @param lifetime of access tokens, in seconds
   * @param sliding how successors come: undefined, "header", "authorization" or "cookie"
   * @param buffer the seconds before a token's end in which it is renewed
   * @param rotates whether a refresh uses its token up and gives another
   * @param tells on which answers the seconds are told: "renewed" or "all"
   */
  static async start(clock, { wire = "oauth2", lifetime = 60, sliding, buffer = 20, tells = "renewed", inCookies = false, field, rotates = true } = {}) {
    const gateway = new Gateway();
    Object.assign(gateway, { clock, wire, lifetime, sliding, buffer, tells, inCookies, field, rotates });
    gateway.server = http.createServer((request, response) => gateway.#serve(request, response));
    gateway.server.listen(0, "127.0.0.1");
    await once(gateway.server, "listening");
    gateway.origin = `http://127.0.0.1:${gateway.server.address().port}`;
    return gateway;
  }

  close() {
    this.server.closeAllConnections();
    this.server.close();
  }

  get now() {
    return Math.floor(this.clock.now / 1000);
  }

  /** The requests to a path, answered or not. */
  to(path) {
    return this.requests.filter((request) => request.path === path);
  }

  /** A session, as a login would begin it: its pair. */
  login(sub = "alice", more = {}) {
    const sid = `s${++this.#serial}`;
    this.#sessions.set(sid, { sub, turn: 0, more });
    return this.#pair(sid);
  }

  revoke(token) {
    this.#sessions.get(claimsOf(token).sid).isRevoked = true;
  }

  /** Makes requests to `path` wait. Returns what lets them go, on to an answer of one's own where one is given. */
  hold(path, answer) {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    this.routes.set(path, async (request, response) => {
      await released;
      this.routes.delete(path);
      return answer ? answer(request, response) : this.#answer(request, response);
    });
    return release;
  }

  #pair(sid) {
    const { sub, turn, more } = this.#sessions.get(sid);
    const access = mint({ sub, sid, iat: this.now, exp: this.now + this.lifetime, jti: `${sid}.${turn}.${++this.#serial}`, ...more });
    return { access, refresh: `${sid}~${turn}`, lifetime: this.lifetime };
  }

  async #serve(message, response) {
    const chunks = [];
    try {
      for await (const chunk of message) chunks.push(chunk);
    } catch {
      return;
    }
    const content = Buffer.concat(chunks).toString();
    const { method, headers } = message;
    const path = new URL(message.url, "http://x").pathname;
    const cookies = Object.fromEntries((headers.cookie ?? "").split("; ").map((pair) => pair.split("=")));
    const bearer = /^Bearer (.+)$/.exec(headers.authorization ?? "")?.[1];
    const token = this.inCookies ? cookies["__Host-token"] : this.field ? headers[this.field.toLowerCase()] : bearer;
    const isJSON = /json/.test(headers["content-type"] ?? "");
    const request = { method, path, headers, content, cookies, bearer, token };
    request.form = new URLSearchParams(isJSON ? "" : content);
    request.json = isJSON && content ? JSON.parse(content) : {};
    this.requests.push(request);
    await (this.routes.get(path) ?? ((...exchange) => this.#answer(...exchange)))(request, response);
  }

  #answer(request, response) {
    const { path } = request;
    if (path === wires[this.wire].path) return this.#refresh(request, response);
    if (path === "/logout") return this.#logout(request, response);
    if (path === "/login") return this.#begin(response);
    return this.serve(request, response);
  }

  #begin(response) {
    const pair = this.login();
    const cookies = this.inCookies
      ? [`__Host-token=${pair.access}`, `__Host-refresh=${pair.refresh}`]
      : this.wire === "cookie" ? [`__Host-refresh=${pair.refresh}`] : [];
    if (cookies.length) response.setHeader("Set-Cookie", cookies);
    if (this.inCookies) response.setHeader("X-Token-Expires-In", this.lifetime);
    this.json(response, 200, { user: "alice", ...(this.inCookies ? {} : wires[this.wire].answer(pair)) });
  }

  /** The API behind the gateway. */
  serve({ token, headers, content, path }, response) {
    const { exp, iat, sid, sub } = claimsOf(token);
    const session = this.#sessions.get(sid);
    if (!token) return this.problem(response, 401, "token_missing");
    if (!session) return this.problem(response, 401, "token_invalid");
    if (session.isRevoked) return this.problem(response, 401, "token_revoked");
    if (exp <= this.now) return this.problem(response, 401, "token_expired");
    const left = exp - this.now;
    const isRenewed = this.sliding && left <= this.buffer && !headers["x-no-refresh"];
    if (isRenewed) {
      const start = exp - this.buffer;
      const next = mint({ sub, sid, iat: start, exp: start + (exp - iat), jti: `${sid}.${start}` });
      this.renewed = next;
      if (this.sliding === "cookie") response.setHeader("Set-Cookie", `__Host-token=${next}`);
      else response.setHeader(...(this.sliding === "header" ? ["X-Refresh-Token", next] : ["Authorization", `Bearer ${next}`]));
      response.setHeader("Cache-Control", "private, no-store");
      response.setHeader("X-Token-Expires-In", start + (exp - iat) - this.now);
    } else if (this.tells === "all") {
      response.setHeader("X-Token-Expires-In", left);
      response.setHeader("Cache-Control", "no-store");
    }
    this.json(response, Number(/^\/api\/status\/(\d+)$/.exec(path)?.[1] ?? 200), { sub, content });
  }

  #refresh(request, response) {
    this.refreshes++;
    const wire = wires[this.wire];
    const token = wire.token(request);
    const isAccess = this.wire === "bearer-access";
    const [sid, turn] = isAccess ? [claimsOf(token).sid] : (token ?? "").split("~");
    const session = this.#sessions.get(sid);
    if (session && !session.isRevoked && Number(turn) < session.turn - 1) {
      this.reuses++;
      session.isRevoked = true;
    }
    const isGood = session && !session.isRevoked && (isAccess ? claimsOf(token).exp > this.now : Number(turn) >= session.turn - 1);
    if (!isGood) return this.json(response, wire.refusal, { error: "invalid_grant" });
    if (!isAccess && this.rotates && Number(turn) === session.turn) {
      session.turn++;
      session.pair = this.#pair(sid);
    }
    const pair = isAccess || !this.rotates ? this.#pair(sid) : session.pair;
    if (!this.rotates) delete pair.refresh;
    if (this.inCookies) response.setHeader("Set-Cookie", [`__Host-token=${pair.access}`, `__Host-refresh=${pair.refresh}`]);
    else if (this.wire === "cookie") response.setHeader("Set-Cookie", `__Host-refresh=${pair.refresh}`);
    if (this.inCookies) response.setHeader("X-Token-Expires-In", this.lifetime);
    response.setHeader("Cache-Control", "no-store");
    this.json(response, 200, this.inCookies ? {} : wire.answer(pair));
  }

  #logout({ bearer, token, form, json, cookies }, response) {
    const refresh = form.get("refresh_token") ?? json.refresh ?? json.refreshToken ?? cookies["__Host-refresh"] ?? (bearer?.includes("~") ? bearer : undefined);
    const session = this.#sessions.get(refresh?.split("~")[0] ?? claimsOf(token).sid);
    if (!session) return this.problem(response, 401, "token_missing");
    session.isRevoked = true;
    response.writeHead(204).end();
  }

  json(response, status, content) {
    response.statusCode = status;
    if ([204, 304].includes(status)) return response.end();
    if (!response.hasHeader("Content-Type")) response.setHeader("Content-Type", "application/json");
    response.end(JSON.stringify(content));
  }

  problem(response, status, code) {
    response.setHeader("Content-Type", "application/problem+json");
    this.json(response, status, { type: "about:blank", title: "Unauthorized", status, code, detail: "…" });
  }
}
