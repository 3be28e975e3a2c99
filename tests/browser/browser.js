// One Chromium for all tests, without a network, and the pages that it is shown.

const assert = require("node:assert/strict");
const { execFileSync, spawnSync } = require("node:child_process");
const { mkdirSync, mkdtempSync, rmSync, writeFileSync } = require("node:fs");
const { tmpdir } = require("node:os");
const { join } = require("node:path");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const REPOSITORY = join(__dirname, "../..");
const SCREENSHOTS = join(REPOSITORY, ".tools/browser/screenshots");
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

let folder;
let browser;

async function start() {
  folder = mkdtempSync(join(tmpdir(), "zonemq-browser-"));
  browser = await chromium.launchPersistentContext(join(folder, "profile"), {
    executablePath: process.env.CHROMIUM,
    args: FLAGS,
    viewport: { width: 1280, height: 900 },
    timeout: 60_000,
  });
  await browser.setOffline(true);
}

async function stop() {
  await browser?.close();
  rmSync(folder, { recursive: true, force: true });
}

// The page of a sample, as the crate's example writes it; each is made once.
const made = new Map();

function addressOf(sample) {
  if (!made.has(sample)) {
    const example = ["run", "--quiet", "--locked", "-p", "zonemq-report", "--example", "sample", "--"];
    const html = execFileSync("cargo", [...example, ...(sample === "story" ? [] : [sample])], {
      cwd: REPOSITORY,
      maxBuffer: 1 << 28,
    });
    const path = join(folder, `${sample}.html`);
    writeFileSync(path, html);
    made.set(sample, pathToFileURL(path).href);
  }
  return made.get(sample);
}

// The report of a scenario's run with seed 1, by the simulator.
function simulated(scenario, ...options) {
  const path = join(folder, `${scenario}.html`);
  const run = spawnSync(process.env.ZONEMQ_SIM_BIN, ["run", scenario, ...options, "--report", path]);
  assert.equal(run.status, options.length === 0 ? 0 : 1, `${run.stdout}${run.stderr}`);
  made.set(scenario, pathToFileURL(path).href);
  return scenario;
}

// Opens a sample, or what was simulated; `complaints` fills with whatever the browser has to say against it, and `requests`
// with all that it asked for.
async function open(sample = "story", options = {}) {
  return openAt(addressOf(sample), options);
}

async function openAt(address, { dark = false, width = 1280, height = 900 } = {}) {
  const page = await browser.newPage();
  page.complaints = [];
  page.requests = [];
  page.on("console", (message) => page.complaints.push(message.text()));
  page.on("pageerror", (error) => page.complaints.push(error.message));
  page.on("dialog", (dialog) => {
    page.complaints.push(`dialog: ${dialog.message()}`);
    dialog.dismiss();
  });
  page.on("request", (request) => page.requests.push(request.url()));
  await page.addInitScript(() => {
    window.refused = [];
    document.addEventListener("securitypolicyviolation", (event) => window.refused.push(event.violatedDirective));
  });
  await page.emulateMedia({ colorScheme: dark ? "dark" : "light" });
  await page.setViewportSize({ width, height });
  await page.goto(address);
  await settled(page);
  return page;
}

// A page of a server on this machine is no page without a network.
function online(isOnline) {
  return browser.setOffline(!isOnline);
}

// Until all that waits for the next frame is drawn.
function settled(page) {
  return page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(() => done()))));
}

async function screenshot(page, name, options = {}) {
  mkdirSync(SCREENSHOTS, { recursive: true });
  await page.screenshot({ path: join(SCREENSHOTS, `${name}.png`), ...options });
}

// The part of the run that the diagram shows, in seconds.
async function shownWindow(page) {
  await settled(page);
  const words = await page.locator("#diagram .tools output").textContent();
  const [from, to] = words.match(/[\d.]+(?= s\b)/g).map(Number);
  return { from, to };
}

// Closes a page, against which the browser must have nothing to say, and which asked nobody but its own node.
async function closeQuiet(page, home) {
  assert.deepEqual(page.complaints, []);
  assert.deepEqual(await page.evaluate(() => window.refused), []);
  assert.deepEqual(page.requests.filter((request) => !request.startsWith(home)), []);
  await page.close();
}

module.exports = { addressOf, closeQuiet, online, open, openAt, screenshot, settled, shownWindow, simulated, start, stop };
