import assert from "node:assert/strict";
import { eventually, quiet } from "./support/browser.mjs";
import { claimsOf, mint } from "./support/gateway.mjs";
import { preset, suite, wires } from "./support/suite.mjs";

const settings = preset("oauth2");

/** A tab with a session whose token has ended. */
const expired = async ({ gateway, clock, tab }, options) => {
  const one = tab({ proactive: false, ...options });
  await one.start(gateway.login());
  await clock.advance(61);
  return one;
};

const status = async (response) => (await response).status;

suite("A token that has ended", (test) => {
  test("is refreshed once for fifty requests, and each succeeds", { settings }, async (world) => {
    const { gateway } = world;
    const tab = await expired(world);
    const answers = await Promise.all(Array.from({ length: 50 }, () => status(tab.fetch(`${gateway.origin}/api`))));
    assert.deepEqual(new Set(answers), new Set([200]));
    assert.equal(gateway.refreshes, 1);
    assert.equal(gateway.to("/api").length, 50);
    assert.equal(tab.count("renewed"), 1);
  });

  for (const store of ["memory", "local"]) {
    for (const delay of [0, 40]) {
      test(`is refreshed once for two tabs of fifty requests each (${store}, tabs hear after ${delay} ms)`, { settings }, async (world) => {
        const { gateway, browser } = world;
        browser.channels.delay = delay;
        const first = await expired(world, { store });
        const second = browser.tab({ store, proactive: false });
        const answers = await Promise.all(
          [first, second].flatMap((tab) => Array.from({ length: 50 }, () => status(tab.fetch(`${gateway.origin}/api`)))));
        assert.deepEqual(new Set(answers), new Set([200]));
        assert.equal(gateway.refreshes, 1);
        assert.equal(first.token, second.token);
      });
    }
  }

  test("is refreshed once by tabs that meet its end one after the other, whatever is still on its way between them", { settings }, async (world) => {
    const { gateway, browser } = world;
    const tabs = [await expired(world), ...Array.from({ length: 4 }, () => browser.tab({ proactive: false }))];
    await eventually(() => tabs.every((tab) => tab.state.active));
    await quiet();
    browser.channels.delay = 30;
    const answers = [];
    for (const tab of tabs) {
      answers.push(status(tab.fetch(`${gateway.origin}/api`)));
      await new Promise((resolve) => setTimeout(resolve, 7));
    }
    assert.deepEqual(await Promise.all(answers), [200, 200, 200, 200, 200]);
    assert.equal(gateway.refreshes, 1);
  });

  test("is refreshed once within a tab where there are no locks", { settings }, async (world) => {
    const tab = await expired(world, { locks: null });
    const { gateway } = world;
    await Promise.all(Array.from({ length: 20 }, () => tab.fetch(`${gateway.origin}/api`)));
    assert.equal(gateway.refreshes, 1);
  });

  test("is refreshed without the lock when who has it sleeps", { settings }, async (world) => {
    const { gateway, browser } = world;
    const tab = await expired(world, { timeout: 50, name: "x" });
    void browser.locks.request(`x ${gateway.origin}`, {}, () => new Promise(() => {}));
    assert.equal(await status(tab.fetch(`${gateway.origin}/api`)), 200);
  });

  test("is refreshed where locks are refused", { settings }, async (world) => {
    const { gateway } = world;
    const tab = await expired(world, { locks: { request: () => Promise.reject(new DOMException("no", "SecurityError")) } });
    assert.equal(await status(tab.fetch(`${gateway.origin}/api`)), 200);
    assert.equal(gateway.refreshes, 1);
  });

  test("that ended before its time is found out by a 401", { settings }, async (world) => {
    const { gateway, clock, browser } = world;
    const tab = browser.tab({ skew: -3_600_000, proactive: false });
    await tab.start({ ...gateway.login(), expiresIn: 1000 });
    const held = tab.token;
    clock.now += 61_000;
    assert.equal(await status(tab.fetch(`${gateway.origin}/api`)), 200);
    assert.notEqual(tab.token, held);
    assert.equal(gateway.refreshes, 1);
  });

  test("refused with 401 is refreshed, and what was refused sent again, once", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    const pair = gateway.login();
    await one.start({ ...pair, access: mint({ ...claimsOf(pair.access), exp: gateway.now }), expiresIn: 1000 });
    const answers = await Promise.all(
      Array.from({ length: 10 }, (_, i) => one.fetch(`${gateway.origin}/api`, { method: "POST", body: `content ${i}` })));
    assert.deepEqual(await Promise.all(answers.map(async (answer) => (await answer.json()).content)),
      Array.from({ length: 10 }, (_, i) => `content ${i}`));
    assert.equal(gateway.refreshes, 1);
    assert.equal(gateway.to("/api").length, 20);
  });

  test("refused with 401 is sent by no other request", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    const pair = gateway.login();
    await one.start({ ...pair, access: mint({ ...claimsOf(pair.access), exp: gateway.now }), expiresIn: 1000 });
    const release = gateway.hold("/oauth/token");
    const first = one.fetch(`${gateway.origin}/api`);
    await eventually(() => gateway.to("/oauth/token").length === 1);
    const second = one.fetch(`${gateway.origin}/api`);
    await new Promise((resolve) => setTimeout(resolve, 20));
    assert.equal(gateway.to("/api").length, 1);
    release();
    assert.deepEqual([await status(first), await status(second), gateway.to("/api").length], [200, 200, 3]);
  });

  test("a 401 of an older token is answered with the present one, without a refresh", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab({ proactive: false });
    await one.start(gateway.login());
    const release = gateway.hold("/slow", (_, response) => gateway.problem(response, 401, "token_expired"));
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    await clock.advance(61);
    await one.fetch(`${gateway.origin}/api`);
    release();
    assert.equal(await status(slow), 200);
    assert.equal(gateway.refreshes, 1);
  });

  test("a second 401 is the caller's", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.routes.set("/broken", (_, response) => gateway.problem(response, 401, "token_expired"));
    assert.equal(await status(one.fetch(`${gateway.origin}/broken`)), 401);
    assert.equal(gateway.to("/broken").length, 2);
    assert.equal(gateway.refreshes, 1);
    assert.ok(one.state.active);
  });

  test("a Request with content is sent again with it, a stream is not", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    const dead = () => {
      const pair = gateway.login();
      return one.start({ ...pair, access: mint({ ...claimsOf(pair.access), exp: gateway.now }), expiresIn: 1000 });
    };
    await dead();
    const request = new Request(`${gateway.origin}/api`, { method: "PUT", body: "whole", headers: { "X-Own": "1" } });
    assert.equal((await (await one.fetch(request)).json()).content, "whole");
    assert.equal(gateway.to("/api").at(-1).headers["x-own"], "1");
    assert.equal(gateway.to("/api").length, 2);

    await dead();
    const body = new Blob(["streamed"]).stream();
    assert.equal(await status(one.fetch(`${gateway.origin}/api`, { method: "POST", body, duplex: "half" })), 401);
    assert.equal(gateway.to("/api").length, 3);
    assert.equal(await status(one.fetch(`${gateway.origin}/api`)), 200, "the session was refreshed all the same");
  });

  test("keeps the 401 of a refused request readable", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.routes.set("/broken", (_, response) => gateway.problem(response, 401, "token_expired"));
    assert.equal((await (await one.fetch(`${gateway.origin}/broken`)).json()).code, "token_expired");
  });

  test("is not refreshed by a poll", { settings }, async (world) => {
    const { gateway } = world;
    const tab = await expired(world);
    assert.equal(await status(tab.fetch(`${gateway.origin}/api`, { slide: false })), 401);
    assert.equal(gateway.refreshes, 0);
    assert.ok(tab.state.active);
    assert.equal(tab.events.at(-1).type, "started");
    const [poll, request] = [tab.fetch(`${gateway.origin}/api`), tab.fetch(`${gateway.origin}/api`, { slide: false })];
    assert.deepEqual([await status(poll), await status(request)], [200, 200], "but a poll waits for a refresh that there is");
  });
});

