// The SDK's own UTF-8 against the platform's.
import assert from "node:assert/strict";
import { before, test } from "node:test";
import { build } from "esbuild";

let text;

before(async () => {
  const made = await build({ entryPoints: ["src/text.ts"], bundle: true, format: "esm", write: false });
  text = await import(`data:text/javascript;base64,${Buffer.from(made.outputFiles[0].contents).toString("base64")}`);
});

const TEXTS = ["", "plain", "Größe", "日本語", "🚀🚀", "a\u0000b", "é".repeat(10_000), "x".repeat(9_000) + "🚀", "\ud800", "a\udc00b", "\ud800\ud83d\ude80", "\ud83d\ude80\udc00é", "\u07ff\u0800\uffff"];

test("texts are encoded as the platform encodes them", () => {
  for (const one of TEXTS) assert.deepEqual([...text.encode(one)], [...new TextEncoder().encode(one)], one.slice(0, 20));
});

test("the bytes of a text are alone in their buffer, so that nobody copies them again", () => {
  for (const one of TEXTS) {
    const bytes = text.encode(one);
    assert.equal(bytes.byteLength, bytes.buffer.byteLength, one.slice(0, 20));
  }
});

test("bytes are decoded as they were encoded", () => {
  for (const one of TEXTS.filter((one) => one.isWellFormed())) assert.equal(text.decode(new TextEncoder().encode(one)), one);
});

test("what is no UTF-8 becomes the replacement character and nothing else is lost", () => {
  const broken = [[0xff, 0x41], [0xc0, 0xaf, 0x41], [0xe2, 0x82], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0x41, 0x80, 0x42]];
  for (const bytes of broken) {
    const decoded = text.decode(Uint8Array.from(bytes));
    assert.ok(decoded.includes("\ufffd"), JSON.stringify(decoded));
    assert.equal(decoded.includes("A"), bytes.includes(0x41));
  }
});
