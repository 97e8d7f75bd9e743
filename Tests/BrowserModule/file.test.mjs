import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { describe, it } from "node:test";
import { Worker } from "node:worker_threads";
import { gzipSync } from "node:zlib";
import { eventually } from "./support/browser.mjs";
import { preset, suite } from "./support/suite.mjs";

const directory = new URL("../../Sources/BrowserModule/", import.meta.url);
const path = (name) => fileURLToPath(new URL(name, directory));
const text = (name) => readFileSync(path(name), "utf8");

/** What a command prints; undefined, with a word, where there is none. */
const run = (context, command, ...words) => {
  try {
    return execFileSync(command, words, { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  } catch (error) {
    if (error.code !== "ENOENT") throw new Error(`${command}: ${error.stdout}${error.stderr}`);
    context.skip(`${command} is not there: apt-get install ${{ tsc: "node-typescript" }[command] ?? command}`);
  }
};

describe("The files of the module", () => {
  it("are under 5 KiB, gzipped", () => {
    const { length } = gzipSync(text("slidegate.min.js"), { level: 9 });
    assert.ok(length < 5120, `${length} bytes`);
  });

  it("are small and readable, and the same", (context) => {
    const small = run(context, "esbuild", "--minify", "--format=esm", "--target=es2022", path("slidegate.js"));
    if (small !== undefined) assert.equal(text("slidegate.min.js"), small, "npm run minify");
  });

  it("need nothing from anywhere, and nothing that a strict Content-Security-Policy forbids", () => {
    for (const name of ["slidegate.js", "slidegate.min.js"]) {
      assert.doesNotMatch(text(name), /\bimport\b|\beval\b|\bFunction\s*\(|innerHTML|document\.write|createElement|\.cookie\b|console\.|unload|setInterval/);
      assert.doesNotMatch(text(name), /setTimeout\(\s*["'`]/);
    }
  });

  it("are what package.json says", async () => {
    const manifest = JSON.parse(text("package.json"));
    const named = [manifest.types, ...Object.values(manifest.exports).flatMap(Object.values)].map((name) => name.slice(2));
    for (const name of [...named, ...manifest.files]) assert.ok(text(name).length > 0, name);
    for (const name of named) assert.ok(manifest.files.includes(name), name);
    assert.equal(manifest.sideEffects, false);
  });

  it("are used as their types say", (context) => {
    const options = "--noEmit --strict --target es2022 --module nodenext --moduleResolution nodenext --lib es2022,dom --typeRoots /none";
    const samples = existsSync("/usr/share/nodejs/axios") ? ["sample.mts", "sample-axios.mts"] : ["sample.mts"];
    const paths = samples.map((name) => fileURLToPath(new URL(`support/${name}`, import.meta.url)));
    run(context, "tsc", ...options.split(" "), ...paths);
  });

  it("have types for all that they export, and no others", async () => {
    const { length } = Object.keys(await import(path("slidegate.js")));
    assert.equal(length, 3);
    for (const name of Object.keys(await import(path("slidegate.js")))) assert.match(text("slidegate.d.ts"), new RegExp(`^export (function|class) ${name}\\b`, "m"));
    for (const name of Object.keys(await import(path("presets.js")))) assert.match(text("presets.d.ts"), new RegExp(`^export const ${name}:`, "m"));
  });
});

describe("A worker", () => {
  it("has a session without document, location, storage or locks, and lets its thread end", async () => {
    const code = `
      const { parentPort } = require("node:worker_threads");
      import(${JSON.stringify(path("slidegate.min.js"))}).then(async ({ createSession }) => {
        const session = createSession({ origin: "https://api.example" }, { store: "local", fetch: async () => new Response("{}") });
        await session.start({ access: "a.e30.c", expiresIn: 60 });
        await session.fetch("https://api.example/");
        parentPort.postMessage(session.state.active);
      });`;
    const worker = new Worker(code, { eval: true });
    const answers = [];
    worker.on("message", (answer) => answers.push(answer));
    let status;
    worker.on("exit", (code) => (status = code));
    await eventually(() => status !== undefined);
    assert.deepEqual([answers, status], [[true], 0]);
  });
});

suite("With the channels of the platform", (test) => {
  test("tabs refresh once", { settings: preset("oauth2") }, async ({ gateway, tab, clock }) => {
    const options = { proactive: false, channel: (name) => new BroadcastChannel(name) };
    const [one, two] = [tab(options), tab(options)];
    await one.start(gateway.login());
    await eventually(() => two.state.active);
    clock.now += 61_000;
    const answers = await Promise.all([one, two].flatMap((each) => Array.from({ length: 50 }, () => each.fetch(`${gateway.origin}/api`))));
    assert.ok(answers.every(({ status }) => status === 200));
    assert.equal(gateway.refreshes, 1);
    await two.logout();
    await eventually(() => one.count("ended") === 1);
  });
});