suite("A 401", (test) => {
  test("of the API itself is the caller's, and changes nothing", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    const answers = {
      "/plain": (_, response) => gateway.json(response, 401, { code: "token_expired" }),
      "/other": (_, response) => gateway.problem(response, 401, "password_wrong"),
      "/stripped": (_, response) => gateway.problem(response, 401, "token_missing"),
      "/broken": (_, response) => response.writeHead(401, { "Content-Type": "application/problem+json" }).end("{"),
      "/empty": (_, response) => response.writeHead(401, { "Content-Type": "application/problem+json" }).end("null"),
    };
    for (const [path, answer] of Object.entries(answers)) {
      gateway.routes.set(path, answer);
      assert.equal(await status(one.fetch(gateway.origin + path)), 401);
      assert.equal(gateway.to(path).length, 1);
    }
    assert.equal(gateway.refreshes, 0);
    assert.deepEqual(one.events.map(({ type }) => type), ["started"]);
  });

  for (const [code, reason] of [["token_revoked", "revoked"], ["session_expired", "expired"]]) {
    test(`${code} ends the session, once, in spite of a refresh token`, { settings }, async ({ gateway, tab }) => {
      const one = tab();
      await one.start(gateway.login());
      for (const path of ["/a", "/b"]) gateway.routes.set(path, (_, response) => gateway.problem(response, 401, code));
      assert.deepEqual(await Promise.all(["/a", "/b"].map((path) => status(one.fetch(gateway.origin + path)))), [401, 401]);
      assert.deepEqual(one.events.slice(1), [{ type: "ended", reason }]);
      assert.equal(gateway.refreshes, 0);
      assert.equal(one.token, undefined);
    });
  }

  test("token_expired ends a session that cannot be refreshed", {}, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start({ ...gateway.login(), expiresIn: 1000 });
    clock.now += 61_000;
    assert.equal(await status(one.fetch(`${gateway.origin}/api`)), 401);
    assert.deepEqual(one.events.at(-1), { type: "ended", reason: "expired" });
  });

  test("token_expired ends no session of which another tab has a later token", {}, async ({ gateway, tab, clock, browser }) => {
    const [one, two] = [tab(), tab()];
    await one.start({ ...gateway.login(), expiresIn: 1000 });
    await eventually(() => two.state.active);
    browser.channels.delay = 60;
    clock.now += 50_000;
    gateway.sliding = "header";
    await two.fetch(`${gateway.origin}/api`);
    clock.now += 12_000;
    assert.equal(await status(one.fetch(`${gateway.origin}/api`)), 200);
    assert.equal(one.token, two.token);
    assert.equal(one.count("ended"), 0);
  });

  test("of a session that is no more changes nothing", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    const release = gateway.hold("/slow", (_, response) => gateway.problem(response, 401, "token_revoked"));
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    await one.start(gateway.login("bob"));
    release();
    assert.equal(await status(slow), 401);
    assert.equal(one.state.subject, "bob");
    assert.equal(one.count("ended"), 0);
  });

  test("of one user is never answered with another's token", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start(gateway.login());
    const release = gateway.hold("/slow", (_, response) => gateway.problem(response, 401, "token_expired"));
    const slow = one.fetch(`${gateway.origin}/slow`, { method: "POST", body: "as alice" });
    await eventually(() => gateway.to("/slow").length === 1);
    await one.start(gateway.login("bob"));
    release();
    assert.equal(await status(slow), 401);
    assert.equal(gateway.to("/slow").length, 1);
  });
});

