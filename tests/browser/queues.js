// The queues of a real cluster in the console: what is in them, what is done with them, and what they hold.

const assert = require("node:assert/strict");
const { describe, test } = require("node:test");
const { closeQuiet, openAt, screenshot, settled } = require("./browser");
const { clusterOfSuite } = require("./cluster");

describe("queues", () => {
  const cluster = clusterOfSuite();

  const open = async () => {
    const page = await openAt(cluster.address("/console#queues"));
    await page.waitForFunction(() => /nodes answer/.test(document.getElementById("state").textContent));
    return page;
  };

  const close = (page) => closeQuiet(page, cluster.address("/"));

  const create = async (name) => (await cluster.sqs("CreateQueue", { QueueName: name })).QueueUrl;

  test("a queue is created, sent to, looked into, purged and deleted", async () => {
    const page = await open();
    await page.getByLabel("New queue").fill("orders");
    await page.getByRole("button", { name: "Create" }).click();
    const row = page.locator("#queue-table tr[data-key=orders]");
    await row.getByRole("button", { name: "Peek" }).click();
    await page.getByLabel("Body").fill("one pair of shoes");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator("#peeked pre", { hasText: "one pair of shoes" }).waitFor();
    await page.waitForFunction(() => document.querySelector("#queue-table tr[data-key=orders]").cells[2].textContent === "1");
    assert.match(await page.locator("#peeked .quiet").textContent(), /^visible · received 0×/);
    await row.getByRole("button", { name: "Purge" }).click();
    await row.getByRole("button", { name: "Purge 1 messages?" }).click();
    await page.waitForFunction(() => document.querySelector("#queue-table tr[data-key=orders]").cells[2].textContent === "0");
    await row.getByRole("button", { name: "Delete" }).click();
    await row.getByRole("button", { name: "Delete orders?" }).click();
    await row.waitFor({ state: "detached" });
    await close(page);
  });

  test("a queue that is looked into is shown as it is: what others send and receive comes and goes", async () => {
    const QueueUrl = await create("watched");
    const page = await open();
    await page.locator("#queue-table tr[data-key=watched]").getByRole("button", { name: "Peek" }).click();
    await page.getByText("0 messages, as n1 has applied them").waitFor();
    await cluster.sqs("SendMessage", { QueueUrl, MessageBody: "from elsewhere" });
    const body = page.locator("#peeked pre", { hasText: "from elsewhere" });
    await body.waitFor();
    await body.focus();
    const { Messages } = await cluster.sqs("ReceiveMessage", { QueueUrl });
    await page.locator("#peeked .quiet", { hasText: /^in flight for \d+ s more · received 1×/ }).waitFor();
    assert.ok(await body.evaluate((node) => node === document.activeElement), "what has the focus keeps it");
    await cluster.sqs("DeleteMessage", { QueueUrl, ReceiptHandle: Messages[0].ReceiptHandle });
    await body.waitFor({ state: "detached" });
    // Others that come and go change nothing; when it goes itself, its panel does.
    const other = await create("watched-not");
    await page.locator("#queue-table tr[data-key=watched-not]").waitFor();
    await cluster.sqs("DeleteQueue", { QueueUrl: other });
    await page.locator("#queue-table tr[data-key=watched-not]").waitFor({ state: "detached" });
    assert.equal(await page.locator("#peek-title").textContent(), "What watched holds");
    await cluster.sqs("DeleteQueue", { QueueUrl });
    await page.locator("#peek").waitFor({ state: "hidden" });
    assert.equal(await page.locator("#queues-said").textContent(), "watched is deleted.");
    await close(page);
  });

  test("of two queues that are looked into, the later one is shown, whichever answer comes first", async () => {
    const [early, late] = [await create("early"), await create("late")];
    await cluster.sqs("SetQueueAttributes", { QueueUrl: early, Attributes: { VisibilityTimeout: "7" } });
    await cluster.sqs("SendMessage", { QueueUrl: early, MessageBody: "of early" });
    const page = await open();
    const peek = (name) => page.locator(`#queue-table tr[data-key=${name}]`).getByRole("button", { name: "Peek" }).click();
    const saved = () => page.locator("#settings input[name=VisibilityTimeout]").inputValue();
    // All that is asked of the first queue is answered after all that is asked of the second.
    let answer;
    const held = new Promise((done) => { answer = done; });
    const answers = [];
    const ofEarly = (request) => request.url().includes("/early/") || (request.postData() ?? "").includes("/early");
    await page.route((url) => true, (route) => {
      if (!ofEarly(route.request())) return route.continue();
      answers.push(held.then(() => route.continue()));
    });
    const asked = Promise.all(["/admin/queues/early/messages?limit=20", "/"].map((path) => page.waitForRequest(cluster.address(path))));
    await peek("early");
    await asked;
    await peek("late");
    await page.getByText("0 messages, as n1 has applied them").waitFor();
    await page.waitForFunction(() => document.querySelector("#settings input[name=VisibilityTimeout]").value === "30");
    const answered = Promise.all(["/admin/queues/early/messages?limit=20", "/"].map((path) => page.waitForResponse(cluster.address(path))));
    answer();
    await Promise.all(answers);
    await answered;
    await settled(page);
    assert.equal(await page.locator("#peek-title").textContent(), "What late holds");
    assert.equal(await page.locator("#peeked li").count(), 0);
    assert.equal(await saved(), "30");
    // It becomes the target of dead letters while it is looked at.
    assert.ok(await page.locator("#redrive").isHidden());
    const { Attributes } = await cluster.sqs("GetQueueAttributes", { QueueUrl: late, AttributeNames: ["QueueArn"] });
    const RedrivePolicy = JSON.stringify({ deadLetterTargetArn: Attributes.QueueArn, maxReceiveCount: 1 });
    await cluster.sqs("SetQueueAttributes", { QueueUrl: early, Attributes: { RedrivePolicy } });
    await page.getByRole("button", { name: "Redrive" }).waitFor();
    await page.unrouteAll();
    await close(page);
  });

  test("rates of sends, receives and deletes appear under a load, also from a new leader, and end with it", async () => {
    const load = cluster.load(300);
    const page = await open();
    // The load names its queue itself.
    const rates = () => [...document.querySelectorAll("#queue-table tbody tr")].flatMap((row) => [6, 7, 8].map((cell) => Number(row.cells[cell].textContent)));
    const isFlowing = () => [...document.querySelectorAll("#queue-table tbody tr")].some((row) => [6, 7, 8].every((cell) => Number(row.cells[cell].textContent) > 1));
    const isAtRest = () => [...document.querySelectorAll("#queue-table tbody tr")].every((row) => [6, 7, 8].every((cell) => row.cells[cell].textContent === "0"));
    const head = await page.locator("#queue-table th").allTextContents();
    assert.deepEqual(head.slice(6, 9), ["sent/s", "received/s", "deleted/s"]);
    await page.waitForFunction(isFlowing);
    await screenshot(page, "console-rates");
    const leads = /n(\d) leads/.exec(await page.locator("#state").textContent())[1];
    cluster.zonemq("fault", "isolate", "leader", "--for", "2s");
    await page.waitForFunction((old) => /n(\d) leads/.exec(document.getElementById("state").textContent)?.[1] !== old, leads);
    await page.waitForFunction(isFlowing);
    const shown = await page.evaluate(rates);
    // All counts of the former leader at once would be far more than a debug build can do.
    assert.ok(shown.every((rate) => rate >= 0 && rate < 100_000), JSON.stringify(shown));
    cluster.loads.at(-1).kill("SIGKILL");
    await load;
    await page.waitForFunction(isAtRest);
    await close(page);
  });

  test("the groups of a FIFO queue show whose turn it is and who holds them", async () => {
    const { QueueUrl } = await cluster.sqs("CreateQueue", { QueueName: "groups.fifo", Attributes: { FifoQueue: "true" } });
    for (const [group, body] of [["red", "1"], ["red", "2"], ["blue", "3"]]) {
      await cluster.sqs("SendMessage", { QueueUrl, MessageBody: body, MessageGroupId: group, MessageDeduplicationId: body });
    }
    const { Messages } = await cluster.sqs("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 1 });
    const page = await open();
    await page.locator("#queue-table tr[data-key='groups.fifo']").getByRole("button", { name: "Peek" }).click();
    await page.locator("#groups tbody tr").nth(1).waitFor();
    const rows = await page.locator("#groups tbody tr").evaluateAll((all) => all.map((row) => [...row.cells].map((cell) => cell.textContent)));
    const head = Messages[0].MessageId.slice(0, 8);
    assert.deepEqual(rows.map(([name, , , count]) => [name, count]), [["red", "2"], ["blue", "1"]]);
    assert.equal(rows[0][1], head);
    assert.match(rows[0][2], new RegExp(`^locked for \\d+ s more by the receiver of ${head}$`));
    assert.equal(rows[1][2], "free");
    await close(page);
  });

  test("settings are changed, and dead letters are moved back with their progress shown", async () => {
    const QueueUrl = await create("work");
    await create("dead");
    const page = await open();
    await page.locator("#queue-table tr[data-key=work]").getByRole("button", { name: "Peek" }).click();
    await page.getByText("Settings").click();
    await page.waitForFunction(() => document.querySelector("#settings input[name=VisibilityTimeout]").value === "30");
    await page.getByLabel("Visibility time-out").fill("0");
    await page.getByLabel("Dead letters to").fill("dead");
    await page.getByLabel("after so many receives").fill("1");
    await page.getByRole("button", { name: "Save" }).click();
    await page.getByText("The settings of work are saved.").waitFor();
    const { Attributes } = await cluster.sqs("GetQueueAttributes", { QueueUrl, AttributeNames: ["All"] });
    assert.equal(Attributes.VisibilityTimeout, "0");
    assert.match(Attributes.RedrivePolicy, /:dead".*"maxReceiveCount":1/);
    for (const body of ["1", "2", "3"]) await cluster.sqs("SendMessage", { QueueUrl, MessageBody: body });
    // Received once, and then once more in vain, each goes to the dead letters.
    const depth = () => page.locator("#queue-table tr[data-key=dead] td").nth(2).textContent();
    while ((await depth()) !== "3") await cluster.sqs("ReceiveMessage", { QueueUrl, MaxNumberOfMessages: 10 });
    await page.locator("#queue-table tr[data-key=dead]").getByRole("button", { name: "Peek" }).click();
    await page.getByRole("button", { name: "Redrive" }).click();
    await page.getByText("completed: 3 of 3 messages moved").waitFor();
    await page.waitForFunction(() => document.querySelector("#queue-table tr[data-key=work]").cells[2].textContent === "3");
    await close(page);
  });
});
