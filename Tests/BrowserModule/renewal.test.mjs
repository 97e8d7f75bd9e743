import assert from "node:assert/strict";
import { eventually } from "./support/browser.mjs";
import { claimsOf, mint } from "./support/gateway.mjs";
import { preset, suite } from "./support/suite.mjs";

/** A session in its token's window, at a gateway that renews. */
const due = async ({ gateway, clock, tab }, pair = gateway.login()) => {
  const one = tab();
  await one.start(pair);
  await clock.advance(45);
  return one;
};

/** Answers `/api` with a successor of one's own. */
const offer = (gateway, successor, more = {}) =>
  gateway.routes.set("/api", (_, response) => response.writeHead(200, { "X-Refresh-Token": successor, "Cache-Control": "no-store", ...more }).end());

suite("A renewed token", (test) => {
  for (const status of [200, 201, 204, 301, 400, 403, 404, 409, 500, 503]) {
    test(`is taken from an answer with ${status}`, { sliding: "header" }, async (world) => {
      const { gateway, clock } = world;
      const one = await due(world);
      await one.fetch(`${gateway.origin}/api/status/${status}`, { redirect: "manual" });
      assert.equal(one.token, gateway.renewed);
      assert.equal(one.state.expiresAt - clock.now, 55_000, "lives as long as the answer says, counted from now");
      assert.equal(one.count("renewed"), 1);
      await one.fetch(`${gateway.origin}/api`);
      assert.equal(gateway.requests.at(-1).token, gateway.renewed);
    });
  }

  test("may come as Authorization", { sliding: "authorization", settings: { deliver: "authorization" } }, async (world) => {
    const one = await due(world);
    await one.fetch(`${world.gateway.origin}/api`);
    assert.equal(one.token, world.gateway.renewed);
  });

  test("may come under another name", { settings: { header: "X-Next" } }, async (world) => {
    const one = await due(world);
    const { sid, exp } = claimsOf(one.token);
    offer(world.gateway, "no", { "X-Next": mint({ sid, sub: "alice", exp: exp + 1 }) });
    await one.fetch(`${world.gateway.origin}/api`);
    assert.equal(claimsOf(one.token).exp, exp + 1);
  });

  test("is not looked for where nothing is delivered", { settings: { deliver: null } }, async (world) => {
    const one = await due(world);
    const { sid, exp } = claimsOf(one.token);
    offer(world.gateway, mint({ sid, sub: "alice", exp: exp + 1 }));
    await one.fetch(`${world.gateway.origin}/api`);
    assert.equal(claimsOf(one.token).exp, exp);
  });

  const refused = {
    "ends no later": ({ exp, sid }) => mint({ sid, sub: "alice", exp }),
    "ends earlier": ({ exp, sid }) => mint({ sid, sub: "alice", exp: exp - 1 }),
    "is of another session": ({ exp }) => mint({ sid: "other", sub: "alice", exp: exp + 60 }),
    "is of no session": ({ exp }) => mint({ sub: "alice", exp: exp + 60 }),
    "has no end": ({ sid }) => mint({ sid, sub: "alice" }),
    "has an end that is no number": ({ sid }) => mint({ sid, sub: "alice", exp: "9999999999" }),
    "is empty": () => "",
    "is one word": () => "x",
    "has claims that are no base64": () => "a.%%%.c",
    "has claims that are no JSON": () => "a.e30x.c",
    "has claims that are null": () => `a.${Buffer.from("null").toString("base64url")}.c`,
    "has claims that are no UTF-8": () => `a.${Buffer.from([0x7b, 0xff, 0x7d]).toString("base64url")}.c`,
    "is very long": () => "a." + "A".repeat(8000) + ".c",
  };
  for (const [name, make] of Object.entries(refused)) {
    test(`is passed over where it ${name}`, {}, async (world) => {
      const { gateway } = world;
      const one = await due(world);
      const { token, state } = one;
      offer(gateway, make(claimsOf(token)), { "X-Token-Expires-In": "9999" });
      assert.equal((await one.fetch(`${gateway.origin}/api`)).status, 200);
      assert.equal(one.token, token);
      assert.equal(one.count("renewed"), 0);
      if (make(claimsOf(token))) assert.deepEqual(one.state, state, "and so are its seconds");
    });
  }

  test("of a token without session is its own successor, by subject and by what was sent", {}, async (world) => {
    const { gateway, clock } = world;
    const first = mint({ sub: "alice", iat: gateway.now, exp: gateway.now + 60 });
    const one = await due(world, { access: first });
    const { exp } = claimsOf(first);
    offer(gateway, mint({ sub: "bob", exp: exp + 60 }));
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(one.token, first);

    const successor = mint({ sub: "alice", sid: "derived", exp: exp + 40, iat: exp - 20 });
    let release;
    const released = new Promise((resolve) => (release = resolve));
    gateway.routes.set("/slow", async (_, response) => {
      await released;
      response.writeHead(200, { "X-Refresh-Token": mint({ sub: "alice", sid: "stranger", exp: exp + 90 }) }).end();
    });
    const slow = one.fetch(`${gateway.origin}/slow`);
    offer(gateway, successor);
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(one.token, successor);
    release();
    await slow;
    assert.equal(one.token, successor);
  });

  test("of a token without session that was refreshed meanwhile is nobody's", { settings: preset("oauth2") }, async (world) => {
    const { gateway, tab } = world;
    const one = tab({ proactive: false });
    await one.start(gateway.login("alice", { sid: undefined }));
    const release = gateway.hold("/slow", (_, response) =>
      response.writeHead(200, { "X-Refresh-Token": mint({ sub: "alice", exp: gateway.now + 999 }) }).end());
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    assert.equal(await one.refresh(), true);
    const { token } = one;
    release();
    await slow;
    assert.equal(one.token, token);
  });

  test("that overtakes another is not undone by it", { sliding: "header" }, async (world) => {
    const { gateway, clock } = world;
    const one = await due(world);
    const release = gateway.hold("/slow");
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    const { sid, exp } = claimsOf(one.token);
    const later = mint({ sub: "alice", sid, iat: exp, exp: exp + 500 });
    offer(gateway, later, { "X-Token-Expires-In": "515" });
    await one.fetch(`${gateway.origin}/api`);
    release();
    await slow;
    assert.equal(one.token, later);
    assert.equal(one.state.expiresAt - clock.now, 515_000);
  });

  test("to a request of the session before is nobody's", { sliding: "header" }, async (world) => {
    const { gateway } = world;
    const one = await due(world);
    const release = gateway.hold("/slow", (_, response) => {
      response.writeHead(200, { "X-Refresh-Token": mint({ sub: "alice", sid: "s1", exp: gateway.now + 999 }), "Cache-Control": "no-store" }).end();
    });
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    await one.start({ access: mint({ sub: "alice", sid: "s1", iat: gateway.now, exp: gateway.now + 60 }) });
    const { token } = one;
    release();
    await slow;
    assert.equal(one.token, token, "even if it could be taken for the present one's");
  });

  test("counts the same for many answers at once", { sliding: "header" }, async (world) => {
    const one = await due(world);
    await Promise.all(Array.from({ length: 20 }, () => one.fetch(`${world.gateway.origin}/api`)));
    assert.equal(one.count("renewed"), 1);
  });
});

