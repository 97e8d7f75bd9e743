// The status page: asks for /status.json again and again, and shows what it says. Nothing here is ever made of markup.

import { SecretNeeded, ask, forgetSecret, holdsSecret, keepSecret } from "./gateway.js";
import { History, merged, quantile, total } from "./history.js";
import { clear, showSessions, whenSecretNeeded } from "./sessions.js";
import { Line, ago, bytes, count, counted, duration, make, moment, number, put, share, spoken, table, theirs } from "./show.js";

const interval = 2000;       // milliseconds between two questions
const rateSeconds = 10;
const routesMax = 20;
const refusalsMax = 10;      // shown unless all are asked for
const certificateDays = 14;  // before a certificate's end that it is worth a word

const element = (id) => document.getElementById(id);
const history = new History();
let timer;
let lastAnswer;              // when there was one, by the browser's clock

// MARK: Asking

/** - `fault`: what to say if the listener still wants its secret. */
async function look(fault) {
  clearTimeout(timer);
  if (document.hidden) return;
  try {
    history.add(await ask("status.json"));
    lastAnswer = Date.now();
    element("ask").hidden = true;
    element("all").hidden = false;
    element("forget").hidden = !holdsSecret();
    element("secret").value = "";
    show();
  } catch (error) {
    if (error instanceof SecretNeeded) return askForSecret(fault);
    const silence = lastAnswer ? `; what is below is ${spoken((Date.now() - lastAnswer) / 1000)} old` : "";
    state("trouble", `The gateway does not answer: ${error.message}${silence}`);
  }
  clearTimeout(timer);
  timer = setTimeout(() => look(), interval);
}

document.addEventListener("visibilitychange", () => look());

function state(tone, text) {
  const pill = element("state");
  pill.dataset.tone = tone;
  if (pill.textContent !== text) pill.textContent = text;
}

// MARK: The secret

function askForSecret(fault = "") {
  clearTimeout(timer);
  clear();
  element("all").hidden = element("forget").hidden = true;
  element("ask").hidden = false;
  put(element("ask-fault"), fault);
  put(element("about"));
  state("quiet", "Locked");
  element("secret").select();
}
whenSecretNeeded(askForSecret);

element("ask").addEventListener("submit", (event) => {
  event.preventDefault();
  keepSecret(element("secret").value.trim());
  look("That is not the secret.");
});

element("forget").addEventListener("click", () => {
  forgetSecret();
  askForSecret();
});

// MARK: Showing

function show() {
  const { report } = history.latest;
  showState(report);
  showAttention(report);
  showTiles(report);
  showShadow(report);
  showLatency(report);
  showRoutes(report);
  showUpstreams(report);
  showRefusals(report);
  showKeys(report);
  showSessions(report.sessions, report.time);
  showProcess(report);
}

function showState(report) {
  const [tone, text] = {
    ready: ["well", "Up and ready"], loading: ["look", "Up, not ready: revocations are not loaded yet"], draining: ["look", "Draining: takes no new connections"],
  }[report.readiness] ?? ["quiet", report.readiness];
  state(tone, text);
  document.title = `${report.readiness === "ready" ? "" : "⚠ "}Slidegate`;
  put(element("about"), `${report.build.version} · up ${spoken(report.process.uptime)} · ${report.listeners.join(", ")}`);
}

