// What a page does with `session.js`, in Node.js: fetches it from the gateway at URL as it is, logs in, asks, refreshes, logs out, and prints
// what it met as one line of JSON.
//   node session.mjs URL LOGIN-PATH PRESETS-FILE [SECONDS-BEFORE-REFRESH]
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";

const [url, loginPath, presetsFile, pause = "0"] = process.argv.slice(2);
const cookies = new Map();
// A page stays open, and so does this: the module's own timers do not keep a process.
const open = setInterval(() => {}, 1000);

/** As a browser's, with its cookies: Node.js has none. */
async function browserFetch(input, init = {}) {
  const headers = new Headers(init.headers);
  if (cookies.size) headers.set("Cookie", [...cookies].map(([name, value]) => `${name}=${value}`).join("; "));
  headers.set("Sec-Fetch-Site", "same-origin");
  const answer = await fetch(input, { ...init, headers });
  // Node 18 has no list of them, but none of these values has a comma in it.
  for (const [, name, value] of (answer.headers.get("Set-Cookie") ?? "").matchAll(/(?:^|, )([^=;,]+)=([^;]*)/g)) {
    if (value) cookies.set(name, value);
    else cookies.delete(name);
  }
  return answer;
}

const folder = await mkdtemp(join(tmpdir(), "slidegate-session-"));
try {
  const get = async (name) => (await fetch(`${url}/slidegate/${name}`)).text();
  const script = await get("session.js");
  const module = /from "\.\/([^"]+)"/.exec(script)[1];
  await writeFile(join(folder, "package.json"), '{ "type": "module" }');
  await writeFile(join(folder, module), await get(module));
  // Node.js loads no modules by HTTP: the script comes from a file, and is told where it would have come from.
  await writeFile(join(folder, "session.js"), script.replaceAll("import.meta.url", JSON.stringify(`${url}/slidegate/session.js`)));
  const { default: own, createSession, settings } = await import(pathToFileURL(join(folder, "session.js")));
  const presets = { ...(await import(pathToFileURL(presetsFile))) };

  const session = createSession(settings, { fetch: browserFetch, name: "test" });
  const ended = [];
  session.addEventListener("ended", ({ detail }) => ended.push(detail.reason));
  const content = JSON.stringify({ user: "ann" });
  const login = await browserFetch(url + loginPath, { method: "POST", headers: { "Content-Type": "application/json" }, body: content });
  const { subject, expiresAt } = await session.start(login);
  const first = session.token;
  const statuses = [];
  const ask = async () => statuses.push((await session.fetch(`${url}/orders`)).status);
  await ask();
  await new Promise((resolve) => setTimeout(resolve, Number(pause) * 1000));
  const isRefreshed = await session.refresh();
  const isOther = session.token !== first;
  await ask();
  const isLoggedOut = await session.logout();
  await ask();
  const result = {
    settings, presets, subject, isTimed: expiresAt > Date.now(), isRefreshed, isOther, isLoggedOut, statuses, ended,
    isDefaultActive: own.state.active,
  };
  session.close();
  own.close();
  console.log(JSON.stringify(result));
} finally {
  clearInterval(open);
  await rm(folder, { recursive: true });
}
