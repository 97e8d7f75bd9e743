// With axios' own types; the compiler checks it.

import axios from "/usr/share/nodejs/axios/index.js";
import { createSession } from "../../../Sources/BrowserModule/slidegate.js";

declare module "/usr/share/nodejs/axios/index.js" {
  interface AxiosRequestConfig {
    slide?: boolean;
  }
}

const session = createSession({ origin: "https://api.example" });
const api = axios.create({ baseURL: "https://api.example" });
session.attach(api);
session.attach(axios);

export const poll = async (): Promise<number> => (await api.get<{ count: number }>("/inbox", { slide: false })).data.count;
export const login = async () => session.start(await api.post("/login", {}));
