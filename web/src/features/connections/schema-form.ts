/**
 * A form from a plugin's JSON Schema. Covers what settings are made of: text, numbers, switches, choices, lists of
 * text, and objects of those. Anything else is edited as JSON, so that no plugin is shut out.
 */

type Schema = { [key: string]: unknown };

export type Field = {
  /** Where its value goes, from the root: ["base_url"] or ["proxy", "host"]. */
  path: string[];
  /** The same as a JSON pointer: "/base_url". */
  pointer: string;
  kind: 'text' | 'long-text' | 'secret' | 'url' | 'number' | 'switch' | 'choice' | 'choices' | 'list' | 'json';
  title: string;
  help: string;
  /** The title of the object that it is a part of. */
  group: string | undefined;
  required: boolean;
  /** The default as the form shows it. */
  initial: FieldValue;
  /** Shown while the field is empty. */
  placeholder: string;
  options: { value: string; text: string }[];
  integer: boolean;
  minimum?: number;
  maximum?: number;
  minLength?: number;
  maxLength?: number;
  maxItems?: number;
  pattern?: string;
};

/** What a field holds: text (also for numbers, lists and JSON, as typed), a switch, or several choices. */
export type FieldValue = string | boolean | string[];
export type FieldValues = Record<string, FieldValue>;

const isObject = (value: unknown): value is Schema => typeof value === 'object' && value !== null && !Array.isArray(value);
const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
const number = (value: unknown) => (typeof value === 'number' ? value : undefined);

/** "base_url" -> "Base url". */
const humanise = (key: string) => {
  const words = key.replace(/[_-]+/g, ' ').trim();
  return words.charAt(0).toUpperCase() + words.slice(1);
};

/** The fields of a schema, in its order; with `known`, filled with what is set already. */
export function fieldsOf(schema: unknown, known?: unknown): Field[] {
  return isObject(schema) ? walk(schema, [], undefined, known) : [];
}

function walk(schema: Schema, path: string[], group: string | undefined, known: unknown): Field[] {
  const properties = isObject(schema['properties']) ? schema['properties'] : {};
  const required = Array.isArray(schema['required']) ? schema['required'] : [];
  return Object.entries(properties).flatMap(([key, property]) => {
    if (!isObject(property)) return [];
    const here = [...path, key];
    const value = isObject(known) ? known[key] : undefined;
    if (typeOf(property) === 'object' && isObject(property['properties'])) {
      return walk(property, here, text(property['title']) ?? humanise(key), value);
    }
    return [field(property, here, group, required.includes(key), value)];
  });
}

/** The type without null: `["string", "null"]` is a string that may be left out. */
function typeOf(schema: Schema): string {
  const type = schema['type'];
  if (typeof type === 'string') return type;
  if (Array.isArray(type)) return (type.find((one) => one !== 'null') as string | undefined) ?? 'json';
  return Array.isArray(schema['enum']) || Array.isArray(schema['oneOf']) ? 'string' : 'json';
}

function optionsOf(schema: Schema): Field['options'] {
  if (Array.isArray(schema['enum'])) {
    return schema['enum'].filter((one) => one !== null).map((one) => ({ value: String(one), text: String(one) }));
  }
  const either = schema['oneOf'] ?? schema['anyOf'];
  if (!Array.isArray(either) || !either.every((one) => isObject(one) && 'const' in one)) return [];
  return either.map((one: Schema) => ({ value: String(one['const']), text: text(one['title']) ?? String(one['const']) }));
}

function kindOf(schema: Schema): Field['kind'] {
  const type = typeOf(schema);
  const format = text(schema['format']) ?? '';
  if ((type === 'string' || type === 'integer' || type === 'number') && optionsOf(schema).length) return 'choice';
  if (type === 'string') {
    if (format === 'password' || schema['writeOnly'] === true) return 'secret';
    if (format === 'uri' || format === 'url') return 'url';
    return format === 'textarea' || schema['x-multiline'] === true ? 'long-text' : 'text';
  }
  if (type === 'integer' || type === 'number') return 'number';
  if (type === 'boolean') return 'switch';
  if (type === 'array' && isObject(schema['items'])) {
    if (optionsOf(schema['items']).length) return 'choices';
    if (typeOf(schema['items']) === 'string') return 'list';
  }
  return 'json';
}

function field(schema: Schema, path: string[], group: string | undefined, required: boolean, known: unknown): Field {
  const kind = kindOf(schema);
  const items = isObject(schema['items']) ? schema['items'] : schema;
  const examples = Array.isArray(schema['examples']) ? schema['examples'] : [];
  return {
    path,
    pointer: `/${path.map((part) => part.replaceAll('~', '~0').replaceAll('/', '~1')).join('/')}`,
    kind,
    title: text(schema['title']) ?? humanise(path.at(-1) ?? ''),
    help: text(schema['description']) ?? '',
    group,
    required,
    initial: shown(kind, known === undefined ? schema['default'] : known),
    placeholder: text(examples[0]) ?? '',
    options: kind === 'choices' ? optionsOf(items) : optionsOf(schema),
    integer: typeOf(schema) === 'integer',
    minimum: number(schema['minimum']),
    maximum: number(schema['maximum']),
    minLength: number(schema['minLength']),
    maxLength: number(schema['maxLength']),
    maxItems: number(schema['maxItems']),
    pattern: kind === 'list' ? text(items['pattern']) : text(schema['pattern']),
  };
}

