// Each suite holds for what one reads and for what the gateway serves.

import { describe, it } from "node:test";
import { Browser, Clock, Page } from "./browser.mjs";
import { Gateway } from "./gateway.mjs";
import * as presets from "../../../Sources/BrowserModule/presets.js";

const names = { "bearer-refresh": "bearerRefresh", "bearer-access": "bearerAccess" };
export const preset = (wire) => presets[names[wire] ?? wire];
export const wires = ["oauth2", "simplejwt", "express", "cookie", "bearer-refresh", "bearer-access"];

process.on("unhandledRejection", (error) => {
  console.error("unhandled rejection", error);
  process.exit(1);
});

const directory = "../../../Sources/BrowserModule";
const builds = [];
for (const file of ["slidegate.js", "slidegate.min.js"]) builds.push({ file, module: await import(`${directory}/${file}`) });

/**
 * A suite of tests, each with a gateway, a clock and a browser of its own.
 *
 * `test(name, options, body)`: options are those of `Gateway.start`, with `settings` of the session added; the body gets
 * { gateway, clock, browser, tab, module }.
 */
export function suite(title, define) {
  for (const { file, module } of builds) {
    describe(`${title} (${file})`, () => {
      define((name, options, body) => {
        it(name, { timeout: 30_000 }, async () => {
          const { settings, ...rest } = options;
          const clock = new Clock();
          const gateway = await Gateway.start(clock, rest);
          const all = { origin: gateway.origin, logout: { path: "/logout" }, ...settings };
          const browser = new Browser(clock, module.createSession, all);
          try {
            await body({ gateway, clock, browser, module, tab: (options) => browser.tab(options) });
          } finally {
            browser.close();
            gateway.close();
            clock.restore();
            Page.uninstall();
          }
        });
      });
    });
  }
}
