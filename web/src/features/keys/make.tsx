'use client';
import type { MadeApiKey, Role } from '@opssight/client';
import { useState } from 'react';
import { RoleChoice } from '@/features/identity/role-choice';
import { asProblem } from '@/lib/api';
import { Button } from '@/ui/button';
import { FilterSelect } from '@/ui/controls';
import { CopyButton } from '@/ui/copy';
import { Dialog } from '@/ui/dialog';
import { Labelled } from '@/ui/labelled';
import { useMakeKey } from './queries';

/** How long a key may last, in days. */
const DAYS: readonly (readonly [value: string, text: string])[] = [
  ['7', '7 days'],
  ['30', '30 days'],
  ['90', '90 days'],
  ['180', '180 days'],
  ['366', 'A year'],
];

/** Asks what the key is to be, and shows it once. */
export function MakeKey({ onClose }: { onClose: () => void }) {
  const make = useMakeKey();
  return (
    <Dialog title={make.data ? 'The key' : 'Make a key'} onClose={onClose}>
      {make.data ? <Made made={make.data} onClose={onClose} /> : <Form make={make} onClose={onClose} />}
    </Dialog>
  );
}

function Form({ make, onClose }: { make: ReturnType<typeof useMakeKey>; onClose: () => void }) {
  const [name, setName] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const [days, setDays] = useState('90');
  const problem = make.error ? asProblem(make.error) : undefined;
  const ofName = problem?.fields.find(({ at }) => at === '/name')?.problem ?? (problem?.code === 'name-taken' ? problem.detail : undefined);
  return (
    <form
      className="space-y-4 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        make.mutate({ name: name.trim(), role, days: Number(days) });
      }}
    >
      <Labelled title="Name" help="What the key is for. Keys are told apart by it." problem={ofName}>
        {(ids) => (
          <input
            {...ids}
            autoFocus
            required
            maxLength={100}
            autoComplete="off"
            placeholder="ci of the shop"
            className="field w-full"
            value={name}
            onChange={(event) => setName(event.target.value)}
          />
        )}
      </Labelled>
      <RoleChoice value={role} onChange={setRole} note="A key makes no keys and invites nobody, whatever its role." />
      <div>
        <p className="mb-1 text-sm font-medium" aria-hidden>
          Lasts
        </p>
        <FilterSelect label="Lasts" value={days} onChange={setDays} options={DAYS} />
      </div>
      {problem && !ofName && (
        <p role="alert" className="text-sm break-words text-bad first-letter:uppercase">
          {problem.detail}
        </p>
      )}
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Make none</Button>
        <Button type="submit" look="primary" busy={make.isPending} disabled={!name.trim()}>
          Make it
        </Button>
      </div>
    </form>
  );
}

function Made({ made, onClose }: { made: MadeApiKey; onClose: () => void }) {
  return (
    <div className="space-y-4 p-4 text-sm">
      <p className="text-muted">
        This is the key of <strong className="font-medium text-text">{made.key.name}</strong>. It is shown this once: put it where the
        program finds it now.
      </p>
      <p className="flex items-start gap-2 rounded-md border border-line bg-sunken p-3">
        <code className="min-w-0 grow break-all" data-secret>
          {made.secret}
        </code>
        <CopyButton value={made.secret} label="Copy the key" />
      </p>
      <p className="text-xs text-muted">
        It is sent as <code>Authorization: Bearer</code>; <code>opssight</code> takes it from <code>OPSSIGHT_TOKEN</code>.
      </p>
      <div className="flex justify-end">
        <Button look="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  );
}
