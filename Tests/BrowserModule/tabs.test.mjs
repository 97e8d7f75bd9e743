import assert from "node:assert/strict";
import { Page, Storage, eventually, quiet } from "./support/browser.mjs";
import { claimsOf, mint } from "./support/gateway.mjs";
import { preset, suite } from "./support/suite.mjs";

const settings = preset("oauth2");
const types = (tab) => tab.events.map(({ type }) => type);

suite("Tabs", (test) => {
  test("tell each other of logins, renewals, refreshes and logouts", { settings, sliding: "header" }, async ({ gateway, tab, clock }) => {
    const [one, two] = [tab({ proactive: false }), tab({ proactive: false })];
    await one.start(gateway.login());
    await eventually(() => two.state.active);
    assert.deepEqual([one.events[0].here, two.events[0].here], [true, false]);
    await clock.advance(45);
    await two.fetch(`${gateway.origin}/api`);
    await eventually(() => one.token === gateway.renewed);
    await clock.advance(61);
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(gateway.refreshes, 1);
    await eventually(() => two.token === one.token);
    assert.deepEqual(two.state, one.state);
    await two.logout();
    await eventually(() => !one.state.active);
    for (const each of [one, two]) assert.deepEqual(types(each), ["started", "renewed", "renewed", "ended"]);
    assert.equal(one.events.at(-1).reason, "logout");
    assert.equal(gateway.to("/logout").length, 1);
  });

  test("opened later know the session before their first request", { settings }, async ({ gateway, tab, browser }) => {
    const one = tab();
    await one.start(gateway.login());
    browser.channels.delay = 30;
    const two = tab();
    assert.equal(two.state.active, false);
    assert.equal((await two.fetch(`${gateway.origin}/api`)).status, 200);
    assert.deepEqual(types(two), ["started"]);
  });

  test("that are alone wait but a moment, and once", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    const begun = Date.now();
    await one.fetch(`${gateway.origin}/api`);
    assert.ok(Date.now() - begun < 2000);
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(gateway.requests.length, 2);
  });

  test("that wait for others obey the signal of a request", { settings }, async ({ gateway, tab }) => {
    const one = tab();
    let isOver = false;
    void one.refresh().then(() => (isOver = true)); // which waits as well
    const waiting = one.fetch(`${gateway.origin}/api`, { signal: AbortSignal.abort(new Error("enough")) });
    await assert.rejects(waiting, { message: "enough" });
    assert.equal(isOver, false);
    assert.equal(gateway.requests.length, 0);
  });

  test("may be without each other", { settings }, async ({ gateway, tab }) => {
    for (const channel of [null, () => null, () => { throw new DOMException("no", "SecurityError"); }]) {
      const one = tab({ channel });
      await one.start(gateway.login());
      assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
      await one.logout();
    }
  });

  test("of the same page and another gateway have nothing in common", { settings }, async ({ gateway, tab, browser }) => {
    const one = tab({ name: "same", store: "local" });
    browser.settings.origin = "https://other.example";
    const two = tab({ name: "same", store: "local" });
    await one.start(gateway.login());
    await quiet();
    assert.equal(two.token, undefined);
    assert.deepEqual(two.events, []);
  });

  test("do not undo a login by what they knew before", { settings }, async ({ gateway, tab, clock, browser }) => {
    const [one, two] = [tab(), tab()];
    await one.start(gateway.login("alice"));
    await eventually(() => two.state.active);
    browser.channels.delay = 30;
    await clock.advance(45);
    await two.start(gateway.login("bob"));
    gateway.sliding = "header";
    await one.fetch(`${gateway.origin}/api`); // and tells of a renewal of alice's
    await eventually(() => one.state.subject === "bob");
    await new Promise((resolve) => setTimeout(resolve, 50));
    assert.equal(two.state.subject, "bob");
    assert.equal(one.token, two.token);
  });

  test("that log in at the same moment agree on one", { settings }, async ({ gateway, tab, browser }) => {
    const tabs = [tab(), tab(), tab()];
    browser.channels.delay = 20;
    for (const [index, each] of tabs.entries()) await each.start(gateway.login(`user${index}`));
    await new Promise((resolve) => setTimeout(resolve, 60));
    assert.equal(new Set(tabs.map((each) => each.token)).size, 1);
  });

  test("never take an older token for a newer one", { settings }, async ({ gateway, tab, browser }) => {
    const [one] = [tab()];
    await one.start(gateway.login());
    const { token } = one;
    const told = browser.channels.messages.findLast(({ record }) => record?.access === token).record;
    const channel = browser.channels.open(`slidegate ${gateway.origin}`);
    const older = [
      { ...told, access: "x" }, { ...told, exp: told.exp - 1, access: "x" }, { ...told, turn: -1, exp: 9e12, access: "x" },
      { ...told, epoch: told.epoch - 1, turn: 9, exp: 9e12, access: "x" }, { ...told, epoch: told.epoch - 1, over: "logout" },
      { ...told, exp: told.exp - 1, over: "expired" }, { ...told, turn: -1, over: "refused" },
      null, 7, "x", {}, { epoch: "9e99", turn: 0, exp: 0 }, { epoch: NaN, turn: 0, exp: 0 }, { epoch: Infinity, turn: 0, exp: 0 }, [], { epoch: 9e15 },
    ];
    for (const record of older) channel.postMessage({ from: 1, record });
    await quiet();
    assert.equal(one.token, token);
    assert.deepEqual(types(one), ["started"]);
    channel.postMessage({ from: 1, record: { ...told, turn: 1, access: "newer" } });
    await eventually(() => one.token === "newer");
  });

  test("are not upset by strange words", { settings }, async ({ gateway, tab, browser }) => {
    const one = tab();
    await one.start(gateway.login());
    const channel = browser.channels.open(`slidegate ${gateway.origin}`);
    for (const word of [null, undefined, 7, "x", [], {}, { ask: {} }, { to: null }, { record: () => {} }].filter((word) => typeof word?.record !== "function")) {
      channel.postMessage(word);
    }
    await quiet();
    assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
  });

  test("do not log each other out by their clocks: one that missed a renewal asks first", { sliding: "header" }, async ({ gateway, tab, clock, browser }) => {
    const [one, two] = [tab(), tab()];
    await one.start(gateway.login());
    await eventually(() => two.state.active);
    await clock.advance(45);
    one.channels[0].isDeaf = true;
    await two.fetch(`${gateway.origin}/api`);
    await quiet();
    one.channels[0].isDeaf = false;
    assert.notEqual(one.token, two.token);
    await clock.advance(16);
    await eventually(() => one.token === two.token);
    assert.equal(one.count("ended"), 0);
  });

  test("that end by the clock do so each for itself, once", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const tabs = [tab(), tab()];
    await tabs[0].start(gateway.login());
    await eventually(() => tabs[1].state.active);
    await clock.advance(62);
    await eventually(() => tabs.every((each) => each.count("ended") === 1));
    await clock.advance(100);
    for (const each of tabs) assert.deepEqual(types(each), ["started", "ending", "ended"]);
  });

  test("do not take the clock of one for the end of another, whose answer under way renews the session for all", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const [idle, busy] = [tab(), tab()];
    await idle.start(gateway.login());
    await eventually(() => busy.state.active);
    await clock.advance(55);
    const { sid, exp } = claimsOf(busy.token);
    const next = mint({ sub: "alice", sid, iat: exp - 20, exp: exp + 40 });
    const release = gateway.hold("/slow", (_, response) =>
      response.writeHead(200, { "X-Refresh-Token": next, "X-Token-Expires-In": "37", "Cache-Control": "no-store" }).end());
    const slow = busy.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    await clock.advance(8);
    await eventually(() => idle.count("ended") === 1);
    await quiet();
    assert.ok(busy.state.active);
    release();
    await slow;
    assert.equal(busy.token, next);
    await eventually(() => idle.token === next);
    assert.deepEqual([types(idle), types(busy)], [["started", "ending", "ended", "started"], ["started", "ending", "renewed"]]);
  });

  test("have a later login after such an end", { sliding: "header" }, async ({ gateway, tab, clock }) => {
    const tabs = [tab(), tab()];
    await tabs[0].start(gateway.login());
    await clock.advance(62);
    await eventually(() => tabs.every((each) => each.count("ended") === 1));
    await tabs[1].start(gateway.login("bob"));
    await eventually(() => tabs[0].state.subject === "bob");
  });
});

