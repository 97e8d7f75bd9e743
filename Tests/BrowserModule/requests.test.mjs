import assert from "node:assert/strict";
import { inspect } from "node:util";
import { Page, eventually } from "./support/browser.mjs";
import { mint } from "./support/gateway.mjs";
import { foreign } from "./support/foreign.mjs";
import { preset, suite } from "./support/suite.mjs";

const settings = preset("oauth2");
const hello = (gateway) => `${gateway.origin}/api`;

suite("A request", (test) => {
  test("to the gateway has the token, and everything that the caller gave", {}, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    const body = JSON.stringify({ a: 1 });
    await one.fetch(new URL(hello(gateway)), { method: "PATCH", headers: { "Content-Type": "application/json", "X-Own": "1" }, body });
    await one.fetch(new Request(hello(gateway), { method: "DELETE", headers: [["X-Own", "2"]] }));
    await one.fetch(new Request(hello(gateway), { headers: { "X-Own": "no" } }), { headers: { "X-Own": "3" }, method: "POST", body: "x" });
    const [first, second, third] = gateway.requests;
    assert.deepEqual([first.method, first.headers["x-own"], first.content, first.token], ["PATCH", "1", body, one.token]);
    assert.deepEqual([second.method, second.headers["x-own"], second.token], ["DELETE", "2", one.token]);
    assert.deepEqual([third.method, third.headers["x-own"], third.content], ["POST", "3", "x"]);
  });

  test("goes where it was sent to, whatever becomes of the URL meanwhile", { settings }, async ({ gateway, tab, clock }) => {
    const other = await foreign();
    try {
      const one = tab({ proactive: false });
      await one.start({ ...gateway.login(), expiresIn: 1 });
      clock.now += 2_000;
      const url = new URL(hello(gateway));
      const answer = one.fetch(url);
      url.href = other.origin;
      assert.equal((await answer).status, 200);
      assert.deepEqual([gateway.to("/api").length, other.seen.length], [1, 0]);
    } finally {
      other.close();
    }
  });

  test("to another origin goes out untouched, however alike it looks", {}, async ({ gateway, browser }) => {
    const other = await foreign();
    try {
      const sent = [];
      const tab = browser.tab({ fetch: (input, init) => (sent.push([input, init]), Promise.resolve(new Response())) });
      await tab.start(gateway.login());
      const { host, port } = new URL(gateway.origin);
      const init = { method: "POST", headers: { A: "b" } };
      const urls = [
        other.origin, `http://${host}@127.0.0.1:${other.port}/`, `http://127.0.0.1:${port}.example/`, `https://${host}/`,
        `http://localhost:${port}/`, `http://127.0.0.1:${port}1/`, "data:,x", "blob:http://127.0.0.1/1", `//127.0.0.1:${other.port}/`, "not a url", "",
        new URL(other.origin), new Request(other.origin), undefined, null,
      ];
      for (const url of urls) await tab.fetch(url, init);
      assert.deepEqual(sent.map(([input]) => input), urls);
      for (const [, options] of sent) assert.equal(options, init);
    } finally {
      other.close();
    }
  });

  test("resolves against the page", {}, async ({ gateway, tab }) => {
    new Page().install(`${gateway.origin}/deep/page.html`);
    const one = tab({ fetch: (input, init) => fetch(new URL(input, `${gateway.origin}/deep/`), init) });
    await one.start(gateway.login());
    for (const url of ["/api", "../api", "api", "//" + new URL(gateway.origin).host + "/api", "?q"]) await one.fetch(url);
    assert.deepEqual(gateway.requests.map(({ path, token }) => [path, token === one.token]), [
      ["/api", true], ["/api", true], ["/deep/api", true], ["/api", true], ["/deep/", true],
    ]);
  });

  test("does not take the token along to where a redirect leads", {}, async ({ gateway, browser, clock }) => {
    const other = await foreign((_, response) => {
      response.setHeader("X-Refresh-Token", mint({ sub: "alice", sid: "s1", iat: 0, exp: 9e9 }));
      response.writeHead(401, { "Content-Type": "application/problem+json" }).end(`{"code":"token_revoked"}`);
    });
    try {
      const redirect = (_, response) => response.writeHead(307, { Location: `${other.origin}/caught` }).end();
      const tab = browser.tab();
      await tab.start(gateway.login());
      const { token } = tab;
      gateway.routes.set("/away", redirect);
      assert.equal((await tab.fetch(`${gateway.origin}/away`)).status, 401);
      assert.equal(other.seen.length, 1);
      assert.doesNotMatch(JSON.stringify(other.seen), /eyJ/);
      assert.equal(tab.token, token, "nor does it believe what is said there");

      Object.assign(browser.settings, { send: { header: "X-Auth-Token" } });
      const custom = browser.tab({ name: "custom" });
      await custom.start(gateway.login());
      await assert.rejects(custom.fetch(`${gateway.origin}/away`), TypeError);
      assert.equal(other.seen.length, 1);
    } finally {
      other.close();
    }
  });

  test("may have its own Authorization, and is then none of ours", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    for (const headers of [{ Authorization: "Basic eDp5" }, new Headers({ authorization: "Basic eDp5" })]) {
      gateway.routes.set("/basic", (_, response) => gateway.problem(response, 401, "token_revoked"));
      assert.equal((await one.fetch(`${gateway.origin}/basic`, { headers })).status, 401);
      assert.equal(gateway.requests.at(-1).headers.authorization, "Basic eDp5");
    }
    assert.ok(one.state.active);
  });

  test("has the token in the field that the gateway reads", { field: "X-Auth-Token", settings: { send: { header: "X-Auth-Token" } } }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    assert.equal((await one.fetch(hello(gateway))).status, 200);
    const { headers } = gateway.requests[0];
    assert.equal(headers["x-auth-token"], one.token);
    assert.equal(headers.authorization, undefined);
  });

  test("says that it is a poll", {}, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    await one.fetch(hello(gateway), { slide: false });
    await one.fetch(hello(gateway), { slide: true });
    assert.deepEqual(gateway.requests.map(({ headers }) => headers["x-no-refresh"]), ["1", undefined]);
  });

  test("says so in the field that is configured, or not at all", { settings: { optOut: null } }, async ({ gateway, tab, browser }) => {
    const one = tab();
    await one.start(gateway.login());
    await one.fetch(hello(gateway), { slide: false });
    browser.settings.optOut = "X-Idle";
    const two = tab({ name: "two" });
    await two.start(gateway.login());
    await two.fetch(hello(gateway), { slide: false });
    assert.deepEqual(gateway.requests.map(({ headers }) => Object.keys(headers).filter((name) => /refresh|idle|null/.test(name))), [[], ["x-idle"]]);
  });

  test("goes without a token before a login and after the end, and to the login at any time", { settings: { ...settings, login: [{ path: "/login" }] } }, async ({ gateway, tab, clock }) => {
    const one = tab({ proactive: false });
    await one.fetch(hello(gateway));
    await one.start(await one.fetch(`${gateway.origin}/login`, { method: "POST" }));
    await clock.advance(61);
    await one.start(await one.fetch(`${gateway.origin}/login`, { method: "POST" }));
    await one.logout();
    await one.fetch(hello(gateway));
    assert.deepEqual(gateway.requests.map(({ path, token }) => [path, !!token]), [
      ["/api", false], ["/login", false], ["/login", false], ["/logout", true], ["/api", false],
    ]);
    assert.equal(gateway.refreshes, 0, "a login waits for no refresh of what was before");
  });

  test("after close goes without a token, and nothing runs on", { wire: "cookie", settings: preset("cookie") }, async ({ gateway, tab, clock, browser }) => {
    const one = tab();
    await one.start(gateway.login());
    one.close();
    assert.equal((await one.fetch(hello(gateway), { slide: false })).status, 401);
    assert.deepEqual([gateway.requests[0].token, gateway.requests[0].headers["x-no-refresh"]], [undefined, undefined]);
    assert.equal(gateway.refreshes, 0);
    assert.equal(clock.timers, 0);
    assert.equal(browser.channels.all.size, 0);
    await one.start(gateway.login());
    assert.equal(one.state.active, false);
  });

  test("hands on the network's errors", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.routes.set("/broken", (_, response) => response.destroy());
    await assert.rejects(one.fetch(`${gateway.origin}/broken`), TypeError);
    assert.ok(one.state.active);
  });

  test("needs no `this`", {}, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    const { fetch } = one;
    assert.equal((await fetch(hello(gateway))).status, 200);
  });
});

