#!/usr/bin/env node
// From a plugin's sources to a component: check the types, bundle, see which kinds it is and which powers it uses, and
// put the JavaScript engine around it. The component imports what the bundle imports and nothing else.

import { execFileSync } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { componentize } from "componentize-qjs";
import { build } from "esbuild";

const sdk = resolve(dirname(fileURLToPath(import.meta.url)), "..");
const CONTRACT = "1.0.0";
const KINDS = ["health", "source", "webhook", "actions", "notifier", "costs", "inventory", "detector"];
/** What a plugin may import; anything else is a mistake that the host would refuse. */
const POWERS = [
  /^opssight:plugin\/(log|settings|state|inference|metrics|mail|reveal)@1\.0\.0$/,
  /^wasi:(http\/(types|outgoing-handler)|clocks\/(wall-clock|monotonic-clock)|random\/random)@0\.2\.12$/,
];

/**
 * The engine itself links WASI, which a plugin does not get, so that the build replaces all of `wasi:` by stubs. What
 * the plugin means to import travels under a name of the same length and gets its own name back afterwards. It also
 * keeps the resources of `wasi:http` apart from those of the engine's own `wasi:io` while the build runs the sources.
 */
const PLAIN = "wasi:";
const DISGUISED = "xasi:";

/** Names that libraries expect and the engine lacks, or must not answer by itself. */
const SHIMS = ["date", "console", "codec"].map((name) => join(sdk, "src/shims", `${name}.ts`));

class Mistake extends Error {}

