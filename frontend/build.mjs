// Builds the assets of the pages into the package: one style sheet, a theme script for the head, the page script and the charts.
import { build } from "esbuild";
import { copyFile, rm } from "node:fs/promises";

const outdir = new URL("../src/gongshu/web/static/gongshu/", import.meta.url).pathname;
await rm(outdir, { recursive: true, force: true });
await build({
  absWorkingDir: new URL(".", import.meta.url).pathname,
  entryPoints: {
    gongshu: "styles/gongshu.css",
    theme: "scripts/theme.js",
    page: "scripts/page.js",
    chart: "scripts/chart.js",
    graph: "scripts/graph.js",
    passkey: "scripts/passkey.js",
    decide: "scripts/decide.js",
    upload: "scripts/upload.js",
    inspect: "scripts/inspect.js",
  },
  outdir,
  bundle: true,
  minify: true,
  sourcemap: false,
  legalComments: "eof",
  format: "iife",
  target: ["chrome105", "firefox121", "safari15.6"],
  loader: { ".svg": "dataurl" },
  logLevel: "warning",
});
await copyFile(new URL("icon.svg", import.meta.url), new URL("icon.svg", `file://${outdir}`));
