// Users' sessions: found by user, looked at, ended. All by the session API, so only with the secret.

import { SecretNeeded, ask } from "./gateway.js";
import { ago, counted, make, moment, put, theirs } from "./show.js";

const pageSize = 50;
const element = (id) => document.getElementById(id);
const [search, field, ended, say, found, more, endAll] = ["search", "subject", "ended", "sessions-say", "found", "more", "end-all"].map(element);

let now = 0;                 // by the gateway's clock, in seconds since 1970

/** Shows what there is to do with sessions. `access`: `available`, `secret_required` or `none`. */
export function showSessions(access, time) {
  now = time;
  search.hidden = access !== "available";
  const why = element("sessions-why");
  why.hidden = access === "available";
  put(
    why, access === "none"
      ? "This gateway keeps no sessions: tokens are renewed without a store."
      : "Sessions are shown, and ended, where the listener has a secret: set admin.secret_file or admin.secret_env.");
  if (access !== "available") clear();
}

let query;                   // what is shown: { subject, ended, next }
let onSecretNeeded = () => {};

/** Calls `body` when the listener wants its secret again. */
export function whenSecretNeeded(body) { onSecretNeeded = body; }

export function clear() {
  query = undefined;
  put(say);
  put(found);
  more.hidden = endAll.hidden = true;
}

search.addEventListener("submit", (event) => {
  event.preventDefault();
  list({ subject: field.value, ended: ended.checked });
});
ended.addEventListener("change", () => { if (query) list({ ...query, ended: ended.checked, next: undefined }); });
more.addEventListener("click", () => list(query, true));

/** - `isMore`: what comes goes below what there is. */
async function list(next, isMore = false) {
  const parameters = new URLSearchParams({ limit: pageSize });
  if (next.subject !== "") parameters.set("subject", next.subject);
  if (next.ended) parameters.set("ended", "true");
  if (isMore) parameters.set("cursor", next.next);
  if (!isMore) put(say);
  await attempt(async () => {
    const answer = await ask(`sessions?${parameters}`);
    query = { ...next, next: answer.next };
    const rows = answer.sessions.map(row);
    if (isMore) found.append(...rows);
    else found.replaceChildren(...rows);
    const alive = found.querySelectorAll("li:not(.over)").length;
    put(say, found.children.length === 0 ? "There are none." : `${counted(found.children.length, "session")}${query.next ? ", and more" : ""}`);
    more.hidden = !query.next;
    endAll.hidden = query.subject === "" || alive === 0;
    put(endAll, "End all of ", theirs(query.subject));
  });
}

function row(session) {
  const { device } = session;
  const title = device.name ?? device.application ?? device.id;
  const isOver = !session.alive;
  const state = session.ended_at ? `ended ${ago(session.ended_at, now)} (${session.ended_by})` : isOver ? "expired" : `expires ${ago(session.expires_at, now)}`;
  const more = [device.application, device.id].filter((each) => each !== undefined && each !== title);
  return make(
    "li", { class: isOver ? "over" : undefined, "data-id": session.id },
    make(
      "div", {}, make("h3", {}, theirs(session.subject)),
      make("p", {}, title === undefined ? "unknown device" : theirs(title), ...more.flatMap((each) => [" · ", theirs(each)]), session.address ? " · from " : "", session.address ? theirs(session.address) : ""),
      make("p", {}, "began ", moment(session.created_at, now), ` · last used ${ago(session.last_used_at, now)} · ${state}`),
      make("p", { class: "code" }, theirs(session.id))),
    isOver ? undefined : make("button", { type: "button", class: "danger small", onclick: () => end(session) }, "End", make("span", { class: "unseen" }, " this session")));
}

async function end(session) {
  if (!await confirmed("End this session?", ["The tokens of this session of ", theirs(session.subject), " are refused from now on, its refresh token too."], "End it")) return;
  await attempt(async () => {
    await ask(`sessions/${encodeURIComponent(session.id)}`, "DELETE");
    await list({ ...query, next: undefined });
    put(say, "Ended: the tokens of that session are refused.");
  });
}

endAll.addEventListener("click", async () => {
  const { subject } = query;
  if (!await confirmed("End all sessions?", ["All sessions of ", theirs(subject), " end, and tokens that were issued to this user before now are refused."], "End them all")) return;
  await attempt(async () => {
    const answer = await ask(`sessions?${new URLSearchParams({ subject })}`, "DELETE");
    await list({ ...query, next: undefined });
    put(say, `${counted(answer.ended, "session")} ended.`);
  });
});

async function attempt(body) {
  try {
    await body();
  } catch (error) {
    if (error instanceof SecretNeeded) return onSecretNeeded();
    put(say, "That did not work: ", theirs(error.message));
  }
}

const dialog = element("confirm");

function confirmed(title, text, yes) {
  put(element("confirm-title"), title);
  put(element("confirm-text"), ...text);
  put(element("confirm-yes"), yes);
  dialog.returnValue = "";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes"), { once: true }));
}
