'use client';
import type { Connection, CredentialInput, Grants, Plugin, ProblemError } from '@opssight/client';
import { useMemo, useRef, useState, type ReactNode } from 'react';
import { Button } from '@/ui/button';
import { Labelled } from '@/ui/labelled';
import { CredentialFields } from './credential-fields';
import { credentialsOf, initialDrafts, networksOf } from './credentials';
import { SettingField } from './fields';
import { RebasedForm } from './overtaken';
import { heldOf, rebase, type Held, type Rebased } from './rebase';
import { fieldsOf, problemsUnder, settingsOf, type Field, type FieldValues } from './schema-form';

/** What the form holds when it is sent. */
export type Filled = {
  name: string;
  settings: Record<string, unknown>;
  credentials: Record<string, CredentialInput>;
  grants: Grants;
};

/**
 * The form of a connection, made from its plugin's schema; empty for a new one, filled for an old one. When another state
 * of the connection is handed in, what was typed is put on top of that, and said so.
 */
export function ConnectionForm({
  plugin,
  connection,
  action,
  busy,
  error,
  notice,
  onSubmit,
  onCancel,
}: {
  plugin: Plugin;
  connection?: Connection;
  action: string;
  busy: boolean;
  error: ProblemError | undefined;
  /** Something to read before it is sent, above the buttons. */
  notice?: ReactNode;
  onSubmit: (filled: Filled) => void;
  onCancel: () => void;
}) {
  const fields = useMemo(() => fieldsOf(plugin.settings_schema, connection?.settings), [plugin, connection]);
  const [held, setHeld] = useState(() => heldOf(plugin, connection));
  const [drafts, setDrafts] = useState(() => initialDrafts(plugin.credentials));
  const [base, setBase] = useState(connection);
  const [rebased, setRebased] = useState<Rebased>();
  const [tried, setTried] = useState(false);
  const form = useRef<HTMLFormElement>(null);
  if (base && connection && base !== connection) {
    const { held: next, ...told } = rebase(plugin, base, connection, held, drafts);
    setBase(connection);
    setHeld(next);
    setRebased(told);
  }
  const { name, values, networks, insecure } = held;
  const hold = (part: Partial<Held>) => setHeld((all) => ({ ...all, ...part }));

  const settings = settingsOf(fields, values);
  const credentials = credentialsOf(plugin.credentials, drafts, connection === undefined);
  const granted = networksOf(networks);
  const own = {
    name: name.trim() ? undefined : 'This is needed.',
    settings: settings.problems,
    credentials: credentials.problems,
    networks: granted.problem,
  };
  const sound = !own.name && !own.networks && ![own.settings, own.credentials].some((problems) => Object.keys(problems).length);
  const told = error?.fields ?? [];
  const toldAt = (at: string) => told.find((one) => one.at === at)?.problem;
  const settingProblems = { ...problemsUnder('/settings', told), ...(tried ? own.settings : {}) };
  const credentialProblems = { ...problemsUnder('/credentials', told), ...(tried ? own.credentials : {}) };

  const submit = () => {
    setTried(true);
    if (sound) {
      onSubmit({ name: name.trim(), settings: settings.settings, credentials: credentials.credentials, grants: { networks: granted.networks, insecure_http: insecure, withheld: connection?.grants.withheld ?? [] } });
    } else {
      // After the render that marks them.
      setTimeout(() => form.current?.querySelector<HTMLElement>('[aria-invalid=true]')?.focus(), 0);
    }
  };

  return (
    <form
      ref={form}
      noValidate
      className="space-y-6"
      onSubmit={(event) => {
        event.preventDefault();
        if (!busy) submit();
      }}
    >
      <Part title="Name" note="How this connection is called here.">
        <Labelled title="Name" problem={(tried ? own.name : undefined) ?? toldAt('/name')}>
          {(ids) => <input {...ids} className="field w-full" autoComplete="off" maxLength={100} value={name} onChange={(event) => hold({ name: event.target.value })} />}
        </Labelled>
      </Part>
      {plugin.credentials.length > 0 && (
        <Part title="Sign-in" note="Kept sealed by the host. The plugin never sees them: the host signs its requests.">
          <div className="space-y-6">
            {plugin.credentials.map((one) => (
              <CredentialFields
                key={one.name}
                form={one}
                draft={drafts[one.name] ?? { scheme: '', inputs: {} }}
                stored={connection?.credentials[one.name]}
                problems={credentialProblems}
                onChange={(draft) => setDrafts((all) => ({ ...all, [one.name]: draft }))}
              />
            ))}
          </div>
        </Part>
      )}
      {fields.length > 0 && (
        <Part title="Settings" note={`What ${plugin.name} should look at.`}>
          <Settings fields={fields} values={values} problems={settingProblems} onChange={(pointer, value) => setHeld((all) => ({ ...all, values: { ...all.values, [pointer]: value } }))} />
        </Part>
      )}
      <Part title="Reach" note="What it may reach beyond the addresses that the plugin declares.">
        <div className="space-y-3">
          <Labelled
            title="Private networks"
            optional
            help="Only for an upstream inside your own network, like 10.1.0.0/16. Everything private is refused otherwise."
            problem={(tried ? own.networks : undefined) ?? toldAt('/grants/networks') ?? toldAt('/grants/networks/0')}
          >
            {(ids) => <input {...ids} className="field w-full font-mono" autoComplete="off" spellCheck={false} value={networks} onChange={(event) => hold({ networks: event.target.value })} />}
          </Labelled>
          <div>
            <label className="flex items-center gap-2 text-sm">
              <input
                type="checkbox"
                className="size-4 accent-(--accent-solid)"
                disabled={granted.networks.length === 0}
                checked={insecure && granted.networks.length > 0}
                onChange={(event) => hold({ insecure: event.target.checked })}
              />
              Allow plain http to these networks
            </label>
            {toldAt('/grants/insecure_http') && <p className="mt-1 text-xs text-bad">{toldAt('/grants/insecure_http')}</p>}
          </div>
        </div>
      </Part>
      {error && (
        <div role="alert" className="rounded-lg border border-bad/40 px-3 py-2 text-sm">
          <p className="font-medium text-bad">{error.title}</p>
          <p className="break-words text-muted first-letter:uppercase">{error.detail}</p>
          {error.requestId && <p className="text-xs text-faint">Request {error.requestId}</p>}
        </div>
      )}
      {rebased && !notice && <RebasedForm {...rebased} />}
      {notice}
      <div className="flex justify-end gap-2">
        <Button onClick={onCancel}>Cancel</Button>
        <Button type="submit" look="primary" busy={busy}>
          {action}
        </Button>
      </div>
    </form>
  );
}

function Part({ title, note, children }: { title: string; note: string; children: ReactNode }) {
  return (
    <section className="grid gap-x-8 gap-y-3 border-b border-line pb-6 md:grid-cols-[200px_minmax(0,1fr)]">
      <div>
        <h2 className="text-sm font-semibold">{title}</h2>
        <p className="mt-0.5 text-xs text-muted">{note}</p>
      </div>
      <div className="min-w-0">{children}</div>
    </section>
  );
}

function Settings({
  fields,
  values,
  problems,
  onChange,
}: {
  fields: Field[];
  values: FieldValues;
  problems: Record<string, string>;
  onChange: (pointer: string, value: FieldValues[string]) => void;
}) {
  return (
    <div className="space-y-4">
      {fields.map((field, index) => (
        <div key={field.pointer}>
          {field.group && field.group !== fields[index - 1]?.group && <p className="mb-2 text-xs font-semibold text-muted">{field.group}</p>}
          <SettingField
            field={field}
            value={values[field.pointer] ?? field.initial}
            problem={problems[field.pointer]}
            onChange={(value) => onChange(field.pointer, value)}
          />
        </div>
      ))}
    </div>
  );
}