suite("An answer that is no 401", (test) => {
  for (const code of [200, 400, 403, 500]) {
    test(`but ${code} ends nothing, whatever code it has`, { settings }, async ({ gateway, tab }) => {
      const one = tab();
      await one.start(gateway.login());
      gateway.routes.set("/api", (_, response) => gateway.problem(response, code, "token_revoked"));
      assert.equal(await status(one.fetch(`${gateway.origin}/api`)), code);
      gateway.routes.set("/api", (_, response) => gateway.problem(response, code, "token_expired"));
      assert.equal(await status(one.fetch(`${gateway.origin}/api`)), code);
      assert.deepEqual([one.state.active, gateway.refreshes, gateway.to("/api").length], [true, 0, 2]);
    });
  }
});

suite("A refresh that is refused", (test) => {
  for (const code of [400, 401, 403, 404]) {
    test(`with ${code} ends the session once, and settles every request`, { settings }, async (world) => {
      const { gateway } = world;
      const tab = await expired(world);
      gateway.routes.set("/oauth/token", (_, response) => gateway.json(response, code, { error: "invalid_grant" }));
      const answers = await Promise.allSettled(Array.from({ length: 20 }, () => tab.fetch(`${gateway.origin}/api`)));
      for (const { reason } of answers) {
        assert.ok(reason instanceof world.module.SessionEnded);
        assert.deepEqual([reason.name, reason.reason], ["SessionEnded", "refused"]);
      }
      assert.equal(gateway.to("/api").length, 0);
      assert.deepEqual(tab.events.slice(1), [{ type: "ended", reason: "refused" }]);
    });
  }

  test("hands requests that had a 401 their 401", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    await one.start({ access: mint({ sub: "a", exp: gateway.now }), refresh: "bad", expiresIn: 1000 });
    gateway.serve = (_, response) => gateway.problem(response, 401, "token_expired");
    const answers = await Promise.all(Array.from({ length: 5 }, () => status(one.fetch(`${gateway.origin}/api`))));
    assert.deepEqual(answers, [401, 401, 401, 401, 401]);
    assert.equal(gateway.refreshes, 1);
    assert.equal(one.count("ended"), 1);
  });

  test("ends it in all tabs", { settings }, async (world) => {
    const { gateway, browser } = world;
    const tab = await expired(world);
    const other = browser.tab({ proactive: false });
    await eventually(() => other.state.active);
    gateway.routes.set("/oauth/token", (_, response) => gateway.json(response, 400, {}));
    await assert.rejects(tab.fetch(`${gateway.origin}/api`));
    await eventually(() => other.count("ended") === 1);
    assert.equal(other.events.at(-1).reason, "refused");
  });

  test("ends nothing when another tab has refreshed meanwhile", { settings }, async (world) => {
    const { gateway, browser } = world;
    const tab = await expired(world, { locks: null });
    const other = browser.tab({ proactive: false, locks: null });
    await eventually(() => other.state.active);
    const release = gateway.hold("/oauth/token", (_, response) => gateway.json(response, 400, {}));
    const waiting = tab.fetch(`${gateway.origin}/api`);
    await eventually(() => gateway.to("/oauth/token").length === 1);
    gateway.routes.clear();
    tab.channels[0].isDeaf = true;
    await other.fetch(`${gateway.origin}/api`);
    tab.channels[0].isDeaf = false;
    release();
    assert.equal(await status(waiting), 200);
    assert.equal(tab.count("ended"), 0);
  });
});

