/** What a person typed, put on top of what somebody else changed meanwhile. */
import type { Connection, Plugin } from '@opssight/client';
import type { CredentialDrafts } from './credentials';
import { fieldsOf, initialValues, type FieldValue, type FieldValues } from './schema-form';

/** What the form holds beside credentials, which begin empty because they are never shown. */
export type Held = { name: string; values: FieldValues; networks: string; insecure: boolean };

/** The form of a connection before anything is typed; of a new one, without a connection. */
export function heldOf(plugin: Plugin, connection?: Connection): Held {
  return {
    name: connection?.name ?? plugin.name,
    values: initialValues(fieldsOf(plugin.settings_schema, connection?.settings)),
    networks: connection?.grants.networks?.join(', ') ?? '',
    insecure: connection?.grants.insecure_http ?? false,
  };
}

/** What became of a form that was put on top of a newer connection, for people. */
export type Rebased = {
  /** Changed by the other alone: the form now shows that. */
  theirs: string[];
  /** Changed by both: what was typed stays, and what stands there now is told. */
  both: { title: string; now: string }[];
};

/**
 * Three-way: `mine` was typed into the form of `before`, and the connection is `now`. What was typed stays; what was not
 * touched follows the connection.
 */
export function rebase(plugin: Plugin, before: Connection, now: Connection, mine: Held, drafts: CredentialDrafts): { held: Held } & Rebased {
  const [old, fresh] = [heldOf(plugin, before), heldOf(plugin, now)];
  const told: Rebased = { theirs: [], both: [] };
  const merge = <T extends FieldValue>(title: string, was: T, is: T, typed: T, secret = false): T => {
    if (same(was, is) || same(typed, is)) return typed;
    if (same(typed, was)) {
      told.theirs.push(title);
      return is;
    }
    told.both.push({ title, now: secret ? 'another secret' : inWords(is) });
    return typed;
  };
  const name = merge('Name', old.name, fresh.name, mine.name);
  const values: FieldValues = {};
  for (const { pointer, title, group, kind, initial } of fieldsOf(plugin.settings_schema, now.settings)) {
    const was = old.values[pointer] ?? initial;
    values[pointer] = merge(group ? `${group}: ${title}` : title, was, initial, mine.values[pointer] ?? was, kind === 'secret');
  }
  const networks = merge('Private networks', old.networks, fresh.networks, mine.networks);
  const insecure = merge('Plain http', old.insecure, fresh.insecure, mine.insecure);
  // The form has no switches of its own for it, and passes on what is withheld now.
  if (!same(sorted(before.grants.withheld), sorted(now.grants.withheld))) told.theirs.push('What it withholds');
  for (const { name: credential, title } of plugin.credentials) {
    if (same(before.credentials[credential], now.credentials[credential])) continue;
    if (Object.values(drafts[credential]?.inputs ?? {}).some(Boolean)) told.both.push({ title, now: 'filled in anew' });
    else told.theirs.push(title);
  }
  return { held: { name, values, networks, insecure }, ...told };
}

const same = (a: unknown, b: unknown) => JSON.stringify(a) === JSON.stringify(b);
const sorted = (keys: readonly string[] | undefined) => [...(keys ?? [])].sort();

const LONGEST = 80;

function inWords(value: FieldValue): string {
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  const text = Array.isArray(value) ? value.join(', ') : value.split('\n').join(', ');
  if (!text) return 'empty';
  return `“${text.length > LONGEST ? `${text.slice(0, LONGEST)}…` : text}”`;
}
