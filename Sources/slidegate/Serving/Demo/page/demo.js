// A page with a session, and a picture of it. The session is the module's affair; the picture is drawn from what the module
// says, and from the requests that it really sends.

import { createSession, settings } from "/slidegate/session.js";
import { Timeline } from "./timeline.js";

const workEvery = 2000;      // milliseconds between requests
const pollEvery = 3000;
const shownFor = 2500;       // how long a renewal is the news
const logEntriesMax = 150;

const element = (id) => document.getElementById(id);
const body = document.body;

/** What the demo's gateway was told: a token's `lifetime` and `buffer`, the session's `cap`, in seconds. */
const times = await (await fetch("/demo.json")).json();
for (const node of document.querySelectorAll("[data-time]")) node.textContent = spoken(times[node.dataset.time]);

const timeline = new Timeline(element("timeline"), times);
const session = createSession(settings, { name: "demo", store: "local", fetch: watched });

let held;                    // { end, sessionEnd }: the token whose life is shown; none after the end
let over;                    // why there is none
let news = { at: -Infinity };   // the latest renewal, and how it came
let cause;                   // of the renewal that the module is about to tell of; none: another tab
let leaving;                 // the button that was pressed to log out
let frozen;                  // when the picture stands still
let worker;                  // the timer of the next request

// MARK: What the module tells

session.addEventListener("started", ({ detail }) => {
  if (detail.here) begin("logged in", "Logged in", `The gateway handed out a token that lives ${spoken(times.lifetime)}.`);
  else begin("other tab", "Logged in", "In another tab, which told this one.");
});

session.addEventListener("renewed", () => {
  if (!held) return;
  const before = left(), { how, by } = cause ?? { how: "other" };
  cause = undefined;
  hold(how);
  news = { at: Date.now(), how };
  const gain = `${spoken(before)} were left, now it is ${spoken(left())}.`;
  switch (how) {
    case "renewed": note(how, "Renewed", `${by} found the token in its window, and the answer brought the next. ${gain}`); break;
    case "refreshed": note(how, "Refreshed", `${by} traded the refresh token for new ones. ${gain}`); break;
    default: note(how, "Another tab renewed", `It told this one, and nobody asks twice. ${gain}`);
  }
  timeline.mark(news.at, how, how === "other" ? "other tab" : how);
  jump();
});

session.addEventListener("ended", ({ detail }) => {
  if (!held) return;
  const now = Date.now(), isCapped = held.sessionEnd - now < 1500 && ["expired", "refused"].includes(detail.reason);
  over = isCapped ? "capped" : detail.reason === "logout" && leaving || detail.reason;
  held = undefined;
  timeline.mark(now, "ended", "ended");
  timeline.dropped(now);
  frozen = now + 1000;
  element("token").classList.remove("jump");
  note("ended", ...endings()[over] ?? endings().refused);
  show("over");
});

function begin(label, title, text) {
  over = undefined;
  frozen = undefined;
  news = { at: -Infinity };
  held = undefined;
  hold("started");
  timeline.mark(Date.now(), "started", label);
  note("started", title, text);
  element("name").textContent = session.state.subject ?? "";
  show("session");
  listSessions();
  work(workEvery / 2);       // odd seconds, so that the window is seen open for one before a request meets it
}

function hold(how) {
  const { expiresAt, sessionEndsAt } = session.state;
  held = { end: expiresAt, sessionEnd: sessionEndsAt ?? held?.sessionEnd ?? Date.now() + times.cap * 1000 };
  timeline.held(Date.now(), expiresAt, how);
}

/** Seconds that are left of the token. */
function left(now = Date.now()) { return held ? Math.max(0, held.end - now) / 1000 : 0; }

// MARK: What is sent