/** What an operator has to know first. */
function showAttention(report) {
  const items = [];
  const add = (tone, word, ...text) => items.push(make("li", { "data-tone": tone }, make("b", {}, word), make("div", {}, ...text)));
  const missing = report.workers.count - report.workers.reporting;
  if (missing > 0) add("trouble", "Workers", `${missing} of ${counted(report.workers.count, "worker")} did not answer in time; what they do is missing below.`);
  for (const { name, queued, servers } of report.upstreams) {
    const unwell = servers.filter((server) => server.workers_up < report.workers.count && server.state !== "drained");
    const isDown = servers.length > 0 && servers.every((server) => server.workers_up === 0);
    if (isDown) add("trouble", "Upstream", theirs(name), ": no server is available.");
    else if (unwell.length > 0) add("look", "Upstream", theirs(name), `: ${unwell.length} of ${counted(servers.length, "server")} not fully available.`);
    if (queued > 0) add("look", "Upstream", theirs(name), `: ${counted(queued, "request")} ${queued === 1 ? "waits" : "wait"} for a server.`);
  }
  if (report.store && !report.store.up) add("trouble", "Store", "The store of sessions does not answer; revocations may be missing.");
  if (report.store?.revocations_dropped > 0) add("trouble", "Store", `${counted(report.store.revocations_dropped, "revocation")} found no room.`);
  for (const { name, listener, not_after } of report.certificates) {
    const left = not_after - report.time;
    if (left < certificateDays * 86400) add(left < 2 * 86400 ? "trouble" : "look", "Certificate", "Of ", theirs(name), ` at ${listener}: ${left > 0 ? `ends in ${spoken(left)}` : `ended ${spoken(-left)} ago`}.`);
  }
  for (const { source, keys } of report.key_sets) if (keys === 0) add("trouble", "Keys", "None from ", theirs(source), ".");
  const dropped = history.change((report) => total(report.log_lines_dropped)).count;
  if (dropped > 0) add("look", "Logs", `${counted(dropped, "line")} lost in the last minute.`);
  const recent = (name) => history.change((report) => report.counters[name]).count;
  if (recent("jwks_failures") > 0) add("look", "Keys", "A set of keys could not be fetched in the last minute; the one before stays in force for a while.");
  if (recent("mint_failures") > 0) add("trouble", "Keys", `${counted(recent("mint_failures"), "renewal")} could not be signed in the last minute.`);
  if (recent("shed_requests") > 0) add("look", "Load", `${counted(recent("shed_requests"), "request")} shed in the last minute, at a limit.`);
  if (recent("reuse_detected") > 0) add("look", "Sessions", `${counted(recent("reuse_detected"), "session")} ended in the last minute because a used refresh token came back.`);
  const all = history.rate("requests", 60) ?? 0, failures = history.rate("failures", 60) ?? 0;
  if (failures * 60 >= 3 && failures / all >= 0.02) add("trouble", "Failures", `${share(failures, all)} of the requests of the last minute failed.`);
  const inShadow = (report.shadow ?? []).filter(({ active }) => active).length;
  if (inShadow > 0) add("look", "Shadow", `Nothing is refused on ${counted(inShadow, "route")}, see below.`);
  const reload = report.configuration.last_reload;
  if (reload && !reload.applied) {
    add(
      "look", "Reload", `Refused ${ago(reload.time, report.time)}; the configuration from before is in force.`,
      make("ul", {}, ...reload.complaints.map((line) => make("li", {}, theirs(line)))));
  }
  put(element("attention-say"), items.length === 0 ? "Nothing needs attention." : `${items.length === 1 ? "1 thing needs" : `${items.length} things need`} attention.`);
  if (items.length === 0) add("well", "✓", "Nothing needs attention.");
  put(element("attention"), ...items);
}

// MARK: Rates

const tiles = [
  { name: "requests", title: "Requests", tone: "quiet" }, { name: "renewals", title: "Renewals", tone: "well" },
  { name: "refusals", title: "Refusals", tone: "look" }, { name: "failures", title: "Failures", tone: "trouble" },
  { name: "active", title: "In flight", tone: "quiet", isNow: true }, { name: "connections", title: "Connections", tone: "quiet", isNow: true },
].map((tile) => {
  const line = new Line(), value = make("p", { class: "value", id: `${tile.name}-rate` }), below = make("p");
  element("tiles").append(make("section", { class: "tile", "data-tone": tile.tone, "aria-label": tile.title }, make("h3", {}, tile.title), value, below, line.element));
  return { ...tile, line, value, below };
});

function showTiles(report) {
  const now = { active: report.active.requests, connections: report.active.connections };
  const requests = history.rate("requests", rateSeconds);
  for (const { name, isNow, line, value, below } of tiles) {
    const rate = isNow ? now[name] : history.rate(name, rateSeconds);
    put(value, isNow ? count(rate) : number(rate), isNow ? undefined : make("small", {}, " /s"));
    const peak = line.draw(history.points, name);
    const words = [];
    if (["renewals", "refusals", "failures"].includes(name) && requests > 0) words.push(share(rate, requests));
    if (name === "connections" && report.active.tunnels > 0) words.push(counted(report.active.tunnels, "tunnel"));
    if (peak > 0) words.push(`peak ${isNow ? count(peak) : number(peak)}`);
    put(below, words.join(" · "));
  }
}

// MARK: Latency

const shares = [["p50", 0.5], ["p90", 0.9], ["p99", 0.99]];

/** Of the last minute, or where nothing came then, since the start. */
function quantiles(read, bounds) {
  const recent = history.recent(read);
  const histogram = recent?.count > 0 ? recent : read(history.latest.report);
  return { isRecent: recent?.count > 0, count: histogram?.count ?? 0, values: shares.map(([, part]) => quantile(histogram, part, bounds)) };
}

