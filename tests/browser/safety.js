// The page needs nothing, asks for nothing, and runs nothing that a message or a log line says.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { addressOf, open } = require("./browser");

for (const sample of ["story", "pass", "empty", "large"]) {
  test(`the page ${sample} loads offline, asks for nothing, and the browser has no complaint`, async () => {
    const page = await open(sample);
    assert.deepEqual(page.requests, [addressOf(sample)]);
    assert.deepEqual(page.complaints, []);
    assert.deepEqual(await page.evaluate(() => window.refused), []);
    await page.close();
  });
}

test("hostile strings are shown as text", async () => {
  const page = await open();
  const hostile = "</script><script>alert(1)</script><img src=x onerror=alert(2)>";
  await page.getByLabel("Queue or text").fill("alert(1)");
  for (const part of ["#counterexample", "#logs", "#operations", "#coverage"]) {
    if (part === "#logs") await page.locator("#logs").getByLabel("Text").fill("alert(2)");
    assert.ok((await page.locator(part).textContent()).includes(hostile), part);
  }
  assert.equal(await page.locator("img").count(), 0);
  assert.equal(await page.locator("script").count(), 2);
  assert.deepEqual(page.complaints, []);
  await page.close();
});

test("a script, a style or a request that is not the page's own is refused", async () => {
  const page = await open();
  const outcome = await page.evaluate(async () => {
    const script = document.createElement("script");
    script.textContent = "window.ran = true";
    const style = document.createElement("style");
    style.textContent = "body { display: none }";
    document.head.append(script, style);
    const fetched = await fetch("data:,x").then(() => true, () => false);
    return { ran: window.ran === true, hidden: getComputedStyle(document.body).display === "none", fetched };
  });
  assert.deepEqual(outcome, { ran: false, hidden: false, fetched: false });
  assert.deepEqual(
    (await page.evaluate(() => window.refused)).sort(),
    ["connect-src", "script-src-elem", "style-src-elem"],
  );
  await page.close();
});
