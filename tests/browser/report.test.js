// The simulator's report in a real browser: it needs nothing but itself, shows what happened, and
// takes nothing that anybody sent for more than text.
"use strict";

const assert = require("node:assert/strict");
const { execFileSync, spawnSync } = require("node:child_process");
const fs = require("node:fs");
const os = require("node:os");
const path = require("node:path");
const { after, before, test } = require("node:test");
const { pathToFileURL } = require("node:url");
const { chromium } = require("playwright-core");

const SIMULATOR = process.env.ZONEMQ_SIM_BIN;
const PICTURES = process.env.ZONEMQ_PICTURES;
const HOSTILE = '</script><img src="x" onerror="document.title=1"><script>document.title=2</script>\u0007';
const FLAGS = [
  "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
  "--disable-component-update", "--disable-sync",
];

let browser, folder, passed, failed;

before(async () => {
  folder = fs.mkdtempSync(path.join(os.tmpdir(), "zonemq-report-"));
  passed = path.join(folder, "passed.html");
  failed = path.join(folder, "failed.html");
  execFileSync(SIMULATOR, ["run", "leader-kill", "--report", passed]);
  const run = spawnSync(SIMULATOR, ["run", "everything", "--plant", "group-lock-lost", "--report", failed]);
  assert.equal(run.status, 1, "the planted bug is caught");
  const executablePath = execFileSync("sh", ["-c", "command -v chromium"], { encoding: "utf8" }).trim();
  browser = await chromium.launch({ executablePath, args: FLAGS });
});

after(async () => {
  await browser?.close();
  fs.rmSync(folder, { recursive: true, force: true });
});

/** Opens a page as a reader does; whatever it asks for or complains about fails the test. */
async function open(file, options = {}) {
  const page = await browser.newPage({ viewport: { width: 1280, height: 900 }, offline: true, ...options });
  page.troubles = [];
  page.on("console", (message) => page.troubles.push(message.text()));
  page.on("pageerror", (error) => page.troubles.push(error.message));
  page.on("request", (request) => {
    if (request.url() !== pathToFileURL(file).href) page.troubles.push(request.url());
  });
  await page.goto(pathToFileURL(file).href);
  await page.evaluate(() => new Promise(requestAnimationFrame));
  return page;
}

async function close(page, picture) {
  if (PICTURES && picture) {
    fs.mkdirSync(PICTURES, { recursive: true });
    await page.screenshot({ path: path.join(PICTURES, `${picture}.png`), fullPage: true });
  }
  assert.deepEqual(page.troubles, []);
  await page.close();
}

const seen = (page) => page.evaluate(() => [view.from, view.to]);

test("a report opens without a network, and says how the run ended and how to repeat it", async () => {
  const page = await open(passed);
  assert.equal(await page.locator("#verdict").textContent(), "✓ every promise was kept");
  assert.match(await page.locator("#replay").textContent(), /replay leader-kill --seed 1$/);
  assert.equal(await page.locator("#broken").isVisible(), false);
  assert.match(await page.locator("#availability").textContent(), /zone a.*longest gap \d+ ms/s);
  await close(page, "passed");
});

test("a broken promise is told in words, and shows its moment", async () => {
  const page = await open(failed);
  assert.equal(await page.locator("#verdict").textContent(), "✗ a promise was broken");
  const first = page.locator("#violations li").first();
  assert.match(await first.textContent(), /^group order: group g\d of ordered\.fifo/);
  const at = 1e6 * parseFloat(await first.locator("button").textContent());
  await first.locator("button").click();
  const [from, to] = await seen(page);
  assert.ok(from <= at && at <= to && to - from < 1e6, `${at} is not in ${from}..${to}`);
  await close(page, "failed");
});

test("what somebody sent is shown as text", async () => {
  const file = path.join(folder, "hostile.html");
  const encoded = JSON.stringify(HOSTILE).slice(1, -1).replaceAll("<", "\\u003c");
  const text = fs.readFileSync(failed, "utf8");
  fs.writeFileSync(file, text.replaceAll("ordered.fifo", () => encoded));
  const page = await open(file);
  assert.match(await page.title(), /^everything, seed 1/);
  assert.ok((await page.locator("#violations").textContent()).includes("</script><img src="));
  assert.ok((await page.locator("#calls").textContent()).includes("</script><img src="));
  assert.equal(await page.locator("img").count(), 0);
  await close(page);
});

test("the diagram is moved and zoomed by keys, and tells what lies under the pointer", async () => {
  const page = await open(passed);
  const [, end] = await seen(page);
  await page.locator("#diagram").focus();
  await page.keyboard.press("+");
  let [from, to] = await seen(page);
  assert.equal(Math.round((to - from) / 1000), Math.round(end / 2000));
  await page.keyboard.press("ArrowRight");
  assert.ok((await seen(page))[0] > from);
  await page.keyboard.press("0");
  assert.deepEqual(await seen(page), [0, end]);
  const place = await page.evaluate(() => {
    const band = things.find((thing) => thing.words.includes("leader in term"));
    return { x: band.x + band.w / 2, y: band.y + 7 };
  });
  await page.locator("#diagram").hover({ position: place });
  assert.match(await page.locator("#details").textContent(), /^n\d: leader in term \d+/);
  await page.evaluate(() => view.jump(2_350_000));
  await page.evaluate(() => new Promise(requestAnimationFrame));
  assert.match(await page.locator("#details").textContent(), /^\d+ messages between nodes\.$/);
  await close(page, "election");
});

test("tables show what is chosen", async () => {
  const page = await open(passed);
  await page.locator("#call-filters select").nth(2).selectOption("failed");
  const ends = await page.locator("#calls tr td:nth-child(7)").allTextContents();
  assert.ok(ends.length > 0 && ends.every((end) => end === "failed"), `${ends}`);
  await page.locator("#log-filters select").first().selectOption("n2");
  const nodes = await page.locator("#log-lines tr td:nth-child(2)").allTextContents();
  assert.ok(nodes.length > 0 && nodes.every((node) => node === "n2"), `${nodes}`);
  await close(page);
});

test("a long run is drawn in less than half a second", async () => {
  const page = await open(passed);
  const took = await page.evaluate(() => {
    const start = performance.now();
    view.show(0, run.end);
    draw();
    drawOverview();
    drawProgress();
    return performance.now() - start;
  });
  assert.ok(took < 500, `it took ${took} ms`);
  await close(page);
});

test("it can be read in the dark and on a telephone", async () => {
  const page = await open(failed, { colorScheme: "dark", viewport: { width: 390, height: 800 } });
  const background = await page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  assert.equal(background, "rgb(20, 24, 27)");
  const isWide = await page.evaluate(() => document.documentElement.scrollWidth > innerWidth);
  assert.equal(isWide, false, "nothing sticks out");
  await close(page, "dark");
});