/** A value as the form shows it. */
function shown(kind: Field['kind'], value: unknown): FieldValue {
  if (kind === 'switch') return value === true;
  if (kind === 'choices') return Array.isArray(value) ? value.map(String) : [];
  if (value === undefined || value === null) return '';
  if (kind === 'list') return Array.isArray(value) ? value.join('\n') : '';
  if (kind === 'json') return JSON.stringify(value, null, 2);
  return String(value);
}

export const initialValues = (fields: readonly Field[]): FieldValues =>
  Object.fromEntries(fields.map((one) => [one.pointer, one.initial]));

/** One entry per line or comma. */
export const listOf = (typed: string) => typed.split(/[\n,]/).map((line) => line.trim()).filter(Boolean);

/** The settings, or what is wrong with which field. Empty optional fields are left out, so that defaults apply. */
export function settingsOf(
  fields: readonly Field[],
  values: FieldValues,
): { settings: Record<string, unknown>; problems: Record<string, string> } {
  const settings: Record<string, unknown> = {};
  const problems: Record<string, string> = {};
  for (const one of fields) {
    const read = readField(one, values[one.pointer] ?? one.initial);
    if ('problem' in read) problems[one.pointer] = read.problem;
    else if (read.value !== undefined) put(settings, one.path, read.value);
  }
  return { settings, problems };
}

function readField(one: Field, typed: FieldValue): { value: unknown } | { problem: string } {
  if (typeof typed === 'boolean') return { value: typed };
  if (Array.isArray(typed)) return { value: typed };
  if (one.kind === 'list') return readList(one, listOf(typed));
  const trimmed = one.kind === 'secret' || one.kind === 'long-text' ? typed : typed.trim();
  if (trimmed === '') return one.required ? { problem: 'This is needed.' } : { value: undefined };
  if (one.kind === 'number') return readNumber(one, trimmed);
  if (one.kind === 'choice') return one.integer ? { value: Number(trimmed) } : { value: trimmed };
  if (one.kind === 'json') {
    try {
      return { value: JSON.parse(trimmed) as unknown };
    } catch {
      return { problem: 'This is not valid JSON.' };
    }
  }
  const wrong = textProblem(one, trimmed);
  return wrong ? { problem: wrong } : { value: trimmed };
}

function readNumber(one: Field, typed: string): { value: number } | { problem: string } {
  const value = Number(typed);
  if (!Number.isFinite(value)) return { problem: 'This is not a number.' };
  if (one.integer && !Number.isInteger(value)) return { problem: 'This must be a whole number.' };
  if (one.minimum !== undefined && value < one.minimum) return { problem: `At least ${one.minimum}.` };
  if (one.maximum !== undefined && value > one.maximum) return { problem: `At most ${one.maximum}.` };
  return { value };
}

function readList(one: Field, entries: string[]): { value: string[] | undefined } | { problem: string } {
  if (entries.length === 0 && one.required) return { problem: 'At least one entry is needed.' };
  if (one.maxItems !== undefined && entries.length > one.maxItems) return { problem: `At most ${one.maxItems} entries.` };
  const wrong = entries.find((entry) => !fits(one.pattern, entry));
  if (wrong !== undefined) return { problem: `“${wrong}” does not have the expected form.` };
  return { value: entries };
}

function textProblem(one: Field, typed: string): string | undefined {
  if (one.minLength !== undefined && typed.length < one.minLength) return `At least ${one.minLength} characters.`;
  if (one.maxLength !== undefined && typed.length > one.maxLength) return `At most ${one.maxLength} characters.`;
  if (one.kind === 'url' && !/^https?:\/\/[^\s/]+/.test(typed)) return 'This must be an address that begins with https:// or http://.';
  return fits(one.pattern, typed) ? undefined : 'This does not have the expected form.';
}

/** A pattern that this browser cannot read is left to the server. */
function fits(pattern: string | undefined, typed: string): boolean {
  if (!pattern) return true;
  try {
    return new RegExp(pattern, 'u').test(typed);
  } catch {
    return true;
  }
}

function put(target: Record<string, unknown>, path: readonly string[], value: unknown): void {
  const [first, ...rest] = path;
  if (first === undefined) return;
  if (rest.length === 0) {
    target[first] = value;
    return;
  }
  const inner = isObject(target[first]) ? target[first] : {};
  target[first] = inner;
  put(inner, rest, value);
}

/** The problems that the server found, by the pointer of their field: "/settings/base_url" with "/settings". */
export function problemsUnder(prefix: string, problems: readonly { at: string; problem: string }[]): Record<string, string> {
  return Object.fromEntries(
    problems.filter(({ at }) => at.startsWith(`${prefix}/`)).map(({ at, problem }) => [at.slice(prefix.length), problem]),
  );
}
