import type { Settings } from "./slidegate.js";

/** What front ends are known to speak, under the names of the gateway's presets: settings for `createSession`. */
export const oauth2: Settings;
export const simplejwt: Settings;
export const express: Settings;
export const cookie: Settings;
/** `bearer-refresh` */
export const bearerRefresh: Settings;
/** `bearer-access` */
export const bearerAccess: Settings;