suite("A refresh that fails", (test) => {
  const failures = {
    "503": (_, response) => response.writeHead(503, { "Retry-After": "30" }).end(),
    "500": (_, response) => response.writeHead(500).end(),
    "429": (_, response) => response.writeHead(429).end(),
    "a broken connection": (_, response) => response.destroy(),
    "an answer that is no JSON": (_, response) => response.writeHead(200).end("<html>"),
    "an answer without a token": (_, response) => response.writeHead(200).end(`{"access_token":7}`),
    "a redirect": (_, response) => response.writeHead(307, { Location: "/elsewhere" }).end(),
  };
  for (const [name, failure] of Object.entries(failures)) {
    test(`by ${name} ends no session, and settles every request`, { settings }, async (world) => {
      const { gateway, module } = world;
      const tab = await expired(world);
      gateway.routes.set("/oauth/token", failure);
      const answers = await Promise.allSettled(Array.from({ length: 5 }, () => tab.fetch(`${gateway.origin}/api`)));
      for (const { reason } of answers) assert.ok(reason instanceof module.RefreshFailed, String(reason));
      assert.equal(gateway.to("/oauth/token").length, 1);
      assert.equal(gateway.to("/elsewhere").length, 0, "no redirect gets the token");
      assert.equal(tab.count("ended"), 0);
      gateway.routes.clear();
      assert.equal(await status(tab.fetch(`${gateway.origin}/api`)), 200, "the next request tries again");
    });
  }

  test("by silence is given up after its time, and the lock with it", { settings }, async (world) => {
    const { gateway, clock, browser } = world;
    const tab = await expired(world, { timeout: 5000 });
    gateway.routes.set("/oauth/token", () => {});
    const waiting = assert.rejects(tab.fetch(`${gateway.origin}/api`), { name: "RefreshFailed" });
    await eventually(() => gateway.to("/oauth/token").length === 1);
    assert.equal(browser.locks.waiting, 1);
    await clock.advance(5);
    await waiting;
    await eventually(() => browser.locks.waiting === 0);
    assert.equal(tab.count("ended"), 0);
  });

  test("by an endless answer is given up as well", { settings }, async (world) => {
    const { gateway, clock } = world;
    const tab = await expired(world, { timeout: 5000 });
    gateway.routes.set("/oauth/token", (_, response) => response.writeHead(200).write("{"));
    const waiting = assert.rejects(tab.fetch(`${gateway.origin}/api`), { name: "RefreshFailed" });
    await eventually(() => gateway.to("/oauth/token").length === 1);
    await new Promise((resolve) => setTimeout(resolve, 20));
    await clock.advance(5);
    await waiting;
  });

  test("hands requests that had a 401 their 401", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    const pair = gateway.login();
    await one.start({ ...pair, access: mint({ ...claimsOf(pair.access), exp: gateway.now }), expiresIn: 1000 });
    gateway.routes.set("/oauth/token", (_, response) => response.writeHead(503).end());
    const answers = await Promise.all(Array.from({ length: 5 }, () => status(one.fetch(`${gateway.origin}/api`))));
    assert.deepEqual(answers, [401, 401, 401, 401, 401]);
    assert.ok(one.state.active);
  });
});