suite("The seconds that are left", (test) => {
  test("are believed of an answer that no cache may keep", { tells: "all" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start({ ...gateway.login(), expiresIn: 1000 });
    await clock.advance(10);
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(one.state.expiresAt - clock.now, 50_000);
    assert.equal(one.count("renewed"), 0, "which is no renewal");
  });

  test("are believed for a token that says nothing itself", { tells: "all" }, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start({ access: "opaque" });
    gateway.routes.set("/api", (_, response) => response.writeHead(200, { "X-Token-Expires-In": "50", "Cache-Control": "no-store" }).end());
    await one.fetch(`${gateway.origin}/api`);
    assert.equal(one.state.expiresAt - clock.now, 50_000);
  });

  test("are not believed of an answer to an older token", { sliding: "header" }, async (world) => {
    const { gateway, clock } = world;
    const one = await due(world);
    const release = gateway.hold("/slow", (_, response) => response.writeHead(200, { "X-Token-Expires-In": "15", "Cache-Control": "no-store" }).end());
    const slow = one.fetch(`${gateway.origin}/slow`);
    await eventually(() => gateway.to("/slow").length === 1);
    await one.fetch(`${gateway.origin}/api`);
    release();
    await slow;
    assert.equal(one.state.expiresAt - clock.now, 55_000);
  });

  for (const [name, fields] of Object.entries({
    "of an answer that a cache may have kept": { "X-Token-Expires-In": "5000", "X-Session-Expires-In": "5000", "Cache-Control": "private, max-age=60" },
    "that are no number": { "X-Token-Expires-In": "5e3", "Cache-Control": "no-store" },
    "that are negative": { "X-Token-Expires-In": "-1", "Cache-Control": "no-store" },
    "that are beyond all measure": { "X-Token-Expires-In": "9".repeat(30), "Cache-Control": "no-store" },
  })) {
    test(`are not believed ${name}`, {}, async ({ gateway, tab, clock }) => {
      const one = tab();
      await one.start(gateway.login());
      const { state } = one;
      gateway.routes.set("/api", (_, response) => response.writeHead(200, fields).end());
      await one.fetch(`${gateway.origin}/api`);
      assert.deepEqual(one.state, state);
    });
  }

  test("of a stored answer with an old successor change nothing", { sliding: "header" }, async (world) => {
    const { gateway, clock } = world;
    const one = await due(world);
    await one.fetch(`${gateway.origin}/api`);
    const { token } = one;
    await clock.advance(20);
    const { state } = one;
    // As a cache that keeps what it must not would answer.
    offer(gateway, token, { "X-Token-Expires-In": "55" });
    await one.fetch(`${gateway.origin}/api`);
    assert.deepEqual(one.state, state);
  });

  test("of the session are its end, and the token's where it is earlier", {}, async ({ gateway, tab, clock }) => {
    const one = tab();
    await one.start(gateway.login());
    gateway.routes.set("/api", (_, response) => response.writeHead(200, { "X-Token-Expires-In": "60", "X-Session-Expires-In": "40", "Cache-Control": "no-store" }).end());
    await one.fetch(`${gateway.origin}/api`);
    assert.deepEqual([one.state.sessionEndsAt, one.state.expiresAt].map((time) => time - clock.now), [40_000, 40_000]);
  });
});