suite("A login", (test) => {
  test("whose answer has no token changes nothing", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login("alice"));
    for (const given of [{}, { access: 7 }, { access: "" }, new Response("{}"), new Response("<html>"), new Response(null, { status: 401 })]) {
      await assert.rejects(one.start(given), TypeError);
    }
    assert.equal(one.state.subject, "alice");
    assert.equal(one.count("started"), 1);
  });

  test("may hand over its token in the delivery field, in a field of its own, or deep in its JSON", {}, async ({ gateway, browser }) => {
    const { access } = gateway.login();
    const started = async (answer, response) => {
      browser.settings.login = answer && [{ path: "/login", answer }];
      const tab = browser.tab({ channel: null });
      await tab.start(response);
      return tab.token === access && tab.state.expiresAt - browser.clock.now;
    };
    const headers = { "X-Refresh-Token": access, "X-Token-Expires-In": "40" };
    assert.equal(await started(undefined, new Response("hello", { headers })), 40_000);
    assert.equal(await started({}, new Response("hello", { headers })), 40_000);
    assert.equal(await started({ headers: { access: "X-At" } }, new Response(null, { headers: { "X-At": access } })), 60_000);
    assert.equal(await started({ access: ["a", "0", "b"], expiresIn: ["c"] }, Response.json({ a: [{ b: access }], c: 50 })), 50_000);
    assert.equal(await started({ access: ["data"] }, { headers: new Headers(), data: { data: access } }), 60_000, "an answer of axios");
  });

  test("over a session replaces it: no end, another start", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login("alice"));
    await one.start(gateway.login("bob"));
    assert.deepEqual(one.events.map(({ type, subject, here }) => [type, subject, here]), [["started", "alice", true], ["started", "bob", true]]);
  });
});