suite("Storage", (test) => {
  const stored = (browser) => JSON.parse([...browser.storage.items.values()][0] ?? "null");

  test("holds the session with `local` alone, under the gateway's name", { settings }, async ({ gateway, tab, browser }) => {
    await tab().start(gateway.login());
    assert.equal(browser.storage.items.size, 0);
    const pair = gateway.login();
    await tab({ store: "local", name: "mine" }).start(pair);
    assert.deepEqual([...browser.storage.items.keys()], [`mine ${gateway.origin}`]);
    assert.deepEqual([stored(browser).access, stored(browser).refresh], [pair.access, pair.refresh]);
  });

  test("gives it to a tab at once, after the last one is closed", { settings }, async ({ gateway, tab }) => {
    const one = tab({ store: "local" });
    await one.start(gateway.login());
    one.close();
    const two = tab({ store: "local" });
    assert.equal(two.token, undefined ?? two.token);
    assert.equal(two.state.subject, "alice");
    assert.deepEqual(two.events, []);
    assert.equal((await two.fetch(`${gateway.origin}/api`)).status, 200);
  });

  test("holds no token after a logout, and what it holds keeps stale tabs from bringing the session back", { settings, sliding: "header" }, async ({ gateway, tab, browser, clock }) => {
    const one = tab({ store: "local" });
    await one.start(gateway.login());
    const two = tab({ store: "local" });
    two.channels[0].isDeaf = true; // frozen
    await one.logout();
    assert.doesNotMatch(JSON.stringify(stored(browser)), /eyJ|~/);
    const { sid, exp } = claimsOf(two.token);
    gateway.routes.set("/api", (_, response) => response.writeHead(200, { "X-Refresh-Token": mint({ sid, sub: "alice", exp: exp + 9 }) }).end());
    await two.fetch(`${gateway.origin}/api`);
    assert.equal(stored(browser).over, "logout");
    assert.equal(two.state.active, false);
    assert.equal(two.events.at(-1).reason, "logout");
    const three = tab({ store: "local" });
    assert.equal(three.state.active, false);
  });

  test("tells tabs that have no channel", { settings }, async ({ gateway, tab, browser }) => {
    const page = new Page().install();
    const one = tab({ store: "local", channel: null });
    const two = tab({ store: "local", channel: null });
    await one.start(gateway.login());
    page.fire("storage", { key: "other" });
    assert.equal(two.state.active, false);
    page.fire("storage", { key: `slidegate ${gateway.origin}` });
    assert.equal(two.token, one.token);
    await one.logout();
    page.fire("storage", { key: `slidegate ${gateway.origin}` });
    assert.equal(two.events.at(-1).type, "ended");
    page.fire("storage", { key: null });
  });

  test("that is blocked, full or spoilt does no harm", { settings }, async ({ gateway, tab, browser }) => {
    const full = new Storage();
    full.setItem = () => { throw new DOMException("full", "QuotaExceededError"); };
    const blocked = { getItem() { throw new DOMException("no", "SecurityError"); }, setItem() { throw new DOMException("no", "SecurityError"); } };
    const spoilt = (text) => Object.assign(new Storage(), { getItem: () => text });
    for (const storage of [full, blocked, ...["", "{", "null", "7", "[]", "{}", `{"epoch":"1"}`, `{"epoch":1}`].map(spoilt), undefined]) {
      const one = tab({ store: "local", storage, channel: null });
      assert.equal(one.state.active, false);
      await one.start(gateway.login());
      assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
      await one.logout();
      assert.equal(one.state.active, false);
    }
  });
});

