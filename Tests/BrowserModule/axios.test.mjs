import assert from "node:assert/strict";
import Module, { createRequire } from "node:module";
import { Readable } from "node:stream";
import { test as plainTest } from "node:test";
import { Page, eventually } from "./support/browser.mjs";
import { foreign } from "./support/foreign.mjs";
import { claimsOf, mint } from "./support/gateway.mjs";
import { preset, suite } from "./support/suite.mjs";

/** Debian's axios, also for a Node.js that is not Debian's; else one that is installed here. */
const find = () => {
  process.env.NODE_PATH = "/usr/share/nodejs";
  Module._initPaths();
  try {
    return createRequire(import.meta.url)("axios");
  } catch {
    return null;
  }
};
const axios = find();
const settings = preset("oauth2");

if (!axios) plainTest("axios", { skip: "axios is not there: apt-get install node-axios" }, () => {});
else {
  /** An instance with a session attached, whose token is refused as expired where `isDead`. */
  const attached = async ({ gateway, tab }, { isDead = false, options, config } = {}) => {
    const session = tab({ proactive: false, ...options });
    const pair = gateway.login();
    const access = isDead ? mint({ ...claimsOf(pair.access), exp: gateway.now }) : pair.access;
    await session.start({ ...pair, access, expiresIn: 1000 });
    const api = axios.create({ baseURL: gateway.origin, ...config });
    return { session, api, detach: session.attach(api) };
  };

  suite("With axios, a request", (test) => {
    test("has the token, and gives its successor", { sliding: "header" }, async (world) => {
      const { gateway, clock } = world;
      const { session, api } = await attached(world);
      clock.now += 45_000;
      const { data } = await api.post("/api", { a: 1 });
      assert.equal(data.content, `{"a":1}`);
      assert.equal(session.token, gateway.renewed);
      await assert.rejects(api.get("/api/status/500"), (error) => error.response.status === 500);
      assert.equal(gateway.requests.at(-1).token, session.token);
    });

    test("refused with 401 is refreshed and sent again, once for many", { settings }, async (world) => {
      const { gateway } = world;
      const { session, api } = await attached(world, { isDead: true });
      const answers = await Promise.all(Array.from({ length: 50 }, (_, index) => api.post("/api", { index }, { headers: { "X-Own": index } })));
      assert.deepEqual(answers.map(({ data }) => JSON.parse(data.content).index), Array.from({ length: 50 }, (_, index) => index));
      assert.equal(gateway.refreshes, 1);
      assert.ok(gateway.to("/api").length <= 100);
      assert.equal(session.count("renewed"), 1);
    });

    test("takes the token nowhere else, whoever moves it there", { settings }, async ({ gateway, tab }) => {
      const other = await foreign();
      const session = tab({ proactive: false });
      await session.start(gateway.login());
      const api = axios.create({ baseURL: gateway.origin });
      // Registered before, and so run after, the session's.
      let base = other.origin;
      api.interceptors.request.use((config) => ({ ...config, baseURL: base ?? config.baseURL }));
      session.attach(api);
      await api.get("/moved");
      await api.post("/moved", { a: 1 });
      base = null;
      const { config } = await api.get("/api");
      await api.request({ ...config, url: `${other.origin}/again` });
      await axios.request({ ...config, url: `${other.origin}/again` });
      assert.equal(gateway.requests.at(-1).token, session.token);
      other.close();
      assert.equal(other.seen.length, 4);
      assert.doesNotMatch(JSON.stringify(other.seen), /eyJ/);
    });

    test("leaves no token in what is printed of it", { settings }, async (world) => {
      const { gateway } = world;
      const { session, api } = await attached(world);
      const error = await api.get("/api/status/500").catch((error) => error);
      const { config } = await api.get("/api");
      for (const printed of [error, error.config, error.response.config, config]) assert.ok(!JSON.stringify(printed).includes(session.token));
      assert.equal((await api.request(config)).status, 200);
      assert.equal(gateway.requests.at(-1).token, session.token);
    });

    test("may be the login whose answer begins the session", { settings: { ...settings, login: [{ path: "/other", answer: {} }, { path: "/login" }] } }, async ({ gateway, tab }) => {
      const session = tab();
      const api = axios.create({ baseURL: gateway.origin });
      session.attach(api);
      const answer = await api.post("/login", { name: "alice" });
      assert.equal((await session.start(answer)).subject, "alice");
      assert.equal((await api.get("/api")).status, 200);
    });

    test("waits for a refresh where the token has ended", { settings }, async (world) => {
      const { gateway, clock } = world;
      const { session, api } = await attached(world);
      clock.now += 1_001_000;
      const answers = await Promise.all([api.get("/api"), api.get("/api"), session.fetch(`${gateway.origin}/api`)]);
      assert.deepEqual(answers.map(({ status }) => status), [200, 200, 200]);
      assert.deepEqual([gateway.refreshes, gateway.to("/api").length], [1, 3]);
    });

    test("keeps a second 401, and one of the API itself", { settings }, async (world) => {
      const { gateway } = world;
      const { session, api } = await attached(world);
      gateway.routes.set("/broken", (_, response) => gateway.problem(response, 401, "token_expired"));
      await assert.rejects(api.get("/broken"), (error) => error.response.status === 401 && error.response.data.code === "token_expired");
      assert.equal(gateway.to("/broken").length, 2);
      gateway.routes.set("/own", (_, response) => gateway.json(response, 401, { code: "token_expired" }));
      await assert.rejects(api.get("/own"), (error) => error.response.status === 401);
      assert.equal(gateway.to("/own").length, 1);
      assert.ok(session.state.active);
    });

    test("is sent twice and no more, whatever happens meanwhile", { settings }, async (world) => {
      const { gateway } = world;
      const { session, api } = await attached(world);
      gateway.routes.set("/broken", async (_, response) => {
        await session.refresh();
        gateway.problem(response, 401, "token_expired");
      });
      await assert.rejects(api.get("/broken"), (error) => error.response.status === 401);
      assert.equal(gateway.to("/broken").length, 2);
    });

    for (const config of [{ validateStatus: () => true }, { responseType: "arraybuffer" }, { responseType: "text" }, { transformResponse: [] }]) {
      test(`is understood with ${JSON.stringify(Object.keys(config))} ${config.responseType ?? ""}`, { settings }, async (world) => {
        const { api } = await attached(world, { isDead: true, config });
        assert.equal((await api.get("/api")).status, 200);
      });
    }

    test("whose answer is a stream is left to its reader", { settings }, async (world) => {
      const { api } = await attached(world, { isDead: true, config: { responseType: "stream" } });
      const error = await api.get("/api").catch((error) => error);
      assert.equal(error.response.status, 401);
      let text = "";
      for await (const chunk of error.response.data) text += chunk;
      assert.equal(JSON.parse(text).code, "token_expired");
    });

    test("whose content is a stream is not sent again", { settings }, async (world) => {
      const { gateway } = world;
      const { api } = await attached(world, { isDead: true });
      await assert.rejects(api.post("/api", Readable.from(["streamed"])), (error) => error.response.status === 401);
      assert.deepEqual([gateway.to("/api").length, gateway.refreshes], [1, 1]);
      assert.equal((await api.get("/api")).status, 200, "the session was refreshed all the same");
    });

    test("ends the session where the gateway says so", { settings }, async (world) => {
      const { gateway } = world;
      const { session, api } = await attached(world);
      gateway.revoke(session.token);
      await assert.rejects(Promise.all([api.get("/api"), api.get("/api")]), (error) => error.response.status === 401);
      await eventually(() => session.count("ended") === 1);
      assert.equal(session.events.at(-1).reason, "revoked");
    });

    test("rejects by name when the session ends while it waits", { settings }, async (world) => {
      const { gateway, clock, module } = world;
      const { session, api } = await attached(world);
      gateway.routes.set("/oauth/token", (_, response) => gateway.json(response, 400, {}));
      clock.now += 1_001_000;
      const answers = await Promise.allSettled([api.get("/api"), api.get("/api")]);
      for (const { reason } of answers) assert.ok(reason instanceof module.SessionEnded);
      assert.equal(session.count("ended"), 1);
    });

    test("obeys its signal while it waits", { settings }, async (world) => {
      const { gateway, clock } = world;
      const { api } = await attached(world);
      gateway.hold("/oauth/token");
      clock.now += 1_001_000;
      const abort = new AbortController();
      const waiting = assert.rejects(api.get("/api", { signal: abort.signal }));
      await eventually(() => gateway.to("/oauth/token").length === 1);
      abort.abort();
      await waiting;
      assert.equal(gateway.to("/api").length, 0);
    });

    test("may be a poll, have its own Authorization, or be the login", { settings: { ...settings, login: [{ path: "/login" }] } }, async (world) => {
      const { gateway } = world;
      const { api } = await attached(world);
      await api.get("/api", { slide: false });
      assert.equal(gateway.requests.at(-1).headers["x-no-refresh"], "1");
      await api.get("/api", { headers: { authorization: "Basic x" } }).catch(() => {});
      assert.equal(gateway.requests.at(-1).headers.authorization, "Basic x");
      await api.post("/login", {});
      assert.equal(gateway.requests.at(-1).token, undefined);
    });

    test("to another origin goes out untouched, however it is put together", { settings }, async (world) => {
      const { gateway } = world;
      const { session } = await attached(world);
      const seen = [];
      const adapter = (config) => (seen.push(config), Promise.resolve({ status: 200, data: "", headers: {}, config }));
      for (const config of [
        { baseURL: "https://other.example", url: "/api" }, { baseURL: gateway.origin, url: "https://other.example/api" },
        { url: "https://other.example" }, { url: "//other.example" }, { url: "/relative" }, { baseURL: "https://other.example/?x=", url: gateway.origin.slice(5) },
      ]) {
        const api = axios.create({ adapter });
        session.attach(api);
        await api.request(config);
      }
      assert.equal(seen.length, 6);
      for (const { headers } of seen.slice(0, 5)) assert.equal(headers.has("Authorization"), false);
      // As axios before 1.0, whose getUri knows of no base.
      const old = axios.create({ adapter, baseURL: "https://other.example" });
      old.getUri = ({ url }) => url;
      new Page().install(`${gateway.origin}/`);
      session.attach(old);
      await old.get("/api");
      assert.equal(seen.at(-1).headers.has("Authorization"), false);
    });

    test("shows nobody the refresh token", { settings }, async (world) => {
      const { gateway } = world;
      const { api } = await attached(world);
      gateway.routes.set("/api", (_, response) => response.writeHead(500).end());
      const error = await api.get("/api").catch((error) => error);
      assert.doesNotMatch(JSON.stringify(error), /s\d+~/);
      assert.doesNotMatch(JSON.stringify(error.config), /s\d+~/);
    });

    test("is plain again after detaching", { settings }, async (world) => {
      const { gateway } = world;
      const { api, detach } = await attached(world);
      detach();
      await api.get("/api").catch(() => {});
      assert.equal(gateway.requests.at(-1).token, undefined);
    });

    test("that fails on its way leaves nothing behind", { sliding: "header" }, async (world) => {
      const { gateway, clock } = world;
      const { session, api } = await attached(world);
      gateway.routes.set("/broken", (_, response) => response.destroy());
      await assert.rejects(api.get("/broken"));
      await clock.advance(1001);
      await eventually(() => session.count("ended") === 1);
    });

    test("goes with cookies where the session is in them", { settings: { send: "cookie" } }, async ({ gateway, tab }) => {
      const session = tab();
      const seen = [];
      const api = axios.create({ baseURL: gateway.origin, adapter: (config) => (seen.push(config.withCredentials), Promise.resolve({ status: 200, headers: {}, config })) });
      session.attach(api);
      await api.get("/api");
      await api.get("/api", { withCredentials: false });
      await api.get("https://other.example");
      assert.deepEqual(seen, [true, false, undefined]);
    });
  });
}