suite("A request that waits for a refresh", (test) => {
  test("obeys its signal at once", { settings }, async (world) => {
    const { gateway } = world;
    const tab = await expired(world);
    const release = gateway.hold("/oauth/token");
    const abort = new AbortController();
    const [aborted, other] = [tab.fetch(`${gateway.origin}/api`, { signal: abort.signal }), tab.fetch(`${gateway.origin}/api`)];
    await eventually(() => gateway.to("/oauth/token").length === 1);
    abort.abort(new Error("never mind"));
    await assert.rejects(aborted, { message: "never mind" });
    await assert.rejects(tab.fetch(new Request(`${gateway.origin}/api`, { signal: AbortSignal.abort() })), { name: "AbortError" });
    release();
    assert.equal(await status(other), 200);
    assert.equal(gateway.to("/api").length, 1);
  });

  test("is not kept by a refresh while its token lives", { settings }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    const release = gateway.hold("/oauth/token");
    await clock.advance(50);
    await eventually(() => gateway.to("/oauth/token").length === 1);
    assert.equal(await status(one.fetch(`${gateway.origin}/api`)), 200);
    release();
    await eventually(() => one.count("renewed") === 1);
  });

  test("rejects when the session is logged out", { settings }, async (world) => {
    const { gateway, module } = world;
    const tab = await expired(world);
    gateway.hold("/oauth/token");
    const waiting = assert.rejects(
      tab.fetch(`${gateway.origin}/api`), (error) => error instanceof module.SessionEnded && error.reason === "logout");
    await eventually(() => gateway.to("/oauth/token").length === 1);
    await tab.logout();
    await waiting;
  });

  test("rejects when somebody else logs in, and is not sent in their name", { settings }, async (world) => {
    const { gateway, module } = world;
    const tab = await expired(world);
    const release = gateway.hold("/oauth/token");
    const waiting = assert.rejects(
      tab.fetch(`${gateway.origin}/api`), (error) => error instanceof module.SessionEnded && error.reason === "replaced");
    await eventually(() => gateway.to("/oauth/token").length === 1);
    await tab.start(gateway.login("bob"));
    await waiting;
    release();
    await quiet();
    assert.equal(gateway.to("/api").length, 0);
    assert.equal(tab.state.subject, "bob");
  });
});

