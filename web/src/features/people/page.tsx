'use client';
import type { Invitation, Person, Role } from '@opssight/client';
import { UserPlus, Users } from 'lucide-react';
import { useState } from 'react';
import { useMe } from '@/features/identity/queries';
import { nameOf, ROLES } from '@/features/identity/roles';
import { asProblem } from '@/lib/api';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { Confirm } from '@/ui/confirm';
import { FilterSelect } from '@/ui/controls';
import { PageHeader, Section } from '@/ui/page';
import { Empty, Loaded, SkeletonRows } from '@/ui/states';
import { Ago } from '@/ui/time';
import { useToasts } from '@/ui/toast';
import { Invite } from './invite';
import { useChangePerson, useInvitations, usePeople, useRemovePerson, useWithdraw } from './queries';

export function PeoplePage() {
  const me = useMe();
  const mayChange = me.data?.role === 'admin';
  const [inviting, setInviting] = useState(false);
  const invite = mayChange && (
    <Button look="primary" icon={<UserPlus size={14} aria-hidden />} onClick={() => setInviting(true)}>
      Invite somebody
    </Button>
  );
  return (
    <>
      <PageHeader title="People" note="Who may sign in here, and what for" actions={invite} />
      <div className="space-y-4">
        <Everybody mayChange={mayChange} own={me.data?.person ?? undefined} invite={invite} />
        {mayChange && <Invited />}
      </div>
      {inviting && <Invite onClose={() => setInviting(false)} />}
    </>
  );
}

function Everybody({ mayChange, own, invite }: { mayChange: boolean; own?: string; invite: React.ReactNode }) {
  const query = usePeople();
  const [removing, setRemoving] = useState<Person>();
  return (
    <section className="card overflow-hidden" aria-label="People">
      <Loaded query={query} skeleton={<SkeletonRows rows={3} />}>
        {({ items }) =>
          items.length === 0 ? (
            <Empty icon={<Users size={20} aria-hidden />} title="Nobody has an account yet" action={invite}>
              Whoever has an account signs in with a password of their own, and is named in what they do. The admin secret is for the first start,
              and for when nobody else gets in.
            </Empty>
          ) : (
            <ul className="divide-y divide-line">
              {items.map((person) => (
                <Row key={person.id} of={person} mayChange={mayChange} isOwn={person.id === own} onRemove={() => setRemoving(person)} />
              ))}
            </ul>
          )
        }
      </Loaded>
      {removing && <Remove of={removing} onClose={() => setRemoving(undefined)} />}
    </section>
  );
}

function Row({ of: person, mayChange, isOwn, onRemove }: { of: Person; mayChange: boolean; isOwn: boolean; onRemove: () => void }) {
  const change = useChangePerson();
  const [suspending, setSuspending] = useState(false);
  return (
    <li className="flex flex-wrap items-center gap-x-4 gap-y-1.5 px-4 py-3">
      <div className="min-w-0 grow basis-52">
        <p className="truncate text-sm font-medium">
          {person.name}
          {isOwn && <span className="ml-1.5 font-normal text-faint">you</span>}
        </p>
        <p className="truncate text-xs text-muted">{person.email}</p>
      </div>
      {person.suspended && <Badge tone="bad">Suspended</Badge>}
      <p className="text-xs text-muted sm:w-36 sm:text-right">
        {person.signed_in_at ? (
          <>
            Signed in <Ago time={person.signed_in_at} />
          </>
        ) : (
          'Not signed in yet'
        )}
      </p>
      {mayChange && !isOwn ? (
        <>
          <FilterSelect
            label={`Role of ${person.email}`}
            value={person.role}
            onChange={(role) => change.mutate({ id: person.id, role: role as Role })}
            options={ROLES.map((one) => [one.role, one.name] as const)}
          />
          <Button
            small
            look="quiet"
            busy={change.isPending}
            aria-label={`${person.suspended ? 'Restore' : 'Suspend'} ${person.email}`}
            onClick={() => (person.suspended ? change.mutate({ id: person.id, suspended: false }) : setSuspending(true))}
          >
            {person.suspended ? 'Restore' : 'Suspend'}
          </Button>
          <Button small look="quiet" aria-label={`Remove ${person.email}`} onClick={onRemove}>
            Remove
          </Button>
        </>
      ) : (
        // Nobody locks themselves out by a click: another admin can do it.
        <Badge>{nameOf(person.role)}</Badge>
      )}
      {suspending && (
        <Confirm
          title={`Suspend ${person.name}`}
          action="Suspend"
          danger="caution"
          onClose={() => setSuspending(false)}
          onConfirm={() => {
            change.mutate({ id: person.id, suspended: true });
            setSuspending(false);
          }}
        >
          <p>They are signed out, and may not sign in until they are restored. Keys that they made go on working: see there.</p>
        </Confirm>
      )}
    </li>
  );
}

function Remove({ of: person, onClose }: { of: Person; onClose: () => void }) {
  const remove = useRemovePerson();
  const toasts = useToasts();
  return (
    <Confirm
      title={`Remove ${person.name}`}
      action="Remove"
      danger="danger"
      typed={person.email}
      busy={remove.isPending}
      error={remove.error ? asProblem(remove.error).detail : undefined}
      onClose={onClose}
      onConfirm={() =>
        remove.mutate(person.id, {
          onSuccess: () => {
            toasts.good(`${person.email} is removed`);
            onClose();
          },
        })
      }
    >
      <p>Their account and their sessions end at once. What they did stays under their address.</p>
      <p>Keys that they made, and invitations, go on working: whose they are stands beside them.</p>
    </Confirm>
  );
}

function Invited() {
  const query = useInvitations(true);
  const withdraw = useWithdraw();
  if (!query.data?.items.length && !query.error) return null;
  return (
    <Section title="Invited" note="not joined yet" flush>
      <Loaded query={query}>
        {({ items }) => (
          <ul className="divide-y divide-line">
            {items.map((invitation: Invitation) => (
              <li key={invitation.id} className="flex flex-wrap items-center gap-x-4 gap-y-1 px-4 py-2.5">
                <div className="min-w-0 grow basis-52">
                  <p className="truncate text-sm font-medium">{invitation.email}</p>
                  <p className="text-xs text-muted">
                    By {invitation.created_by} <Ago time={invitation.created_at} /> · ends <Ago time={invitation.expires_at} />
                  </p>
                </div>
                <Badge>{nameOf(invitation.role)}</Badge>
                <Button small look="quiet" aria-label={`Take back the invitation of ${invitation.email}`} onClick={() => withdraw.mutate(invitation.id)}>
                  Take back
                </Button>
              </li>
            ))}
          </ul>
        )}
      </Loaded>
    </Section>
  );
}