async function main() {
  const { values } = parseArgs({
    options: {
      entry: { type: "string" },
      out: { type: "string", short: "o", default: "target/opssight/component.wasm" },
      "no-check": { type: "boolean", default: false },
      "optimize-size": { type: "boolean", default: false },
    },
  });
  const entry = resolve(values.entry ?? found(["src/plugin.ts", "src/index.ts", "src/plugin.js", "src/index.js"]));
  if (!existsSync(entry)) throw new Mistake(`there is no ${values.entry}`);
  if (!values["no-check"]) check();
  const scratch = mkdtempSync(join(tmpdir(), "opssight-plugin-"));
  try {
    const kinds = await kindsOf(entry, scratch);
    const { source, imports } = await bundle(entry, kinds);
    const witPath = world(scratch, kinds, imports);
    const options = { witPath, jsSource: source, world: "plugin", stubWasi: true, sync: true };
    const { component } = await componentize({ ...options, optSize: values["optimize-size"] });
    const out = resolve(values.out);
    mkdirSync(dirname(out), { recursive: true });
    writeFileSync(out, undisguised(component));
    console.log(`${out}: ${kinds.join(", ")}; imports ${imports.join(", ") || "nothing"}`);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

function found(candidates) {
  const entry = candidates.find((candidate) => existsSync(candidate));
  if (!entry) throw new Mistake(`there is none of ${candidates.join(", ")}; name the plugin's file with --entry`);
  return entry;
}

/** Types are checked where the project has a compiler for them. */
function check() {
  if (!existsSync("tsconfig.json")) return;
  let compiler;
  try {
    compiler = createRequire(resolve("package.json")).resolve("typescript/bin/tsc");
  } catch {
    return;
  }
  try {
    execFileSync(process.execPath, [compiler, "--noEmit", "--pretty", "false"], { stdio: "pipe" });
  } catch (error) {
    throw new Mistake(`the types do not fit\n${error.stdout ?? ""}${error.stderr ?? ""}`);
  }
}

/** Modules that the host gives: kept as imports, or, where the bundle runs on this machine, as empty ones. */
function host(mode) {
  const filter = /^(opssight|wasi):/;
  return {
    name: "host",
    setup(build) {
      build.onResolve({ filter }, ({ path }) => {
        if (mode === "absent") return { path, namespace: "absent" };
        return { path: path.replace(PLAIN, DISGUISED), external: true, sideEffects: false };
      });
      build.onLoad({ filter: /.*/, namespace: "absent" }, () => ({ contents: "export default {};", loader: "js" }));
    },
  };
}

const bundled = (entry, plugins) => ({
  stdin: { contents: entry, resolveDir: process.cwd(), sourcefile: "opssight-entry.ts", loader: "ts" },
  absWorkingDir: process.cwd(),
  bundle: true,
  format: "esm",
  target: "es2023",
  platform: "neutral",
  mainFields: ["module", "main"],
  conditions: ["import"],
  treeShaking: true,
  write: false,
  metafile: true,
  logLevel: "silent",
  alias: { "@opssight/plugin": join(sdk, "src/index.ts"), "@opssight/plugin/glue": join(sdk, "src/glue.ts") },
  plugins,
});

async function bundling(options) {
  try {
    return await build(options);
  } catch (error) {
    const lines = (error.errors ?? []).map(({ text, location }) => {
      return location ? `${location.file}:${location.line}:${location.column + 1}: ${text}` : text;
    });
    throw new Mistake(lines.join("\n") || String(error));
  }
}

/** Which functions the default export has. Looked at by running it here, where the host's modules are empty. */
async function kindsOf(entry, scratch) {
  const source = `export { default } from ${JSON.stringify(entry)};`;
  const result = await bundling(bundled(source, [host("absent")]));
  const file = join(scratch, "kinds.mjs");
  writeFileSync(file, result.outputFiles[0].contents);
  const { default: plugin } = await import(pathToFileURL(file));
  if (typeof plugin !== "object" || plugin === null) {
    throw new Mistake(`${entry} must say \`export default definePlugin({ ... })\``);
  }
  const strange = Object.keys(plugin).filter((key) => !KINDS.includes(key));
  if (strange.length > 0) throw new Mistake(`${strange.join(", ")}: no kind of plugin; there are ${KINDS.join(", ")}`);
  const kinds = KINDS.filter((kind) => plugin[kind] !== undefined);
  if (kinds.length === 0) throw new Mistake(`the plugin does nothing: give it one of ${KINDS.join(", ")}`);
  return kinds;
}

/** The sources as one module with the contract's exports, and what it imports of the host. */
async function bundle(entry, kinds) {
  const source = [
    `import plugin from ${JSON.stringify(entry)};`,
    `import { glue } from "@opssight/plugin/glue";`,
    `const made = glue(plugin);`,
    ...kinds.map((kind) => `export const ${kind} = made.${kind};`),
  ].join("\n");
  const result = await bundling({ ...bundled(source, [host("given")]), inject: SHIMS });
  const [output] = Object.values(result.metafile.outputs);
  const imports = output.imports.filter(({ external }) => external).map(({ path }) => path.replace(DISGUISED, PLAIN));
  const strange = imports.filter((name) => !POWERS.some((power) => power.test(name)));
  if (strange.length > 0) throw new Mistake(`the host does not give ${strange.join(", ")}`);
  return { source: result.outputFiles[0].text, imports: [...new Set(imports)].sort() };
}

/** A world of exactly these kinds and powers, beside a copy of the contract. */
function world(scratch, kinds, imports) {
  const own = join(sdk, "wit");
  const contract = existsSync(own) ? own : resolve(sdk, "../../wit/1.0");
  const folder = join(scratch, "wit");
  const plugin = join(folder, "deps/opssight");
  mkdirSync(plugin, { recursive: true });
  for (const name of readdirSync(contract).filter((name) => name.endsWith(".wit"))) {
    cpSync(join(contract, name), join(plugin, name));
  }
  cpSync(join(contract, "deps"), join(folder, "deps"), { recursive: true });
  for (const file of [...wits(plugin), ...wits(join(folder, "deps"))]) {
    writeFileSync(file, readFileSync(file, "utf8").replaceAll(PLAIN, DISGUISED));
  }
  const lines = [
    ...imports.map((name) => `  import ${name.replace(PLAIN, DISGUISED)};`),
    ...kinds.map((kind) => `  export opssight:plugin/${kind}@${CONTRACT};`),
  ];
  writeFileSync(join(folder, "world.wit"), `package opssight:built;\nworld plugin {\n${lines.join("\n")}\n}\n`);
  return folder;
}

const wits = (folder) => readdirSync(folder).filter((name) => name.endsWith(".wit")).map((name) => join(folder, name));

/** The imports of the outermost component under their own names: a section of imports is number 10. */
function undisguised(component) {
  const bytes = Buffer.from(component);
  let at = 8;
  while (at < bytes.length) {
    const id = bytes[at];
    const [size, start] = leb128(bytes, at + 1);
    if (id === 10) {
      const section = bytes.subarray(start, start + size);
      for (let found = section.indexOf(DISGUISED); found >= 0; found = section.indexOf(DISGUISED, found)) {
        section.write(PLAIN, found);
      }
    }
    at = start + size;
  }
  return bytes;
}

function leb128(bytes, at) {
  let value = 0;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++];
    value += (byte & 0x7f) * 2 ** shift;
    if (byte < 0x80) return [value, at];
  }
}

try {
  await main();
} catch (error) {
  console.error(error instanceof Mistake ? error.message : (error?.stack ?? String(error)));
  process.exit(1);
}