suite("Each wire preset", (test) => {
  for (const wire of wires.filter((wire) => wire !== "bearer-access")) {
    test(`${wire} logs in, refreshes, refreshes again, and logs out`, { wire, settings: preset(wire) }, async (world) => {
      const { gateway, clock, browser } = world;
      browser.cookiesFor = true;
      const tab = browser.tab({ proactive: false });
      const answer = await tab.fetch(`${gateway.origin}/login`, { method: "POST" });
      assert.deepEqual((await tab.start(answer)).active, true);
      assert.equal((await answer.json()).user, "alice", "the answer stays readable");
      const tokens = new Set([tab.token]);
      for (const round of [1, 2, 3]) {
        await clock.advance(61);
        assert.equal(await status(tab.fetch(`${gateway.origin}/api`)), 200);
        assert.equal(gateway.refreshes, round);
        tokens.add(tab.token);
      }
      assert.equal(tokens.size, 4);
      const { token } = tab;
      assert.equal(await tab.logout(), true);
      assert.equal(gateway.to("/logout").length, 1);
      assert.deepEqual(tab.events.at(-1), { type: "ended", reason: "logout" });
      gateway.serve({ token, headers: {}, path: "/api" }, { setHeader() {}, hasHeader: () => true, end: (text) => assert.match(text, /token_revoked/) });
    });

    test(`${wire} ends when it refuses`, { wire, settings: preset(wire) }, async ({ gateway, clock, browser }) => {
      browser.cookiesFor = true;
      const tab = browser.tab({ proactive: false });
      await tab.start(await tab.fetch(`${gateway.origin}/login`, { method: "POST" }));
      gateway.revoke(tab.token);
      await clock.advance(61);
      await assert.rejects(tab.fetch(`${gateway.origin}/api`), { name: "SessionEnded", reason: "refused" });
      assert.equal(tab.count("ended"), 1);
    });
  }

  for (const wire of ["oauth2", "simplejwt", "express", "bearer-refresh"]) {
    test(`${wire} keeps its refresh token where none comes`, { wire, rotates: false, settings: preset(wire) }, async ({ gateway, clock, tab }) => {
      const one = tab({ proactive: false });
      await one.start(gateway.login());
      for (const round of [1, 2, 3]) {
        await clock.advance(61);
        assert.equal(await status(one.fetch(`${gateway.origin}/api`)), 200);
        assert.equal(gateway.refreshes, round);
      }
    });
  }

  test("bearer-access refreshes before its end, since afterwards nothing can", { wire: "bearer-access", settings: preset("bearer-access") }, async ({ gateway, clock, tab }) => {
    const one = tab();
    await one.start({ access: gateway.login().access });
    await clock.advance(49);
    await eventually(() => one.count("renewed") === 1);
    await one.fetch(`${gateway.origin}/api`);
    await clock.advance(49);
    await eventually(() => one.count("renewed") === 2);
    assert.equal(await status(one.fetch(`${gateway.origin}/api`)), 200);
    await clock.advance(30);
    gateway.routes.set("/api/auth/refresh-token", (_, response) => gateway.json(response, 200, { access_token: one.token }));
    await clock.advance(20);
    await eventually(() => one.count("ending") === 1);
    await clock.advance(11);
    await eventually(() => one.count("ended") === 1);
    assert.equal(one.events.at(-1).reason, "expired");
    assert.equal(gateway.to("/api/auth/refresh-token").length, 3, "where nothing was gained, nothing more is asked");
  });

  test("bearer-access asks for nothing once its token has ended", { wire: "bearer-access", settings: preset("bearer-access") }, async ({ gateway, clock, tab }) => {
    const one = tab({ proactive: false });
    await one.start({ access: gateway.login().access });
    await clock.advance(61);
    await eventually(() => one.count("ended") === 1);
    assert.deepEqual([one.events.at(-1).reason, gateway.requests.length], ["expired", 0]);
  });

  test("bearer-access ends on time where the server is away", { wire: "bearer-access", settings: preset("bearer-access") }, async ({ gateway, clock, tab }) => {
    const one = tab();
    await one.start({ access: gateway.login().access });
    gateway.routes.set("/api/auth/refresh-token", (_, response) => response.writeHead(503, { "Retry-After": "300" }).end());
    await clock.advance(49);
    await eventually(() => gateway.requests.length === 1);
    await eventually(() => one.count("ending") === 1);
    await clock.advance(12);
    await eventually(() => one.count("ended") === 1);
    assert.equal(gateway.requests.length, 1);
  });

  test("a session whose refresh token is a cookie is found again after a page load", { wire: "cookie", settings: preset("cookie") }, async ({ gateway, browser }) => {
    browser.cookiesFor = true;
    const before = browser.tab();
    await before.start(await before.fetch(`${gateway.origin}/login`, { method: "POST" }));
    before.close();
    const after = browser.tab();
    const answers = await Promise.all(Array.from({ length: 10 }, () => status(after.fetch(`${gateway.origin}/api`))));
    assert.deepEqual(new Set(answers), new Set([200]));
    assert.equal(gateway.refreshes, 1);
    assert.deepEqual(after.events.map(({ type }) => type), ["started"]);
    const eager = browser.tab({ channel: null });
    assert.equal(await eager.refresh(), true);
    assert.ok(eager.token);
  });

  test("where there is no such session, that is asked once", { wire: "cookie", settings: preset("cookie") }, async ({ gateway, browser }) => {
    browser.cookiesFor = true;
    const tab = browser.tab();
    for (let round = 0; round < 3; round++) assert.equal(await status(tab.fetch(`${gateway.origin}/api`)), 401);
    assert.equal(gateway.refreshes, 1);
    assert.equal(await tab.refresh(), false);
    assert.deepEqual(tab.events, []);
  });

  for (const [name, sid] of [["", (token) => token], [", known by its user alone", (token) => mint({ ...claimsOf(token), sid: undefined })]]) {
    test(`a cookie that is somebody else's by now begins their session, and sends nothing of the one before${name}`, { wire: "cookie", settings: preset("cookie") }, async ({ gateway, browser, clock }) => {
      browser.cookiesFor = true;
      const tab = browser.tab({ proactive: false });
      const pair = gateway.login("alice");
      await tab.start({ access: sid(pair.access) });
      browser.cookies.set("__Host-refresh", gateway.login("bob").refresh);
      await clock.advance(61);
      await assert.rejects(tab.fetch(`${gateway.origin}/api`, { method: "POST", body: "as alice" }), { reason: "replaced" });
      assert.equal(gateway.to("/api").length, 0);
      assert.equal(tab.state.subject, "bob");
      assert.deepEqual(tab.events.map(({ type }) => type), ["started", "started"]);
    });
  }
});