/** Every request that the module sends passes here: also the refreshes and second tries of its own. */
async function watched(input, init) {
  const request = new Request(input, init), path = new URL(request.url).pathname;
  const what = `${request.method} ${path}`;
  const answer = await fetch(request);
  if (answer.ok && answer.headers.has(settings.header)) cause = { how: "renewed", by: what };
  if (answer.ok && path === settings.refresh?.path) cause = { how: "refreshed", by: what };
  if (held && (answer.status === 401 || path === settings.refresh?.path && !answer.ok)) {
    const { code = "no code", detail = "" } = await answer.clone().json().catch(() => ({}));
    timeline.mark(Date.now(), "refused", "refused");
    note("refused", `${answer.status} ${code}`, `${what}: ${detail}`);
  }
  return answer;
}

/** Asks the API something, as a page does, and notes how it went. */
async function ask(path, kind, init) {
  if (!held) return;
  const newest = news.at, isEarly = left() > times.buffer;
  try {
    const answer = await session.fetch(path, init);
    cause = undefined;
    if (!held) return;                 // it ended meanwhile
    const isRenewed = news.at !== newest;
    if (answer.ok && !(isRenewed && news.how === "renewed")) {
      timeline.mark(Date.now(), kind);
      note(kind, `GET ${path}`, kind === "poll" ? "Passed. A poll is nobody's work: it renews nothing."
        : isEarly ? `Passed. More than ${spoken(times.buffer)} were left: nothing to renew.`
        : isRenewed ? "Passed, with the new token." : "Passed, without a new token.");
    } else if (!answer.ok && answer.status !== 401) {
      note("refused", `${answer.status} ${answer.statusText}`, `GET ${path}`);
    }
  } catch (error) {
    if (error.name !== "SessionEnded") note("refused", "No answer", `GET ${path}: ${error.message}`);
  }
}

const hello = () => ask("/api/hello", "request");
const isWorking = () => document.querySelector("[name=mode]:checked").value === "working";

/** Works on, from `delay` milliseconds on. A hidden tab rests, for nobody works there. */
function work(delay) {
  clearTimeout(worker);
  worker = setTimeout(() => {
    if (isWorking() && !document.hidden) hello();
    work(workEvery);
  }, delay);
}
setInterval(() => { if (element("poll").checked && !document.hidden) ask("/api/poll", "poll", { slide: false }); }, pollEvery);

element("once").addEventListener("click", hello);
for (const radio of document.querySelectorAll("[name=mode]")) radio.addEventListener("change", () => work(0));

// MARK: In and out

element("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  const button = event.submitter ?? event.target.querySelector("button");
  button.disabled = true;
  try {
    const answer = await logIn("This browser");
    if (!answer.ok) return trouble(`The login was refused with ${answer.status}.`);
    trouble();
    document.querySelector("[value=working]").checked = true;
    if (element("keep").checked) return await session.start(answer);
    const { access_token: access, expires_in: expiresIn } = await answer.json();
    await session.start({ access, expiresIn });
  } catch (error) {
    trouble(`The demo does not answer: ${error.message}`);
  } finally {
    button.disabled = false;
  }
});

function logIn(device) {
  return fetch("/login", {
    method: "POST",
    headers: { "Content-Type": "application/json", "X-Device-Name": device },
    body: JSON.stringify({ user: element("user").value.trim() || "alice" }),
  });
}

for (const id of ["logout", "everywhere"]) {
  element(id).addEventListener("click", async () => {
    leaving = id;
    const isConfirmed = await session.logout({ everywhere: id === "everywhere" });
    leaving = undefined;
    if (!isConfirmed) trouble("It is over in this browser, but the gateway did not confirm it: there it ends by itself.");
  });
}

// MARK: One's sessions

async function listSessions() {
  if (!held || document.hidden) return;
  const answer = await session.fetch("/auth/sessions", { slide: false }).catch(() => undefined);
  if (!answer?.ok) return;
  const { sessions } = await answer.json();
  sessions.sort((a, b) => b.current - a.current || b.created_at - a.created_at);
  element("sessions").replaceChildren(...sessions.map((each) => {
    const item = document.createElement("li"), text = document.createElement("span"), since = document.createElement("small");
    text.textContent = each.device.name ?? "Somewhere";
    since.textContent = each.current ? "this session" : `since ${clock(each.created_at * 1000)}`;
    text.append(since);
    item.append(text);
    if (!each.current) {
      const end = document.createElement("button");
      end.type = "button";
      end.textContent = "End";
      end.setAttribute("aria-label", `End the session ${text.firstChild.data}, since ${clock(each.created_at * 1000)}`);
      end.addEventListener("click", async () => {
        end.disabled = true;
        await session.fetch(`/auth/sessions/${encodeURIComponent(each.id)}`, { method: "DELETE", slide: false }).catch(() => {});
        listSessions();
      });
      item.append(end);
    }
    return item;
  }));
}