function showLatency(report) {
  const bounds = report.latency_bounds;
  const rows = [];
  const add = (name, read) => {
    const { isRecent, count: samples, values } = quantiles(read, bounds);
    if (samples > 0) rows.push([isRecent ? name : [...[name].flat(), " ", make("span", { class: "tag" }, "since the start")], ...values.map(duration), count(samples)]);
  };
  add("Whole request", (report) => merged(report.routes.map(({ latency }) => latency)));
  for (const { name } of report.upstreams) {
    add(["Upstream ", theirs(name), " until its answer begins"], (report) => report.upstreams.find((upstream) => upstream.name === name)?.latency);
  }
  add("Verifying a token", (report) => report.durations.verify);
  add("Signing a successor", (report) => report.durations.mint);
  add("Asking the store", (report) => report.durations.store);
  const columns = [{ title: "" }, ...shares.map(([title]) => ({ title, kind: "number" })), { title: "counted", kind: "number" }];
  put(element("latency"), rows.length > 0 ? table("", columns, rows, "dense") : make("p", { class: "empty" }, "No request has come yet."));
}

// MARK: Routes

const routeNamed = (name) => (report) => report.routes.find((route) => route.name === name);

function showRoutes(report) {
  const rows = report.routes.map(({ name }) => {
    const of = (read) => history.change((report) => read(routeNamed(name)(report)?.requests ?? {}));
    const { count: requests, seconds } = of(total);
    const some = (decision) => of((counts) => counts[decision] ?? 0);
    const would = (really, inShadow) => inShadow > 0 ? [share(really, requests), make("br"), make("span", { class: "tag" }, `would: ${share(inShadow, requests)}`)] : share(really, requests);
    const { values } = quantiles((report) => routeNamed(name)(report)?.latency, report.latency_bounds);
    return { name, requests, ever: total(routeNamed(name)(report).requests), cells: [
      name === "none" ? [theirs(name), " ", make("span", { class: "tag" }, "no route, or no proper request")] : theirs(name), seconds > 0 ? number(requests / seconds) : "–",
      would(some("renewed").count, some("would_renew").count), would(some("refused").count, some("would_refuse").count), share(some("failed").count, requests),
      duration(values[0]), duration(values[2]),
    ] };
  }).filter(({ ever }) => ever > 0).sort((one, other) => other.requests - one.requests || other.ever - one.ever);
  const columns = ["Route", "Requests /s", "Renewed", "Refused", "Failed", "p50", "p99"].map((title, index) => ({ title, kind: index > 0 ? "number" : undefined }));
  const beyond = rows.length - routesMax;
  put(
    element("routes"), rows.length > 0 ? table("", columns, rows.slice(0, routesMax).map(({ cells }) => cells)) : make("p", { class: "empty" }, "No request has come yet."),
    beyond > 0 ? make("p", { class: "note" }, `And ${counted(beyond, "route")} with fewer requests; all are in status.json and metrics.`) : undefined);
}

// MARK: Upstreams

const serverStates = {
  up: ["well", "up"], ejected: ["trouble", "put aside: its requests failed"], on_trial: ["look", "on trial"], down: ["trouble", "down by its checks"],
  drained: ["quiet", "drained: has no weight"],
};

function showUpstreams(report) {
  const columns = [
    { title: "Server" }, { title: "State", kind: "wide" }, ...["Requests /s", "In flight", "Pool", "Failures", "Ejections"].map((title) => ({ title, kind: "number" })),
  ];
  const groups = report.upstreams.map(({ name, queued, servers }) => {
    const rows = servers.map((server) => {
      const find = (report) => report.upstreams.find((each) => each.name === name)?.servers.find((each) => each.name === server.name);
      const { count: requests, seconds } = history.change((report) => find(report)?.requests);
      const failed = history.change((report) => find(report)?.failures).count;
      let [tone, word] = serverStates[server.state] ?? ["quiet", server.state];
      if (server.workers_up > 0 && server.workers_up < report.workers.count) [tone, word] = ["look", `up for ${server.workers_up} of ${report.workers.count} workers`];
      return [
        [theirs(server.name), server.backup ? " " : "", server.backup ? make("span", { class: "tag" }, "backup") : ""], make("span", { class: "dot", "data-tone": tone }, word),
        seconds > 0 ? number(requests / seconds) : "–", count(server.active_requests), count(server.idle_connections),
        failed > 0 ? `${count(server.failures)} (+${count(failed)})` : count(server.failures), count(server.ejections),
      ];
    });
    return make("div", { class: "group" }, table(["Upstream ", theirs(name), ` · ${queued > 0 ? counted(queued, "request") + " waiting" : "none waiting"}`], columns, rows, "servers"));
  });
  put(element("upstreams"), ...(groups.length > 0 ? groups : [make("p", { class: "empty" }, "There is none: this gateway only decides.")]));
}

