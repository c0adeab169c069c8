import type { Ability, AbilityChange } from '@opssight/client';
import { Minus, OctagonAlert, Plus, ShieldCheck, TriangleAlert } from 'lucide-react';
import type { ReactNode } from 'react';

/** The loudest first: what is read least carefully stands last. */
const RISKS = ['danger', 'caution', 'safe'];
const rank = (ability: Ability) => RISKS.indexOf(ability.risk);

export function RiskIcon({ risk }: { risk: string }) {
  if (risk === 'danger') return <OctagonAlert size={15} className="mt-0.5 shrink-0 text-bad" aria-label="Dangerous" />;
  if (risk === 'caution') return <TriangleAlert size={15} className="mt-0.5 shrink-0 text-wait" aria-label="With care" />;
  return <ShieldCheck size={15} className="mt-0.5 shrink-0 text-good" aria-hidden />;
}

/** What a plugin can do, loudest first. `beside` adds something to each row. */
export function Abilities({ abilities, beside }: { abilities: Ability[]; beside?: (ability: Ability) => ReactNode }) {
  const sorted = [...abilities].sort((a, b) => rank(a) - rank(b));
  return (
    <ul className="space-y-1.5">
      {sorted.map((ability) => (
        <li key={`${ability.key} ${ability.terms}`} className="flex items-start gap-2 text-sm">
          <RiskIcon risk={ability.risk} />
          <span className="min-w-0 grow break-words first-letter:uppercase">{ability.says}</span>
          {beside?.(ability)}
        </li>
      ))}
    </ul>
  );
}

/** Those of some abilities that others lack. The same on other terms, like an action for another role, is another one. */
export const without = (some: readonly Ability[], others: readonly Ability[]): Ability[] =>
  some.filter((one) => !others.some(({ key, terms }) => key === one.key && (terms ?? null) === (one.terms ?? null)));

/** What an update adds and gives up. */
export function Change({ change }: { change: AbilityChange }) {
  if (!change.added.length && !change.removed.length && !change.raised.length) {
    return <p className="text-sm text-muted">It can do exactly what version {change.from} can.</p>;
  }
  return (
    <div className="space-y-3">
      {change.added.length > 0 && (
        <Side title="New: it could also" icon={<Plus size={13} aria-hidden />}>
          <Abilities abilities={change.added} />
        </Side>
      )}
      {change.raised.length > 0 && (
        <Side title="Larger limits" icon={<Plus size={13} aria-hidden />}>
          <ul className="space-y-1 text-sm">
            {change.raised.map((budget) => (
              <li key={budget.name}>
                <code className="text-xs">{budget.name}</code>: {budget.then ?? 'the kind’s own limit'} → {budget.now ?? 'the kind’s own limit'}
              </li>
            ))}
          </ul>
        </Side>
      )}
      {change.removed.length > 0 && (
        <Side title="Given up" icon={<Minus size={13} aria-hidden />}>
          <Abilities abilities={change.removed} />
        </Side>
      )}
    </div>
  );
}

function Side({ title, icon, children }: { title: string; icon: ReactNode; children: ReactNode }) {
  return (
    <section>
      <h4 className="mb-1.5 flex items-center gap-1 text-xs font-medium text-muted">
        {icon} {title}
      </h4>
      {children}
    </section>
  );
}
