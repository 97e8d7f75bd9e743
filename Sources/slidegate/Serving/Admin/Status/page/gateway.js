// What asks the gateway, and keeps the secret for that: in this tab, until it is forgotten or turns out to be wrong.

const place = "slidegate-secret";
const patience = 8000;       // milliseconds for an answer

/** The listener wants its secret, or another one. */
export class SecretNeeded extends Error {}

/** An answer that is a problem (RFC 9457), or none at all. */
export class Trouble extends Error {}

// What is kept may be refused to a page that is not to store anything; then it lasts as long as the page.
let secret = attempt(() => sessionStorage.getItem(place)) ?? "";

export const holdsSecret = () => secret !== "";

export function keepSecret(text) {
  secret = text;
  attempt(() => sessionStorage.setItem(place, text));
}

export function forgetSecret() {
  secret = "";
  attempt(() => sessionStorage.removeItem(place));
}

/** The answer's object; undefined where there is no content. Throws `SecretNeeded` and `Trouble`. */
export async function ask(path, method = "GET") {
  let answer;
  try {
    const headers = secret === "" ? {} : { Authorization: `Bearer ${bytes(secret)}` };
    answer = await fetch(path, { method, headers, cache: "no-store", credentials: "omit", redirect: "error", signal: AbortSignal.timeout(patience) });
  } catch (error) {
    throw new Trouble(error.name === "TimeoutError" ? `no answer within ${patience / 1000} seconds` : "no answer");
  }
  if (answer.status === 401) {
    forgetSecret();
    throw new SecretNeeded();
  }
  if (answer.status === 204) return undefined;
  try {
    const content = await answer.json();
    if (answer.ok) return content;
    throw new Trouble(content.detail ?? `status ${answer.status}`);
  } catch (error) {
    throw error instanceof Trouble ? error : new Trouble(`status ${answer.status}, and no JSON`);
  }
}

/** A field takes bytes, one character each (Fetch standard §2.2.2). */
function bytes(text) { return String.fromCharCode(...new TextEncoder().encode(text)); }

function attempt(body) {
  try {
    return body();
  } catch {
    return undefined;
  }
}
