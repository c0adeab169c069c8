// What every SDK makes of a text is the same: ../dates.json.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { before, test } from "node:test";
import { build } from "esbuild";

let dates;
let cases;

before(async () => {
  const made = await build({ entryPoints: ["src/dates.ts"], bundle: true, format: "esm", write: false });
  dates = await import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].contents).toString("base64")}`);
  ({ cases } = JSON.parse(await readFile("../dates.json", "utf8")));
});

test("texts are read as every SDK reads them", () => {
  assert.ok(cases.length > 50);
  for (const [text, ms] of cases) assert.equal(dates.parse(text), ms ?? undefined, JSON.stringify(text));
  assert.equal(dates.parse(null), undefined);
  assert.equal(dates.parse(undefined), undefined);
});

test("what is written is read back", () => {
  for (const [text, ms] of cases) {
    if (ms === null || ms > 253402300799000) continue;
    const whole = Math.floor(ms / 1000) * 1000;
    assert.equal(dates.parse(dates.format(ms)), whole, text);
  }
});