suite("A page in the back/forward cache", (test) => {
  test("has no channel, and catches up when it is shown again", { settings }, async ({ gateway, tab, browser, clock }) => {
    const page = new Page().install();
    const one = tab();
    Page.uninstall();
    const two = tab();
    await one.start(gateway.login());
    await eventually(() => two.state.active);
    page.fire("pagehide", { persisted: true });
    assert.equal(browser.channels.all.size, 1);
    await two.logout();
    await two.start(gateway.login("bob"));
    await quiet();
    assert.equal(one.state.subject, "alice");
    page.fire("pageshow", { persisted: true });
    await assert.rejects(one.fetch(`${gateway.origin}/api`, { method: "POST", body: "as alice" }), { name: "SessionEnded", reason: "replaced" });
    assert.equal(one.state.subject, "bob");
    assert.equal(gateway.to("/api").length, 0, "nothing of alice's page goes out as bob");
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(gateway.requests.at(-1).token, two.token);
    page.fire("pagehide", { persisted: true });
    page.fire("pageshow", { persisted: true });
    await two.logout();
    await eventually(() => !one.state.active);
  });

  test("does not miss its refresh", { settings }, async ({ gateway, tab, clock }) => {
    const page = new Page().install();
    const one = tab();
    await one.start(gateway.login());
    page.fire("pagehide", { persisted: true });
    await clock.advance(55);
    assert.equal(gateway.refreshes, 0);
    page.fire("pageshow", { persisted: true });
    await eventually(() => one.count("renewed") === 1);
  });

  test("and a frozen one that goes on catch up", { settings }, async ({ gateway, tab }) => {
    const page = new Page().install();
    const one = tab();
    Page.uninstall();
    const two = tab();
    await one.start(gateway.login());
    one.channels[0].isDeaf = true;
    await eventually(() => two.state.active);
    await two.logout();
    one.channels[0].isDeaf = false;
    page.document.dispatchEvent(new Event("resume"));
    await eventually(() => one.count("ended") === 1);
  });

  test("listens for nothing that would keep it out of there", {}, async ({ tab }) => {
    const page = new Page();
    const types = [];
    page.window.addEventListener = (type) => types.push(type);
    page.install();
    tab();
    assert.deepEqual(types, ["pagehide", "pageshow", "storage"]);
  });
});
