// How it looks: light and dark, wide and narrow. Writes screenshots to .tools/browser/screenshots.

const assert = require("node:assert/strict");
const { test } = require("node:test");
const { open, screenshot, settled } = require("./browser");
const { faintMarks, faintTexts } = require("./contrast");

for (const dark of [false, true]) {
  for (const [width, name] of [[1280, "wide"], [390, "phone"]]) {
    const look = `${dark ? "dark" : "light"}-${name}`;
    test(`nothing is cut off or runs over the edge: ${look}`, async () => {
      const page = await open("story", { dark, width });
      const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      assert.ok(over <= 0, `${over} pixels too wide`);
      await screenshot(page, look, { fullPage: true });
      await page.getByRole("button", { name: "Show in the diagram" }).nth(1).click();
      await settled(page);
      await screenshot(page, `${look}-jumped`);
      await page.close();
    });
  }

  test(`text and marks stand out from their ground: ${dark ? "dark" : "light"}`, async () => {
    const page = await open("story", { dark });
    assert.deepEqual(await page.evaluate(faintTexts), []);
    assert.deepEqual(await page.evaluate(faintMarks), []);
    await page.close();
  });
}

test("the diagram follows when the machine turns dark", async () => {
  const page = await open();
  const drawn = () => page.evaluate(() => document.getElementById("lanes").toDataURL());
  const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
  const [lightDrawn, lightGround] = [await drawn(), await ground()];
  await page.emulateMedia({ colorScheme: "dark" });
  await settled(page);
  assert.notEqual(await drawn(), lightDrawn);
  assert.notEqual(await ground(), lightGround);
  await page.close();
});
