// Slidegate, MIT licence: what front ends are known to speak, as settings for `createSession`.

const refresh = (path, token, answer, more) => ({ refresh: { path, token, answer, ...more } });

export const oauth2 = refresh(
  "/oauth/token",
  { form: "refresh_token" },
  { access: ["access_token"], refresh: ["refresh_token"], expiresIn: ["expires_in"] },
  { with: { grant_type: "refresh_token" } },
);

export const simplejwt = {
  login: [{ path: "/api/token/" }],
  ...refresh("/api/token/refresh/", { json: "refresh" }, { access: ["access"], refresh: ["refresh"] }),
};

export const express = {
  login: [{ path: "/login" }],
  ...refresh("/refresh-token", { json: "refreshToken" }, { access: ["data", "access_token"], refresh: ["data", "refresh_token"] }),
};

export const cookie = refresh("/refresh", "cookie", { access: ["access_token"], expiresIn: ["expires_in"] });

export const bearerRefresh = refresh("/refresh-token", "bearer", { access: ["accessToken"], refresh: ["refreshToken"] });

export const bearerAccess = refresh("/api/auth/refresh-token", "access", { access: ["access_token"] });