// MARK: Refusals

let showsAllRefusals = false;

element("refusals-all").addEventListener("click", () => {
  showsAllRefusals = !showsAllRefusals;
  showRefusals(history.latest.report);
});

function showRefusals(report) {
  const { count: many } = history.change((report) => report.counters.refusals);
  const codes = Object.keys(report.own_answers).map((code) => [code, history.change((report) => report.own_answers[code]).count])
    .filter(([, many]) => many > 0).sort(([, one], [, other]) => other - one);
  put(
    element("refusals-note"), `${counted(report.counters.refusals, "refusal")} since the start, ${count(many)} in the last minute; here are the latest.`,
    codes.length > 0 ? ` What this gateway answered by itself in the last minute: ${codes.map(([code, many]) => `${code} ${count(many)}`).join(", ")}.` : "");
  const columns = [{ title: "When" }, { title: "Why", kind: "wide" }, { title: "Request", kind: "wide" }, { title: "Route" }, { title: "Client" }, { title: "Token" }];
  const toggle = element("refusals-all");
  toggle.hidden = report.refusals.length <= refusalsMax;
  toggle.setAttribute("aria-expanded", showsAllRefusals);
  put(toggle, showsAllRefusals ? "Show fewer" : `Show all ${report.refusals.length}`);
  const rows = report.refusals.slice(0, showsAllRefusals ? undefined : refusalsMax).map((refusal) => [
    [moment(refusal.time, report.time), " ", make("span", { class: "quiet" }, ago(refusal.time, report.time))],
    [make("b", {}, String(refusal.status)), " ", make("span", { class: "code" }, refusal.code), refusal.reason === refusal.code ? "" : [make("br"), make("span", { class: "quiet" }, refusal.reason)]].flat(),
    make("span", { class: "code" }, theirs(`${refusal.method} ${refusal.path}`), refusal.asked ? [" ", make("span", { class: "tag" }, "asked by a proxy")] : ""), refusal.route ? theirs(refusal.route) : "", theirs(refusal.client),
    refusal.token ? make("span", { class: "code" }, refusal.token) : "",
  ]);
  put(element("refusals"), rows.length > 0 ? table("", columns, rows) : make("p", { class: "empty" }, "Nothing has been refused yet."));
}

// MARK: Keys

function showKeys(report) {
  const all = report.keys.reduce((sum, { verified }) => sum + verified, 0);
  const signer = report.keys.find(({ signs }) => signs);
  const items = report.keys.map((key) => {
    const bar = make("i");
    bar.style.inlineSize = `${all > 0 ? key.verified / all * 100 : 0}%`;
    const [tone, text] = keyText(key, signer, report);
    return make(
      "li", { "data-tone": key.signs ? "well" : "quiet" },
      make(
        "h3", {}, key.id === null ? make("span", { class: "quiet" }, "without kid") : theirs(key.id), make("span", { class: "tag" }, key.algorithm),
        key.signs ? make("span", { class: "tag" }, "signs") : "", make("span", { class: "share" }, all > 0 ? `${share(key.verified, all)} of requests` : "")),
      make("div", { class: "bar", "aria-hidden": "true" }, bar), make("p", { "data-tone": tone }, text));
  });
  put(element("keys"), ...(items.length > 0 ? items : [make("li", { class: "empty" }, "Tokens are not looked at here.")]));
}

/** What can be said of a key's future, in a sentence. */
function keyText(key, signer, report) {
  const up = report.process.uptime, cap = report.configuration.session_cap;
  const idle = key.last_used === null ? undefined : report.time - key.last_used;
  if (key.signs) return ["quiet", idle === undefined ? `Signs successors. No request with a token of it yet.` : `Signs successors. ${counted(key.verified, "request")}, the last ${ago(key.last_used, report.time)}.`];
  const moved = key.migrated > 0 ? ` ${counted(key.migrated, "token")} moved to the key that signs.` : "";
  if (idle !== undefined && (cap === null || idle <= cap)) {
    return ["quiet", `In use: ${counted(key.verified, "request")}, the last ${ago(key.last_used, report.time)}.${moved}`];
  }
  if (signer === undefined) return ["quiet", `Verifies only. No request with a token of it ${idle === undefined ? `since the start, ${spoken(up)} ago` : `for ${spoken(idle)}`}.`];
  const quiet = idle ?? up;
  if (cap !== null && quiet > cap) return ["well", `Can go: no request for ${spoken(quiet)}, longer than a session lasts (${spoken(cap)}). See that other instances say so, too.`];
  return ["quiet", `No request ${idle === undefined ? `since the start, ${spoken(up)} ago` : `for ${spoken(idle)}`}.${cap === null ? "" : ` It can go when there has been none for ${spoken(cap)}, as long as a session lasts.`}`];
}

