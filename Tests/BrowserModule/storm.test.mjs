// What no list of cases holds: tabs that do everything at once, in an order drawn by lot, while servers fail, words are late and pages are put
// aside. Whatever happens, the promises hold. A failure names its seed: STORM_SEED=n runs that one alone.

import assert from "node:assert/strict";
import { Page, eventually } from "./support/browser.mjs";
import { claimsOf } from "./support/gateway.mjs";
import { preset, suite } from "./support/suite.mjs";

const seeds = process.env.STORM_SEED ? [Number(process.env.STORM_SEED)] : Array.from({ length: Number(process.env.STORMS ?? 5) }, (_, index) => index + 1);

/** Numbers in [0, 1) that are the same for the same seed. */
const lots = (seed) => () => {
  seed = (seed + 0x6d2b79f5) | 0;
  let mixed = Math.imul(seed ^ (seed >>> 15), 1 | seed);
  mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
  return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
};

const storm = async (seed, { gateway, browser, clock }, endpoint = "/oauth/token") => {
  const { inCookies } = gateway;
  browser.cookiesFor = inCookies;
  const lot = lots(seed);
  const pick = (list) => list[Math.floor(lot() * list.length)];
  const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
  const store = pick(["memory", "local"]);
  browser.channels.delay = () => lot() * 25;
  if (lot() < 0.5) gateway.sliding = inCookies ? "cookie" : "header";

  const tabs = [];
  const open = () => {
    const page = new Page().install();
    const tab = browser.tab({ store, proactive: pick([true, true, false, "always"]), timeout: 3000 });
    Page.uninstall();
    tabs.push(Object.assign(tab, { page, isAside: false, wasActive: tab.state.active }));
  };
  for (let count = 0; count < 3; count++) open();

  let users = 0;
  const login = async (tab) => {
    const answer = inCookies && (await tab.fetch(`${gateway.origin}/login`, { method: "POST" }));
    await tab.start(answer || gateway.login(`user${++users}`));
  };
  const requests = [];
  const acts = {
    request: [12, (tab) => {
      const { subject, active } = tab.state;
      const body = JSON.stringify({ as: active ? subject : null });
      const signal = lot() < 0.1 ? AbortSignal.timeout(Math.ceil(lot() * 30)) : undefined;
      requests.push(tab.fetch(`${gateway.origin}/api`, { method: "POST", body, slide: lot() < 0.8, signal }).then(({ status }) => status, (error) => error.name));
    }],
    burst: [2, (tab) => { for (let count = 0; count < 8; count++) acts.request[1](tab); }],
    time: [8, () => clock.advance(pick([1, 5, 15, 30, 61]))],
    login: [1, login],
    logout: [0.7, (tab) => void tab.logout()],
    refresh: [0.5, (tab) => void tab.refresh()],
    aside: [1, (tab) => {
      tab.isAside = true;
      tab.page.fire("pagehide", { persisted: true });
    }],
    back: [2, () => {
      const tab = tabs.find(({ isAside }) => isAside);
      if (!tab) return;
      tab.isAside = false;
      tab.page.fire("pageshow", { persisted: true });
    }],
    another: [0.3, () => tabs.length < 6 && open()],
    away: [0.7, () => gateway.routes.set(endpoint, pick([
      (_, response) => response.writeHead(503).end(), (_, response) => response.destroy(), () => {},
    ]))],
    there: [2, () => gateway.routes.delete(endpoint)],
    slow: [1, () => void setTimeout(gateway.hold(endpoint), lot() * 60)],
    breath: [4, () => pause(lot() * 20)],
  };
  const names = Object.keys(acts);
  const total = names.reduce((sum, name) => sum + acts[name][0], 0);

  await login(tabs[0]);
  for (let step = 0; step < 60; step++) {
    let left = lot() * total;
    const name = names.find((name) => (left -= acts[name][0]) < 0);
    await acts[name][1](pick(tabs.filter(({ isAside }) => !isAside)) ?? tabs[0]);
  }

  // The weather clears up.
  gateway.routes.clear();
  for (const tab of tabs.filter(({ isAside }) => isAside)) tab.page.fire("pageshow", { persisted: true });
  const outcomes = await Promise.race([
    Promise.all(requests),
    (async () => {
      for (let round = 0; round < 400; round++) {
        await pause(10);
        if (round % 20 === 19) await clock.advance(4); // for what waits for a server that is silent
      }
      throw new Error("a request was never settled");
    })(),
  ]);
  for (const outcome of outcomes) assert.ok([200, 401, "SessionEnded", "RefreshFailed", "AbortError", "TimeoutError", "TypeError"].includes(outcome), outcome);

  for (const { token, content } of gateway.to("/api")) {
    const { as } = JSON.parse(content);
    if (token && as && !inCookies) assert.equal(claimsOf(token).sub, as, "a request went out as somebody else");
  }
  assert.equal(gateway.reuses, 0, "a refresh token was used twice");
  await eventually(() => new Set(tabs.map(({ token, state }) => token ?? state.active)).size === 1, "the tabs agree");

  await eventually(() => browser.locks.waiting === 0, "the lock is free");
  await pick(tabs).logout();
  await eventually(() => tabs.every(({ state }) => !state.active), "a logout reaches every tab");
  await clock.advance(200);
  for (const tab of tabs) {
    assert.equal(tab.state.active, false);
    let isActive = tab.wasActive;
    for (const { type } of tab.events) {
      if (type !== "started") assert.ok(isActive, `${type} without a session`);
      isActive = type !== "ended";
    }
    assert.equal(isActive, false);
  }
};

suite("A storm", (test) => {
  const cookies = { wire: "cookie", inCookies: true, settings: { ...preset("cookie"), send: "cookie", deliver: "cookie", login: [{ path: "/login" }] } };
  for (const seed of seeds) {
    test(`of tabs, number ${seed}`, { settings: preset("oauth2") }, (world) => storm(seed, world));
    test(`of tabs with cookies, number ${seed}`, cookies, (world) => storm(seed, world, "/refresh"));
  }
});
