// How an application uses the module; the compiler checks it.

import { createSession, RefreshFailed, SessionEnded, type Session, type Settings, type State } from "../../../Sources/BrowserModule/slidegate.js";
import { oauth2, bearerAccess } from "../../../Sources/BrowserModule/presets.js";

const settings: Settings = {
  ...oauth2,
  origin: "https://api.example",
  send: { header: "X-Auth-Token" },
  deliver: null,
  optOut: null,
  logout: { path: "/logout" },
  login: [{ path: "/login", answer: { access: ["data", "token"], headers: { refresh: "X-Rt" } } }],
};
const session: Session = createSession(settings, { store: "local", proactive: "always", refreshBefore: 30, now: () => 0, locks: null });
createSession(bearerAccess);
createSession();

// @ts-expect-error: no such store
createSession(settings, { store: "cookie" });
// @ts-expect-error: no such place
createSession({ refresh: { path: "/", token: "query", answer: {} } });

export async function use(response: Response): Promise<string> {
  const state: State = await session.start(response);
  await session.start({ access: "a", refresh: "b", expiresIn: 60 });
  await session.start();
  const detach: () => void = session.attach(axios);
  session.addEventListener("ended", ({ detail }) => {
    const reason: "expired" | "revoked" | "logout" | "refused" = detail.reason;
    // @ts-expect-error: there is nothing else in it
    detail.token;
    return reason;
  });
  session.addEventListener("started", (event) => event.detail.subject?.length ?? event.detail.here);
  session.addEventListener("other", () => {}, { once: true });
  try {
    const answer = await session.fetch(new URL("https://api.example/"), { slide: false, method: "POST" });
    return await answer.text();
  } catch (error) {
    if (error instanceof SessionEnded) return error.reason;
    if (error instanceof RefreshFailed) return error.message;
    throw error;
  } finally {
    const isConfirmed: boolean = await session.logout({ everywhere: true });
    const isRefreshed: boolean = await session.refresh();
    detach();
    session.close();
    console.log(state.active, isConfirmed, isRefreshed, session.token?.length);
    // @ts-expect-error: it cannot be set
    session.token = "x";
  }
}

declare const axios: import("../../../Sources/BrowserModule/slidegate.js").Axios;