// MARK: Shadow mode

function showShadow(report) {
  const routes = report.shadow ?? [];
  element("shadow").hidden = routes.length === 0;
  if (routes.length === 0) return;
  const sum = (read) => routes.reduce((sum, route) => sum + read(route), 0);
  const requests = sum((route) => route.requests), refusals = sum((route) => route.would_refuse), renewals = sum((route) => route.would_renew);
  const where = routes.some(({ active }) => active) ? "On the routes below nothing is refused and nothing renewed. " : "No route is in shadow mode now. ";
  put(
    element("shadow-text"), where, requests === 0
      ? "No request has come there yet."
      : `Enforcing would have refused ${count(refusals)} of ${counted(requests, "request")} (${share(refusals, requests)}) and renewed ${count(renewals)} (${share(renewals, requests)}).`);
  const columns = [
    { title: "Route" }, { title: "Since" }, ...["Requests", "Would be refused", "Would be renewed"].map((title) => ({ title, kind: "number" })), { title: "Why", kind: "wide" },
  ];
  put(element("shadow-table"), table("", columns, routes.map((route) => [
    [theirs(route.route), route.active ? "" : [" ", make("span", { class: "tag" }, "enforced now")]], moment(route.since, report.time), count(route.requests),
    `${count(route.would_refuse)} · ${share(route.would_refuse, route.requests)}`, `${count(route.would_renew)} · ${share(route.would_renew, route.requests)}`,
    route.reasons.map(({ reason, count: many }) => `${reason} ${count(many)}`).join(", "),
  ])));
}

// MARK: The rest

function showProcess(report) {
  const { process, configuration, store } = report;
  const facts = [];
  const add = (name, ...text) => facts.push(make("dt", {}, name), make("dd", {}, ...text));
  add("Version", `${report.build.version} · Swift ${report.build.swift} · OpenSSL ${report.build.openssl} · libevent ${report.build.libevent}`);
  add("Process", `${process.id}, ${counted(report.workers.count, "worker")}, started `, moment(process.started_at, report.time));
  add("Processor", cpu());
  add("Memory", bytes(process.resident_bytes));
  add("Open files", count(process.open_files));
  add("Configuration", configuration.file === null ? "built in" : theirs(configuration.file));
  add("In force", "since ", moment(configuration.loaded_at, report.time), `, ${ago(configuration.loaded_at, report.time)} · generation ${configuration.generation}`);
  add("Reloads", `${count(configuration.reloads_applied)} came into force, ${count(configuration.reloads_refused)} were refused`);
  if (store) {
    const age = store.confirmation_age;
    add("Store", store.up ? "answers" : "does not answer", `, ${counted(store.revocations, "revocation")}${age === null ? "" : `, confirmed ${age < 1 ? "now" : `${spoken(age)} ago`}`}`);
  }
  for (const { source, keys, age } of report.key_sets) add("Fetched keys", theirs(source), `: ${counted(keys, "key")}${age === null ? "" : `, confirmed ${spoken(age)} ago`}`);
  for (const { name, listener, not_after } of report.certificates) add("Certificate", theirs(name), ` at ${listener}, until `, moment(not_after, report.time));
  const { found, verified, tokens } = report.token_cache;
  if (found + verified > 0) add("Token cache", `${counted(tokens, "token")}; ${share(found, found + verified)} of those that came were there`);
  const skipped = Object.entries(report.renewals_skipped).sort(([, one], [, other]) => other - one);
  if (skipped.length > 0) add("Not renewed", skipped.map(([reason, many]) => `${reason} ${count(many)}`).join(", "));
  put(element("process"), ...facts);
}

/** Of the last minute, in percent of one processor. */
function cpu() {
  const { count: seconds, seconds: all } = history.change((report) => report.process.cpu_seconds);
  return all > 0 ? `${(seconds / all * 100).toFixed(seconds / all < 0.1 ? 1 : 0)} % of one` : "–";
}

look();