element("device").addEventListener("click", async () => {
  await logIn("Another device").catch(() => {});
  listSessions();
});
setInterval(() => { if (isWorking()) listSessions(); }, 5000);

// MARK: Words

const endings = () => ({
  expired: ["Ended", `For ${spoken(times.lifetime)} no request counted, so the token ran out. Used, a session lives; unused, it ends.`],
  capped: ["Ended", `It was used to the last, but ${spoken(times.cap)} are the cap: nobody stays logged in for ever.`],
  logout: ["Logged out", "In every tab and at the gateway. No answer that is still on its way can bring the session back."],
  everywhere: ["Logged out everywhere", "On this device and all others: each one's next request is refused, however long its token has left."],
  revoked: ["Ended from elsewhere", "Another device ended this session. The gateway refused the next request."],
  refused: ["Ended", "The gateway would not refresh it any more."],
});

/** The tone, the headline and the reason of this very moment. */
function caption(now) {
  const buffer = spoken(times.buffer);
  if (over) return [over === "logout" || over === "everywhere" ? "quiet" : "ends", ...endings()[over] ?? endings().refused];
  if (now - news.at < shownFor) {
    switch (news.how) {
      case "renewed": return ["lives", "Renewed", "The answer carried the next token. The session goes on, and nobody noticed."];
      case "refreshed": return ["refresh", "Refreshed", "The token had run out, or nearly, so the module traded the refresh token for new ones."];
      default: return ["lives", "Another tab renewed", "It told this one: both hold the same token."];
    }
  }
  const isInWindow = left(now) <= times.buffer;
  if (held.end >= held.sessionEnd - 1500 && isInWindow && left(now) > 0) {
    return ["ends", "The last token", `The session's ${spoken(times.cap)} are nearly over, so nothing is renewed any more.`];
  }
  if (left(now) === 0) {
    return ["refresh", "The token has run out", held.sessionEnd > now
      ? "With the next request, the module trades the refresh token for a new one, unnoticed."
      : "And the session is at its end: the next request finds out."];
  }
  if (isWorking()) {
    return isInWindow
      ? ["window", "In the window", `${buffer} or less are left. The next request brings a new token.`]
      : ["lives", "Working", `Requests pass. More than ${buffer} are left, so there is nothing to renew yet.`];
  }
  const polls = element("poll").checked ? "Polls pass, but do not count." : "Nothing is asked, so nothing is renewed.";
  return isInWindow
    ? ["window", "Idle, and nearly over", `${polls} One request would renew it now; without one, it ends.`]
    : ["quiet", "Idle", polls];
}

function note(kind, title, text) {
  const log = element("log"), newest = log.firstElementChild, same = `${kind} ${title} ${text}`;
  if (["request", "poll", "refused"].includes(kind) && newest?.dataset.same === same) {
    newest.dataset.count = Number(newest.dataset.count) + 1;
    newest.querySelector("b").textContent = `${title} × ${newest.dataset.count}`;
    newest.querySelector("time").textContent = clock(Date.now());
    return;
  }
  const item = document.createElement("li"), when = document.createElement("time"), what = document.createElement("p");
  const strong = document.createElement("b");
  item.className = kind;
  item.dataset.same = same;
  item.dataset.count = 1;
  when.textContent = clock(Date.now());
  strong.textContent = title;
  what.append(strong, ` ${text}`);
  item.append(when, what);
  log.prepend(item);
  while (log.childElementCount > logEntriesMax) log.lastElementChild.remove();
}

