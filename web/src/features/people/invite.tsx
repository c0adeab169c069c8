'use client';
import type { MadeInvitation, Role } from '@opssight/client';
import { useState } from 'react';
import { Refused } from '@/features/identity/alone';
import { RoleChoice } from '@/features/identity/role-choice';
import { asProblem } from '@/lib/api';
import { Button } from '@/ui/button';
import { CopyButton } from '@/ui/copy';
import { Dialog } from '@/ui/dialog';
import { Labelled } from '@/ui/labelled';
import { useInvite } from './queries';

/** Asks whom, and shows the link once. */
export function Invite({ onClose }: { onClose: () => void }) {
  const invite = useInvite();
  return (
    <Dialog title={invite.data ? 'The invitation' : 'Invite somebody'} onClose={onClose}>
      {invite.data ? <Made made={invite.data} onClose={onClose} /> : <Form invite={invite} onClose={onClose} />}
    </Dialog>
  );
}

function Form({ invite, onClose }: { invite: ReturnType<typeof useInvite>; onClose: () => void }) {
  const [email, setEmail] = useState('');
  const [role, setRole] = useState<Role>('viewer');
  const problem = invite.error ? asProblem(invite.error) : undefined;
  const ofEmail = problem?.fields.find(({ at }) => at === '/email')?.problem;
  return (
    <form
      className="space-y-4 p-4"
      onSubmit={(event) => {
        event.preventDefault();
        invite.mutate({ email: email.trim(), role });
      }}
    >
      <Labelled title="Email" problem={ofEmail} help="Nothing is sent: you get a link, and pass it on.">
        {(ids) => (
          <input {...ids} type="email" autoFocus required autoComplete="off" placeholder="ada@example.com" className="field w-full" value={email} onChange={(event) => setEmail(event.target.value)} />
        )}
      </Labelled>
      <RoleChoice value={role} onChange={setRole} />
      <Refused>{problem && !ofEmail && problem.detail}</Refused>
      <div className="flex justify-end gap-2">
        <Button onClick={onClose}>Invite nobody</Button>
        <Button type="submit" look="primary" busy={invite.isPending} disabled={!email.trim()}>
          Invite
        </Button>
      </div>
    </form>
  );
}

function Made({ made, onClose }: { made: MadeInvitation; onClose: () => void }) {
  const link = window.location.origin + made.path;
  return (
    <div className="space-y-4 p-4 text-sm">
      <p className="text-muted">
        Send this link to <strong className="font-medium text-text">{made.invitation.email}</strong>, and to nobody else. It is shown this once, and is
        good for a week.
      </p>
      <p className="flex items-start gap-2 rounded-md border border-line bg-sunken p-3">
        <code className="min-w-0 grow break-all" data-secret>
          {link}
        </code>
        <CopyButton value={link} label="Copy the link" />
      </p>
      <div className="flex justify-end">
        <Button look="primary" onClick={onClose}>
          I have it
        </Button>
      </div>
    </div>
  );
}
