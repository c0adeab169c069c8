// Writes the catalogue of item kinds in the languages of the SDKs, from the schemas in wit/1.0/items.
// `node sdk/items.mjs` writes, `node sdk/items.mjs --check` says what is stale.

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const here = dirname(fileURLToPath(import.meta.url));
const folder = join(here, "../wit/1.0/items");
const schemas = readdirSync(folder)
  .filter((name) => name.endsWith(".schema.json"))
  .sort()
  .map((name) => ({ kind: name.replace(".schema.json", ""), ...JSON.parse(readFileSync(join(folder, name), "utf8")) }));

const definitions = new Map();
for (const schema of schemas) {
  for (const [name, definition] of Object.entries(schema.$defs ?? {})) definitions.set(name, definition);
}
const enums = [...definitions].filter(([, definition]) => definition.oneOf ?? definition.enum).sort();
const parts = [...definitions].filter(([, definition]) => definition.type === "object").sort();

/** A field with its schema without null, and whether it must be given. */
function fields(schema) {
  return Object.entries(schema.properties).map(([name, property]) => {
    const choices = property.anyOf?.filter((choice) => choice.type !== "null");
    const type = choices ? choices[0] : { ...property, type: [property.type].flat().filter((type) => type !== "null")[0] };
    const required = "default" in property || (schema.required ?? []).includes(name);
    return { name, description: property.description, type, required };
  }).sort((a, b) => Number(b.required) - Number(a.required));
}

const values = (definition) => (definition.oneOf ? definition.oneOf.flatMap((one) => one.enum ?? [one.const]) : definition.enum);
const reference = (type) => type.$ref?.split("/").pop();

function typescript() {
  const typed = (type) => {
    if (type.$ref) return reference(type);
    if (type.type === "array") return `${typed(type.items)}[]`;
    return { string: "string", integer: "number", number: "number", boolean: "boolean" }[type.type];
  };
  const lines = ["// Made by `node sdk/items.mjs` from wit/1.0/items: do not edit.", ""];
  for (const [name, definition] of enums) {
    lines.push(`/** ${definition.description} */`);
    lines.push(`export type ${name} = ${values(definition).map((value) => JSON.stringify(value)).join(" | ")};`, "");
  }
  const all = [...parts, ...schemas.map((schema) => [schema.title, schema])];
  for (const [name, schema] of all) {
    lines.push(`/** ${schema.description} */`, `export interface ${name} {`);
    for (const field of fields(schema)) {
      lines.push(`  /** ${field.description} */`);
      lines.push(`  ${field.name}${field.required ? "" : "?"}: ${typed(field.type)}${field.required ? "" : " | undefined"};`);
    }
    lines.push("}", "");
  }
  lines.push("/** Every kind of the catalogue, with its payload. */", "export interface Catalogue {");
  lines.push(...schemas.map((schema) => `  "${schema.kind}": ${schema.title};`), "}", "");
  return lines.join("\n");
}

function python() {
  const typed = (type) => {
    if (type.$ref) return reference(type);
    if (type.type === "array") return `list[${typed(type.items)}]`;
    return { string: "str", integer: "int", number: "float", boolean: "bool" }[type.type];
  };
  const lines = [
    '"""The catalogue of item kinds. Made by `node sdk/items.mjs` from wit/1.0/items: do not edit."""', "",
    "from __future__ import annotations", "", "from dataclasses import dataclass", "from typing import ClassVar, Literal", "",
  ];
  for (const [name, definition] of enums) {
    lines.push(`${name} = Literal[${values(definition).map((value) => JSON.stringify(value)).join(", ")}]`);
    lines.push(`"""${definition.description}"""`, "");
  }
  const all = [...parts, ...schemas.map((schema) => [schema.title, schema])];
  for (const [name, schema] of all) {
    lines.push("", "@dataclass(kw_only=True)", `class ${name}:`, `    """${schema.description}"""`, "");
    if (schema.kind) lines.push(`    KIND: ClassVar[str] = "${schema.kind}"`, "");
    for (const field of fields(schema)) {
      lines.push(`    ${field.name}: ${typed(field.type)}${field.required ? "" : " | None = None"}`);
      lines.push(`    """${field.description}"""`);
    }
    lines.push("");
  }
  return lines.join("\n");
}

let stale = 0;
for (const [path, text] of [["typescript/src/items.ts", typescript()], ["python/opssight_plugin/items.py", python()]]) {
  const file = join(here, path);
  if (!process.argv.includes("--check")) {
    writeFileSync(file, text);
  } else if (readFileSync(file, "utf8") !== text) {
    console.error(`sdk/${path} is stale: run \`node sdk/items.mjs\``);
    stale += 1;
  }
}
process.exitCode = stale === 0 ? 0 : 1;
