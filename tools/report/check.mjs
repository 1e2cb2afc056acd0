// Looks at a report in headless Chromium as a reader does: `node check.mjs OUT RESULTS SCREENSHOTS`.
//
// Every gate of the results must show its verdict, its blockers, an attachment and a chart; nothing may be loaded from
// the network, and the console must stay empty. Screenshots are kept.
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { chromium } from "playwright-core";

const BROWSERS = ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"];
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update"];

function fail(fact, place, remedy) {
  console.error(`${place}: ${fact}\n    remedy: ${remedy}`);
  process.exit(4);
}

const [out, results, shots] = process.argv.slice(2).map((path) => resolve(path));
if (!shots) fail("three folders are needed", "check.mjs", "node check.mjs OUT RESULTS SCREENSHOTS");
const browser = [process.env.CHROMIUM, ...BROWSERS].find((path) => path && existsSync(path));
if (!browser) fail("there is no Chromium", "check.mjs", "apt-get install chromium, or name one: CHROMIUM=/path/to/chromium");

const labelled = (result, name) => result.labels.filter((label) => label.name === name).map((label) => label.value);
const gates = readdirSync(results)
  .filter((name) => name.endsWith("-result.json"))
  .map((name) => JSON.parse(readFileSync(join(results, name), "utf8")))
  .filter((result) => labelled(result, "verdict").length);
if (!gates.length) fail("no result in it is a gate's verdict", results, "run gates with --alluredir");

mkdirSync(shots, { recursive: true });
const page = `file://${join(out, "index.html")}`;
const shown = Object.values(JSON.parse(readFileSync(join(out, "test-results.json"), "utf8")).byId);
const problems = [];

const running = await chromium.launch({ executablePath: browser, args: FLAGS });
try {
  const tab = await running.newPage({ viewport: { width: 1280, height: 1400 } });
  tab.on("console", (message) => message.type() === "error" && problems.push(`console: ${message.text()}`));
  tab.on("pageerror", (error) => problems.push(`page: ${error.message}`));
  tab.on("request", (request) => /^(file|data|blob):/.test(request.url()) || problems.push(`loads ${request.url()}`));

  await tab.goto(page);
  await tab.locator('[data-testid="tree-section"]').first().waitFor();
  await tab.screenshot({ path: join(shots, "report.png") });

  for (const gate of gates) {
    const complain = (fact) => problems.push(`${gate.name}: ${fact}`);
    const id = shown.find((each) => each.name === gate.name)?.id;
    if (!id) {
      complain("the report does not have it");
      continue;
    }
    await tab.goto(`${page}#${id}`);
    await tab.reload();
    await tab.locator('[data-testid="test-result-info-title"]').waitFor();
    const status = tab.locator(`[data-testid="test-result-status-${gate.status}"]`);
    if (!(await status.count())) complain(`is not shown as ${gate.status}`);
    const text = await tab.locator("body").innerText();
    for (const wanted of [labelled(gate, "verdict")[0], ...labelled(gate, "tag"), ...labelled(gate, "owner")]) {
      if (!text.includes(wanted)) complain(`does not show ${wanted}`);
    }
    for (const [kind, ending] of [["attachment", ".json"], ["chart", ".svg"]]) {
      const wanted = (gate.attachments ?? []).find((each) => each.name.endsWith(ending));
      if (!wanted) {
        complain(`has no ${kind}`);
        continue;
      }
      const head = tab.locator('[data-testid="test-result-attachment-header"]', { hasText: wanted.name }).first();
      await head.click();
      const body = tab.locator('[data-testid="test-result-attachment"]', { hasText: wanted.name }).first();
      const seen = body.locator(kind === "chart" ? "img, svg, iframe" : "pre, code").first();
      await seen.waitFor({ timeout: 5000 }).catch(() => complain(`does not open ${wanted.name}`));
    }
    await tab.mouse.wheel(0, -100000);
    await tab.screenshot({ path: join(shots, `${gate.name.split(" ")[0]}.png`) });
  }
} finally {
  await running.close();
}

for (const problem of new Set(problems)) console.error(problem);
if (problems.length) process.exit(1);
console.log(`${gates.length} gates shown, each with verdict, blockers, attachment and chart; screenshots in ${shots}`);
