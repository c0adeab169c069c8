'use client';
import type { CredentialForm, CredentialState } from '@opssight/client';
import { Segmented } from '@/ui/controls';
import { Labelled } from '@/ui/labelled';
import { mayBeEmpty, type CredentialDraft } from './credentials';

/** One credential: choose how to give it, then fill that in. */
export function CredentialFields({
  form,
  draft,
  onChange,
  problems,
  stored,
}: {
  form: CredentialForm;
  draft: CredentialDraft;
  onChange: (draft: CredentialDraft) => void;
  /** By "/<credential>/inputs/<input>". */
  problems: Record<string, string>;
  /** What is set already, on an existing connection. */
  stored?: CredentialState;
}) {
  const scheme = form.schemes.find((one) => one.scheme === draft.scheme) ?? form.schemes[0];
  if (!scheme) return null;
  const general = problems[`/${form.name}`] ?? problems[`/${form.name}/scheme`];
  return (
    <fieldset className="space-y-3">
      <legend className="mb-2 flex w-full flex-wrap items-center justify-between gap-2">
        <span className="text-sm font-semibold">
          {form.title}
          {mayBeEmpty(form) && !stored && <span className="ml-1.5 font-normal text-faint">optional</span>}
        </span>
        {form.schemes.length > 1 && (
          <Segmented
            label={`How to give ${form.title}`}
            value={scheme.scheme}
            onChange={(next) => onChange({ ...draft, scheme: next })}
            options={form.schemes.map((one) => ({ value: one.scheme, text: one.title }))}
          />
        )}
      </legend>
      {stored && <p className="text-xs text-muted">Set already. Leave it empty to keep it; fill it in to replace it.</p>}
      {general && <p className="text-xs text-bad">{general}</p>}
      {scheme.inputs.map((input) => {
        const key = `${scheme.scheme}/${input.name}`;
        const value = draft.inputs[input.name] ?? '';
        const set = (typed: string) => onChange({ scheme: scheme.scheme, inputs: { ...draft.inputs, [input.name]: typed } });
        const known = stored?.scheme === scheme.scheme ? stored.inputs[input.name] : undefined;
        return (
          <Labelled key={key} title={input.title} help={input.help} optional={input.optional} problem={problems[`/${form.name}/inputs/${input.name}`]}>
            {(ids) =>
              input.multiline ? (
                <textarea
                  {...ids}
                  rows={6}
                  spellCheck={false}
                  autoComplete="off"
                  placeholder={input.secret ? '-----BEGIN PRIVATE KEY-----' : ''}
                  className="field w-full font-mono text-xs!"
                  value={value}
                  onChange={(event) => set(event.target.value)}
                />
              ) : (
                <input
                  {...ids}
                  type={input.secret ? 'password' : 'text'}
                  autoComplete={input.secret ? 'new-password' : 'off'}
                  spellCheck={false}
                  placeholder={known}
                  className="field w-full"
                  value={value}
                  onChange={(event) => set(event.target.value)}
                />
              )
            }
          </Labelled>
        );
      })}
    </fieldset>
  );
}
