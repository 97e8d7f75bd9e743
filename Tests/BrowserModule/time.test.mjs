import assert from "node:assert/strict";
import { Page, eventually, quiet } from "./support/browser.mjs";
import { claimsOf } from "./support/gateway.mjs";
import { preset, suite } from "./support/suite.mjs";

const settings = preset("oauth2");

suite("The timer", (test) => {
  for (const skew of [0, 3_600_000, -3_600_000]) {
    test(`refreshes a used session before its token's end, with a clock ${skew / 1000} s off`, { settings }, async ({ gateway, tab, clock }) => {
      const one = tab({ skew });
      const { access, refresh } = gateway.login();
      await one.start({ access, refresh });
      await clock.advance(47);
      assert.equal(gateway.refreshes, 0);
      await clock.advance(2);
      await eventually(() => one.count("renewed") === 1);
      assert.ok(Math.abs(one.state.expiresAt - skew - claimsOf(one.token).exp * 1000) <= 1000);
    });
  }

  test("refreshes nothing that nobody uses", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    await clock.advance(49);
    await eventually(() => one.count("renewed") === 1);
    await one.fetch(`${gateway.origin}/api`, { slide: false });
    await clock.advance(1000);
    assert.equal(gateway.refreshes, 1, "neither time nor polls are use");
    assert.ok(one.state.active);
    assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
    assert.equal(gateway.refreshes, 2);
  });

  test("refreshes at once where a late request uses the session", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    await clock.advance(49);
    await eventually(() => one.count("renewed") === 1);
    await clock.advance(55);
    await one.fetch(`${gateway.origin}/api`);
    await eventually(() => gateway.refreshes === 2);
  });

  for (const [name, refreshBefore, at] of [["a share", 0.5, 30], ["seconds", 10, 50], ["more seconds than half its life", 500, 30]]) {
    test(`refreshes before the end by ${name}`, { settings }, async ({ gateway, tab, clock }) => {
      const one = tab({ refreshBefore });
      await one.start(gateway.login());
      await clock.advance(at - 1);
      assert.equal(gateway.refreshes, 0);
      await clock.advance(1.5);
      await eventually(() => gateway.refreshes === 1);
    });
  }

  test("refreshes what nobody uses if it is to, and polls then do so, too", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab({ proactive: "always" });
    await one.start(gateway.login());
    for (const round of [1, 2, 3]) {
      await clock.advance(49);
      await eventually(() => one.count("renewed") === round);
    }
    gateway.routes.set("/oauth/token", (_, response) => response.writeHead(503).end());
    await clock.advance(70);
    gateway.routes.clear();
    assert.equal((await one.fetch(`${gateway.origin}/api`, { slide: false })).status, 200);
  });

  test("refreshes nothing if it is not to", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab({ proactive: false });
    await one.start(gateway.login());
    await clock.advance(500);
    assert.deepEqual([gateway.refreshes, clock.timers], [0, 0]);
  });

  test("tries again after a failure, ever more seldom, and no sooner than the server asks", { settings }, async ({ gateway, tab, clock, browser }) => {
    const one = tab({ proactive: "always" });
    await one.start(gateway.login());
    const tries = [];
    let fields = {};
    gateway.routes.set("/oauth/token", (_, response) => {
      tries.push(Math.round(clock.now / 1000));
      response.writeHead(503, fields).end();
    });
    const advance = async (seconds) => {
      await clock.advance(seconds);
      await eventually(() => browser.locks.waiting === 0); // until a refresh under way is over
      await quiet();
    };
    await advance(48);
    for (let second = 0; second < 16; second++) await advance(1);
    assert.deepEqual(tries.map((time) => time - tries[0]), [0, 1, 3, 7, 15]);
    fields = { "Retry-After": "500" };
    for (let second = 0; second < 16; second++) await advance(1);
    assert.equal(tries.length, 6);
    await advance(498);
    assert.equal(tries.length, 6);
    await advance(2);
    assert.equal(tries.length, 7);
    assert.equal(one.count("ended"), 0);

    const away = gateway.routes.get("/oauth/token");
    gateway.routes.clear();
    await advance(501);
    assert.equal(one.count("renewed"), 1);
    gateway.routes.set("/oauth/token", away);
    fields = {};
    tries.length = 0;
    for (let second = 0; second < 53; second++) await advance(1);
    assert.deepEqual(tries.slice(0, 3).map((time) => time - tries[0]), [0, 1, 3], "and begins anew after a success");
  });

  for (const [name, answer] of [["silent", () => {}], ["endless", (_, response) => response.writeHead(200).write("{")]]) {
    test(`does not hammer a server that is ${name}`, { settings }, async ({ gateway, tab, clock }) => {
      await tab({ proactive: "always", timeout: 5000 }).start(gateway.login());
      gateway.routes.set("/oauth/token", answer);
      const tries = () => gateway.to("/oauth/token").length;
      const pause = () => new Promise((resolve) => setTimeout(resolve, 40));
      await clock.advance(48);
      await eventually(() => tries() === 1);
      await pause();
      await clock.advance(5.5);
      await pause();
      assert.equal(tries(), 1);
      await clock.advance(1);
      await eventually(() => tries() === 2);
      await pause();
      await clock.advance(6);
      await pause();
      assert.equal(tries(), 2);
      await clock.advance(1);
      await eventually(() => tries() === 3);
    });
  }

  test("does not hammer a server whose tokens are born dead", { settings }, async ({ gateway, tab, clock }) => {
    gateway.lifetime = 0;
    const one = tab({ proactive: "always" });
    await one.start(gateway.login());
    for (let second = 0; second < 5; second++) {
      await clock.advance(1);
      await new Promise((resolve) => setTimeout(resolve, 15));
    }
    assert.ok(gateway.refreshes <= 6, `${gateway.refreshes}`);
  });

  test("waits longer than a timer can", { settings }, async ({ gateway, tab, clock }) => {
    gateway.lifetime = 60 * 86400;
    const one = tab();
    await one.start(gateway.login());
    await clock.advance(40 * 86400);
    assert.equal(gateway.refreshes, 0);
    await clock.advance(9 * 86400);
    await eventually(() => gateway.refreshes === 1);
  });

  test("rests in a hidden tab, and looks when it is shown", { settings }, async ({ gateway, tab, clock }) => {
    const page = new Page().install();
    const one = tab();
    await one.start(gateway.login());
    page.show(false);
    await clock.advance(55);
    assert.deepEqual([gateway.refreshes, clock.timers], [0, 0]);
    page.show(true);
    await eventually(() => gateway.refreshes === 1);
    await eventually(() => one.count("renewed") === 1);
  });

  test("keeps nothing in view of a token whose end is not told", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start({ access: "opaque", refresh: gateway.login().refresh });
    assert.deepEqual([one.state.active, one.state.expiresAt, one.state.subject, clock.timers], [true, undefined, undefined, 0]);
    gateway.routes.set("/api", (request, response) =>
      request.token === "opaque" ? gateway.problem(response, 401, "token_expired") : gateway.json(response, 200, {}));
    assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
    assert.equal(one.state.subject, "alice");
  });
});

