import assert from "node:assert/strict";
import { Page, eventually } from "./support/browser.mjs";
import { preset, suite } from "./support/suite.mjs";

const settings = { ...preset("cookie"), send: "cookie", deliver: "cookie", login: [{ path: "/login" }] };
const options = { wire: "cookie", inCookies: true, settings };
const sliding = { inCookies: true, sliding: "cookie", settings: { send: "cookie", deliver: "cookie" } };

/** A tab that is logged in. */
const entered = async ({ gateway, browser }, options) => {
  browser.cookiesFor = true;
  const tab = browser.tab(options);
  await tab.start(await tab.fetch(`${gateway.origin}/login`, { method: "POST" }));
  return tab;
};

suite("A session in cookies", (test) => {
  test("sends cookies and no token, and stores nothing", options, async (world) => {
    const { gateway, browser } = world;
    const tab = await entered(world, { store: "local" });
    assert.deepEqual([tab.state.active, tab.token, tab.state.expiresAt - world.clock.now], [true, undefined, 60_000]);
    assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 200);
    assert.equal(gateway.requests.at(-1).headers.authorization, undefined);
    assert.equal(browser.storage.items.size, 0);
    assert.doesNotMatch(JSON.stringify(browser.channels.messages), /eyJ|~/);
  });

  test("keeps no token that it is shown", options, async (world) => {
    const { gateway, browser } = world;
    const tab = browser.tab();
    await tab.start(Response.json({ access_token: gateway.login().access }));
    await tab.start({ access: gateway.login().access });
    assert.deepEqual([tab.state.active, tab.token], [true, undefined]);
    assert.doesNotMatch(JSON.stringify(browser.channels.messages), /eyJ/);
    await tab.fetch(`${gateway.origin}/api`);
    assert.equal(gateway.requests.at(-1).headers.authorization, undefined);
  });

  test("waits for no other tab", options, async (world) => {
    const { gateway, browser } = world;
    (await entered(world)).close();
    browser.channels.delay = 50;
    let isSent = false;
    const tab = browser.tab({ fetch: async () => ((isSent = true), new Response()) });
    await Promise.race([tab.fetch(`${gateway.origin}/api`), new Promise((resolve) => setTimeout(resolve, 40))]);
    assert.ok(isSent);
  });

  test("asks the others once more after the back/forward cache, and sends nothing as somebody else", options, async (world) => {
    const { gateway, browser } = world;
    const page = new Page().install();
    const tab = await entered(world);
    Page.uninstall();
    const other = browser.tab();
    await eventually(() => other.state.active);
    page.fire("pagehide", { persisted: true });
    await other.logout();
    await other.start(await other.fetch(`${gateway.origin}/login`, { method: "POST" }));
    page.fire("pageshow", { persisted: true });
    await assert.rejects(tab.fetch(`${gateway.origin}/api`, { method: "POST" }), { reason: "replaced" });
    assert.equal(gateway.to("/api").length, 0);
  });

  test("leaves credentials as the caller has them", options, async ({ gateway, browser, clock }) => {
    const seen = [];
    const tab = browser.tab({ fetch: (input, init) => (seen.push(init.credentials), Promise.resolve(new Response())) });
    await tab.fetch(`${gateway.origin}/api`, { credentials: "omit" });
    await tab.fetch(`${gateway.origin}/api`);
    await tab.fetch("https://other.example/");
    assert.deepEqual(seen, ["omit", "include", undefined]);
  });

  test("is refreshed before its end, for all tabs", options, async (world) => {
    const { gateway, browser, clock } = world;
    const tab = await entered(world);
    const other = browser.tab();
    await eventually(() => other.state.active);
    await clock.advance(50);
    await eventually(() => tab.count("renewed") === 1 && other.count("renewed") === 1);
    assert.equal(gateway.refreshes, 1);
    assert.equal(tab.state.expiresAt, other.state.expiresAt);
  });

  test("is refreshed once for fifty requests after its cookie has gone", options, async (world) => {
    const { gateway, browser } = world;
    const [tab, other] = [await entered(world, { proactive: false }), browser.tab({ proactive: false })];
    await eventually(() => other.state.active);
    browser.cookies.delete("__Host-token");
    const answers = await Promise.all([tab, other].flatMap((each) => Array.from({ length: 25 }, () => each.fetch(`${gateway.origin}/api`))));
    assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
    assert.equal(gateway.refreshes, 1);
  });

  test("is found again after a page load", options, async (world) => {
    const { gateway, browser } = world;
    (await entered(world)).close();
    browser.cookies.delete("__Host-token");
    const tab = browser.tab();
    assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 200);
    assert.equal(gateway.refreshes, 1);
    assert.deepEqual(tab.events.map(({ type }) => type), ["started"]);
  });

  test("ends when the refresh is refused", options, async (world) => {
    const { gateway, browser } = world;
    const tab = await entered(world, { proactive: false });
    browser.cookies.clear();
    assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 401);
    assert.deepEqual(tab.events.at(-1), { type: "ended", reason: "refused" });
    assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 401);
    assert.equal(gateway.refreshes, 1);
  });

  test("is logged out with its cookies, known or not", options, async (world) => {
    const { gateway, browser } = world;
    const tab = await entered(world);
    tab.close();
    const other = browser.tab();
    assert.equal(await other.logout(), true);
    assert.deepEqual(other.events, []);
    assert.equal((await other.fetch(`${gateway.origin}/api`)).status, 401);
    assert.equal(gateway.refreshes, 0, "what was logged out is not looked for");
  });

  test("slides, and counts by the relative field", sliding, async (world) => {
    const { gateway, clock, browser } = world;
    const tab = await entered(world);
    for (let round = 0; round < 20; round++) {
      await clock.advance(15);
      assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 200);
    }
    assert.equal(tab.count("ended"), 0);
    assert.ok(tab.count("renewed") > 5);
    await clock.advance(61);
    await eventually(() => tab.count("ended") === 1);
  });

  test("is discovered where the gateway tells the seconds", { ...sliding, tells: "all" }, async (world) => {
    const { gateway, browser, clock } = world;
    (await entered(world)).close();
    const tab = browser.tab();
    await tab.fetch(`${gateway.origin}/api`);
    assert.deepEqual(tab.events.map(({ type }) => type), ["started"]);
    assert.equal(tab.state.expiresAt - clock.now, 60_000);
    for (const seconds of [5, 0.4, 0.9]) {
      await clock.advance(seconds);
      await tab.fetch(`${gateway.origin}/api`);
    }
    assert.equal(tab.count("renewed"), 0, "the same end, told again in whole seconds, is no renewal");
    gateway.routes.set("/api", (_, response) =>
      response.writeHead(200, { "X-Token-Expires-In": "5000", "Cache-Control": "max-age=60" }).end());
    await tab.fetch(`${gateway.origin}/api`);
    assert.equal(tab.state.expiresAt - clock.now, 53_700, "and what a cache may have kept is not believed");
  });

  test("takes no seconds of an answer to the session before", options, async (world) => {
    const { gateway, clock } = world;
    const tab = await entered(world);
    const release = gateway.hold("/slow", (_, response) =>
      response.writeHead(200, { "X-Token-Expires-In": "500", "Cache-Control": "no-store" }).end());
    const slow = tab.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    await tab.start({ expiresIn: 60 });
    release();
    await slow;
    assert.equal(tab.state.expiresAt - clock.now, 60_000);
  });

  test("is not discovered after a logout, by an answer that was under way", { ...sliding, tells: "all" }, async (world) => {
    const { gateway, browser } = world;
    (await entered(world)).close();
    const tab = browser.tab();
    const release = gateway.hold("/api", (_, response) =>
      response.writeHead(200, { "X-Token-Expires-In": "50", "Cache-Control": "no-store" }).end());
    const slow = tab.fetch(`${gateway.origin}/api`);
    await eventually(() => gateway.to("/api").length === 1);
    await tab.logout();
    release();
    assert.equal((await slow).status, 200);
    assert.equal(tab.state.active, false);
    assert.deepEqual(tab.events, []);
  });

  test("ends without a refresh when its cookie has gone", sliding, async (world) => {
    const { gateway, browser } = world;
    const tab = await entered(world);
    browser.cookies.clear();
    assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 401);
    assert.deepEqual(tab.events.at(-1), { type: "ended", reason: "expired" });
  });

  test("that was never begun takes a 401 for what it is", sliding, async ({ gateway, browser }) => {
    browser.cookiesFor = true;
    const tab = browser.tab();
    assert.equal((await tab.fetch(`${gateway.origin}/api`)).status, 401);
    assert.deepEqual(tab.events, []);
  });

  test("does not begin with a login that failed", options, async (world) => {
    const { gateway, browser } = world;
    const tab = browser.tab();
    gateway.routes.set("/login", (_, response) => gateway.json(response, 401, {}));
    await assert.rejects(tab.start(await tab.fetch(`${gateway.origin}/login`, { method: "POST" })), TypeError);
    assert.equal(tab.state.active, false);
  });

  test("may begin without a word on its end", sliding, async ({ gateway, browser, clock }) => {
    browser.cookiesFor = true;
    const tab = browser.tab();
    await tab.start();
    assert.deepEqual([tab.state.active, tab.state.expiresAt, clock.timers], [true, undefined, 0]);
    await tab.start({ expiresIn: 30 });
    assert.equal(tab.state.expiresAt - clock.now, 30_000);
  });
});