suite("A logout", (test) => {
  test("is over here before the server knows, and tells whether it confirmed", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    const release = gateway.hold("/logout");
    const leaving = one.logout();
    assert.deepEqual([one.state.active, one.token, one.events.at(-1)], [false, undefined, { type: "ended", reason: "logout" }]);
    release();
    assert.equal(await leaving, true);
    assert.equal(await one.logout(), false, "there is nothing more to confirm");
    assert.equal(one.count("ended"), 1);
  });

  for (const [name, answer] of [["away", (_, response) => response.destroy()], ["faulty", (_, response) => response.writeHead(500).end()], ["silent", () => {}]]) {
    test(`with a server that is ${name} never throws`, { settings }, async ({ gateway, tab }) => {
      const one = tab({ timeout: 50 });
      await one.start(gateway.login());
      gateway.routes.set("/logout", answer);
      assert.equal(await one.logout(), false);
      assert.equal(one.state.active, false);
    });
  }

  test("shows the tokens that it had, and no redirect gets them", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    const pair = gateway.login();
    await one.start(pair);
    await one.logout();
    const [{ bearer, form }] = gateway.to("/logout");
    assert.deepEqual([bearer, form.get("refresh_token")], [pair.access, pair.refresh]);

    const two = tab();
    await two.start(gateway.login());
    gateway.routes.set("/logout", (_, response) => response.writeHead(308, { Location: "/api" }).end());
    assert.equal(await two.logout(), false);
    assert.equal(gateway.to("/api").length, 0);
  });

  test("in a tab that was just opened finds the session of the others", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    assert.equal(await tab().logout(), true);
    assert.equal(gateway.to("/logout")[0].bearer !== undefined, true);
    await eventually(() => one.count("ended") === 1);
    assert.equal(await tab().logout(), false);
    assert.equal(gateway.to("/logout").length, 1, "where there is none, nobody is asked");
  });

  test("everywhere asks the endpoint for that", { settings: { ...settings, everywhere: { path: "/all", method: "DELETE" } } }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.routes.set("/all", (_, response) => response.writeHead(204).end());
    assert.equal(await one.logout({ everywhere: true }), true);
    assert.equal(gateway.to("/all")[0].method, "DELETE");
  });

  test("where there is no such endpoint is one all the same", { settings: { logout: undefined } }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    assert.equal(await one.logout(), false);
    assert.deepEqual(one.events.at(-1), { type: "ended", reason: "logout" });
  });

  test("is not undone by a renewal under way", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    await clock.advance(45);
    const release = gateway.hold("/api");
    const slow = one.fetch(hello(gateway));
    await eventually(() => gateway.to("/api").length === 1);
    await one.logout();
    release();
    await slow;
    assert.equal(one.state.active, false);
  });

  test("is not undone by a refresh under way, which is ended", { settings }, async ({ gateway, tab, clock, browser }) => {
    const one = tab({ store: "local" });
    await one.start(gateway.login());
    let isClosed = false;
    gateway.routes.set("/oauth/token", (_, response) => response.on("close", () => (isClosed = true)));
    await clock.advance(50);
    await eventually(() => gateway.to("/oauth/token").length === 1);
    await one.logout();
    await eventually(() => isClosed);
    assert.deepEqual([one.state.active, one.token, one.count("renewed")], [false, undefined, 0]);
    assert.doesNotMatch([...browser.storage.items.values()].join(), /eyJ|~/);
    assert.equal(clock.timers, 0);
  });

  test("settles what waits for a refresh, although nobody lets go of that", { settings }, async ({ gateway, browser, clock }) => {
    const tab = browser.tab({ proactive: false, fetch: (input, init) => (String(input).endsWith("/oauth/token") ? new Promise(() => {}) : fetch(input, init)) });
    await tab.start(gateway.login());
    await clock.advance(61);
    const waiting = assert.rejects(tab.fetch(hello(gateway)), { name: "SessionEnded", reason: "logout" });
    await eventually(() => browser.locks.granted === 1);
    await tab.logout();
    await waiting;
  });
});

