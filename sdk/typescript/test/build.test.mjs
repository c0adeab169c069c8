// The build script: what it finds out of sources, and what it says about mistakes.
import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { test } from "node:test";

const script = resolve("bin/opssight-plugin-build.mjs");

function built(source) {
  const folder = mkdtempSync(join(tmpdir(), "opssight-build-test-"));
  try {
    writeFileSync(join(folder, "plugin.ts"), source);
    const options = { cwd: folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] };
    return execFileSync(process.execPath, [script, "--entry", "plugin.ts", "--out", "made.wasm"], options);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function refused(source) {
  let said;
  try {
    built(source);
  } catch (error) {
    said = error.stderr;
  }
  assert.ok(said, "it was built");
  return said;
}

const define = `import { dates, definePlugin, http } from "@opssight/plugin";\n`;

test("a component imports what its sources use and nothing else", () => {
  const parse = `${define}export default definePlugin({ health: () => String(dates.parse("2026-01-01T00:00:00Z")) });`;
  assert.match(built(parse), /: health; imports nothing/);
  const now = `${define}export default definePlugin({ health: () => String(Date.now()) });`;
  assert.match(built(now), /: health; imports wasi:clocks\/wall-clock@0\.2\.12/);
  const log = `${define}export default definePlugin({ detector: () => { console.log("x"); return []; } });`;
  assert.match(built(log), /: detector; imports opssight:plugin\/log@1\.0\.0/);
});

test("mistakes are told in words that say where", () => {
  assert.match(refused("export default 3;"), /must say `export default definePlugin/);
  assert.match(refused(`${define}export default definePlugin({});`), /the plugin does nothing/);
  assert.match(refused(`${define}export default definePlugin({ webhok() {} } as object);`), /webhok: no kind of plugin/);
  assert.match(refused("export default {"), /plugin\.ts:1:17/);
  assert.match(refused(`import fs from "node:fs"; export default { health: () => String(fs) };`), /node:fs/);
});
