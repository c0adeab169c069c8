'use client';
import type { Connection, Plugin } from '@opssight/client';
import { Abilities } from '@/features/plugins/abilities';
import { asProblem } from '@/lib/api';
import { Switch } from '@/ui/controls';
import { Section } from '@/ui/page';
import { useToasts } from '@/ui/toast';
import { usePatchConnection } from './queries';

/** What the plugin can do for this connection; each ability that it can do without has a switch. */
export function Withheld({ connection, plugin }: { connection: Connection; plugin: Plugin }) {
  const patch = usePatchConnection(connection.id);
  const toasts = useToasts();
  const withheld = new Set(connection.grants.withheld ?? []);
  const give = (key: string, given: boolean) => {
    const next = new Set(withheld);
    if (given) next.delete(key);
    else next.add(key);
    patch.mutate(
      { grants: { ...connection.grants, withheld: [...next] } },
      { onError: (error) => toasts.bad('It could not be changed', asProblem(error).detail) },
    );
  };
  return (
    <Section title="What this connection gives" note="in force from the next call on">
      <Abilities
        abilities={plugin.can}
        beside={(ability) =>
          ability.can_be_withheld && (
            <Switch
              label={withheld.has(ability.key) ? 'withheld' : 'given'}
              of={ability.says}
              checked={!withheld.has(ability.key)}
              disabled={patch.isPending}
              onChange={(given) => give(ability.key, given)}
            />
          )
        }
      />
    </Section>
  );
}
