// Builds Allure's single-file report of a folder of results: `node build.mjs RESULTS OUT`.
//
// Allure's template loads a tracker from the network. A report that is evidence loads nothing from anywhere: the
// tracker goes, and a policy in the page keeps whatever else comes, attachments included, from calling out.
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const TRACKER = /<script async src="https:\/\/www\.googletagmanager\.com[^"]*"><\/script>\s*<script>[\s\S]*?<\/script>/;
const POLICY = [
  "default-src 'none'",
  "script-src 'unsafe-inline' 'unsafe-eval' data: blob:",
  "style-src 'unsafe-inline' data: blob:",
  "img-src data: blob:",
  "font-src data:",
  "media-src data: blob:",
  "connect-src data: blob:",
  "frame-src data: blob:",
].join("; ");

function fail(fact, place, remedy) {
  console.error(`${place}: ${fact}\n    remedy: ${remedy}`);
  process.exit(4);
}

const [results, out] = process.argv.slice(2).map((path) => resolve(path));
if (!results || !out) fail("two folders are needed", "build.mjs", "node build.mjs RESULTS OUT");
const config = join(results, "allurerc.json");
if (!existsSync(config)) {
  fail("the folder holds no results of a session of gates", results, "run pytest with --alluredir=" + results);
}

rmSync(out, { recursive: true, force: true });
const allure = fileURLToPath(new URL("node_modules/.bin/allure", import.meta.url));
execFileSync(allure, ["generate", results, "--config", config, "--output", out], { stdio: ["ignore", "ignore", "inherit"] });

const page = join(out, "index.html");
const made = readFileSync(page, "utf8");
const clean = made
  .replace(TRACKER, "")
  .replace("<head>", `<head>\n    <meta http-equiv="Content-Security-Policy" content="${POLICY}">`);
if (clean.includes('src="http') || !clean.includes("Content-Security-Policy")) {
  fail("the page still loads something from the network", page, "Allure's template changed: adapt build.mjs to it");
}
writeFileSync(page, clean);
console.log(page);