suite("A session that only slides", (test) => {
  test("is announced to end, and ends, where it is not used", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    await clock.advance(47);
    assert.equal(one.count("ending"), 0);
    await clock.advance(2);
    assert.deepEqual(one.events.at(-1), { type: "ending", expiresAt: one.state.expiresAt });
    await clock.advance(10);
    assert.ok(one.state.active);
    await clock.advance(2);
    await eventually(() => one.count("ended") === 1);
    assert.deepEqual(one.events.at(-1), { type: "ended", reason: "expired" });
    assert.equal(gateway.requests.length, 0, "nobody was asked");
    await clock.advance(1000);
    assert.deepEqual([one.count("ended"), one.count("ending")], [1, 1]);
  });

  test("goes on where it is", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    for (let minute = 0; minute < 30; minute++) {
      await clock.advance(15);
      assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
    }
    assert.equal(one.count("ended"), 0);
    assert.ok(one.count("renewed") >= 10);
  });

  test("is not kept by polls", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    for (let poll = 0; poll < 11; poll++) {
      await clock.advance(5);
      assert.equal((await one.fetch(`${gateway.origin}/api`, { slide: false })).status, 200);
    }
    await clock.advance(6);
    await eventually(() => one.count("ended") === 1);
  });

  test("does not end while an answer is under way that may renew it", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    await clock.advance(55);
    gateway.routes.set("/slow", (request, response) => new Promise((resolve) => (gateway.go = resolve)).then(() => {
      gateway.clock = { now: clock.now - 8000 };
      gateway.serve({ ...request, path: "/api" }, response);
    }));
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.go);
    await clock.advance(8);
    assert.equal(one.count("ended"), 0);
    gateway.go();
    await slow;
    await quiet();
    assert.equal(one.token, gateway.renewed);
    assert.deepEqual(one.events.map(({ type }) => type), ["started", "ending", "renewed"]);
  });

  test("does not wait for ever for such an answer", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.hold("/slow");
    const abort = new AbortController();
    const slow = one.fetch(`${gateway.origin}/slow`, { signal: abort.signal });
    await eventually(() => gateway.to("/slow").length === 1);
    await clock.advance(130);
    await eventually(() => one.count("ended") === 1);
    abort.abort();
    await assert.rejects(slow, { name: "AbortError" });
  });

  test("whose end passed in a hidden tab is over when it is shown", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const page = new Page().install();
    const one = tab();
    await one.start(gateway.login());
    page.show(false);
    await clock.advance(100);
    assert.equal(one.count("ended"), 0);
    page.show(true);
    await eventually(() => one.count("ended") === 1);
  });

  test("may be logged out by whoever hears that it will end", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    one.addEventListener("ending", () => one.logout());
    await clock.advance(100);
    assert.deepEqual(one.events.map(({ type }) => type), ["started", "ending", "ended"]);
    assert.equal(one.events.at(-1).reason, "logout");
  });

  test("ends with its cap, although its token would live on", {}, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.routes.set("/api", (_, response) => response.writeHead(200, { "X-Token-Expires-In": "60", "X-Session-Expires-In": "30", "Cache-Control": "no-store" }).end());
    await one.fetch(`${gateway.origin}/api`);
    await clock.advance(31);
    await eventually(() => one.count("ended") === 1);
  });

  test("that is kept in storage is counted from when its token came, by any clock", {}, async ({ gateway, tab, clock }) => {
    const skew = 3_600_000;
    const one = tab({ store: "local", skew, channel: null });
    await one.start(gateway.login());
    await clock.advance(30);
    const two = tab({ store: "local", skew, channel: null });
    assert.equal(two.state.expiresAt - clock.now - skew, 30_000);
    assert.equal(claimsOf(two.token).sub, "alice");
    await clock.advance(31);
    await eventually(() => two.count("ended") === 1);
  });
});