suite("The answer to a refresh that came too late to be ended", (test) => {
  /** A refresh is answered, but has not arrived; then `meanwhile` happens. */
  const late = async ({ gateway, browser, clock }, meanwhile) => {
    let release;
    const released = new Promise((resolve) => (release = resolve));
    const tab = browser.tab({
      fetch: async (input, init) => {
        // One that knows no signals.
        const response = await fetch(input, { ...init, signal: undefined });
        if (String(input).endsWith("/oauth/token")) await released;
        return response;
      },
    });
    await tab.start(gateway.login());
    await clock.advance(50);
    await eventually(() => gateway.refreshes === 1);
    await meanwhile(tab);
    const { state, token, events } = tab;
    const before = [...events];
    release();
    await new Promise((resolve) => setTimeout(resolve, 30));
    assert.deepEqual([tab.state, tab.token, tab.events], [state, token, before]);
  };

  test("undoes no logout", { settings }, (world) => late(world, (tab) => tab.logout()));
  test("undoes no revocation", { settings }, (world) =>
    late(world, async (tab) => {
      world.gateway.revoke(tab.token);
      assert.equal((await tab.fetch(hello(world.gateway))).status, 401);
      assert.equal(tab.events.at(-1).reason, "revoked");
    }));
  test("undoes no login", { settings }, (world) => late(world, (tab) => tab.start(world.gateway.login("bob"))));
  test("undoes no login of the same user", { settings }, (world) => late(world, (tab) => tab.start(world.gateway.login("alice"))));
  test("undoes no close", { settings }, (world) => late(world, (tab) => tab.close()));
});

suite("Secrets", (test) => {
  test("are in no event, error, state, or print of a session", { settings, sliding: "header" }, async ({ gateway, tab, clock, module }) => {
    const said = [];
    const console = { ...globalThis.console };
    for (const name of ["log", "warn", "error", "info", "debug"]) globalThis.console[name] = (...words) => said.push(...words);
    try {
      const one = tab({ proactive: false });
      await one.start(gateway.login());
      await clock.advance(45);
      await one.fetch(hello(gateway));
      await clock.advance(61);
      gateway.routes.set("/oauth/token", (_, response) => response.destroy());
      const failed = await one.fetch(hello(gateway)).catch((error) => error);
      gateway.routes.set("/oauth/token", (_, response) => gateway.json(response, 400, {}));
      const ended = await one.fetch(hello(gateway)).catch((error) => error);
      assert.ok(failed instanceof module.RefreshFailed && ended instanceof module.SessionEnded);
      const shown = [one, String(one), JSON.stringify(one), one.state, one.events, failed, failed.stack, ended, ended.stack, said];
      assert.doesNotMatch(inspect(shown, { depth: 10, showHidden: true }), /eyJ|s1~/);
    } finally {
      Object.assign(globalThis.console, console);
    }
  });
});