function trouble(text = "") {
  element("trouble").textContent = text;
  element("trouble").hidden = text === "";
}

function clock(time) { return new Date(time).toLocaleTimeString([], { hour12: false }); }

/** `12 s`, `3 min`. */
function spoken(seconds) {
  const whole = Math.round(seconds);
  return whole >= 60 && whole % 60 === 0 ? `${whole / 60}\u00a0min` : `${whole}\u00a0s`;
}

// MARK: The picture

function show(view) {
  const wasInside = document.activeElement?.matches("main *");
  body.dataset.view = view;
  for (const node of document.querySelectorAll("[data-in]")) node.hidden = !node.dataset.in.split(" ").includes(view);
  const place = document.querySelector(`[data-in=${view}] .place`);
  element("login").hidden = !place;
  if (place && element("login").parentNode !== place) place.append(element("login"));
  if (wasInside) document.querySelector(place ? "#login button" : "[name=mode]:checked").focus({ preventScroll: true });
  render();
}

/** The token's bar leaps to its new length instead of creeping there. */
function jump() {
  const track = element("token");
  track.querySelector(".gain").textContent = `+${spoken(left() - Number(track.getAttribute("aria-valuenow")))}`;
  track.classList.remove("jump");
  void track.offsetWidth;              // so that the animation begins again
  track.classList.add("jump");
  setTimeout(() => track.classList.remove("jump"), shownFor);
}

function bar(track, seconds, whole, words) {
  track.querySelector(".fill").style.width = `${Math.min(100, seconds / whole * 100)}%`;
  track.setAttribute("aria-valuemax", whole);
  track.setAttribute("aria-valuenow", Math.min(whole, Math.ceil(seconds)));
  track.setAttribute("aria-valuetext", words);
}

function render() {
  if (!held && !over) return;
  const now = Math.min(Date.now(), frozen ?? Infinity), token = left(now);
  const whole = held ? Math.max(0, held.sessionEnd - now) / 1000 : 0;
  const [tone, headline, why] = caption(now);
  if (body.dataset.tone !== tone) body.dataset.tone = tone;
  if (element("headline").textContent !== headline) element("headline").textContent = headline;
  if (element("why").textContent !== why) element("why").textContent = why;

  const minutes = Math.floor(Math.ceil(whole) / 60), rest = String(Math.ceil(whole) % 60).padStart(2, "0");
  element("token-left").textContent = `${Math.ceil(token)}\u00a0s`;
  element("session-left").textContent = `${minutes}:${rest}`;
  element("token").classList.toggle("in-window", token <= times.buffer);
  bar(element("token"), token, times.lifetime, `${Math.ceil(token)} of ${times.lifetime} seconds`);
  bar(element("session"), whole, times.cap, `${minutes} minutes ${rest} seconds`);
  timeline.draw(now);
  document.title = `${held ? `${Math.ceil(token)} s` : headline} · Slidegate demo`;
}

// Frame by frame where motion is welcome, else by the second; a hidden tab has no frames, but a title.
const calm = matchMedia("(prefers-reduced-motion: reduce)");
setInterval(render, 1000);
(function frame() {
  if (!calm.matches) render();
  requestAnimationFrame(frame);
})();

element("token").querySelector(".window").style.width = `${times.buffer / times.lifetime * 100}%`;

// Each open tab holds a share of one lock, so that they can be counted.
if (navigator.locks) {
  navigator.locks.request("demo tab", { mode: "shared" }, () => new Promise(() => {}));
  const count = async () => {
    const tabs = (await navigator.locks.query()).held.filter(({ name }) => name === "demo tab").length;
    element("tabs").textContent = `${tabs} tabs`;
    element("tabs").hidden = tabs < 2;
  };
  setInterval(count, 1000);
}

// A page that is loaded again goes on where it was, if the token lives or another can be had.
const { active, expiresAt } = session.state;
if (active && (expiresAt > Date.now() || await session.refresh())) {
  begin("taken over", "Welcome back", "This browser has a session already, and this tab takes part in it.");
} else {
  show("welcome");
}
