'use client';
import type { Plugin } from '@opssight/client';
import { useState } from 'react';
import { Abilities } from '@/features/plugins/abilities';
import { asProblem } from '@/lib/api';
import { Switch } from '@/ui/controls';
import { Section } from '@/ui/page';
import { useToasts } from '@/ui/toast';
import { OvertakenChoices } from './overtaken';
import { useChoose } from './queries';
import { alsoWaiting, isOvertaken, type Choice, type Seen } from './wire';

/** What the plugin can do for this connection; each ability that it can do without has a switch. */
export function Withheld({ seen, plugin }: { seen: Seen; plugin: Plugin }) {
  const { id, grants } = seen.connection;
  const choose = useChoose(id);
  const toasts = useToasts();
  /** Choices that were not written, because somebody else was quicker. */
  const [waiting, setWaiting] = useState<Choice[]>([]);
  const withheld = new Set(grants.withheld ?? []);
  const failed = (choices: Choice[]) => (error: unknown) => {
    if (isOvertaken(error)) setWaiting((all) => alsoWaiting(all, choices));
    else toasts.bad('It could not be changed', asProblem(error).detail);
  };
  const give = (choice: Choice) =>
    choose.mutate(
      { choices: [choice], seen },
      { onSuccess: () => setWaiting((all) => all.filter(({ key }) => key !== choice.key)), onError: failed([choice]) },
    );
  const again = () => choose.mutate({ choices: waiting }, { onSuccess: () => setWaiting([]), onError: failed(waiting) });
  return (
    <Section title="What this connection gives" note="in force from the next call on">
      {waiting.length > 0 && <OvertakenChoices choices={waiting} busy={choose.isPending} onAgain={again} onLeave={() => setWaiting([])} />}
      <Abilities
        abilities={plugin.can}
        beside={(ability) =>
          ability.can_be_withheld && (
            <Switch
              label="given"
              of={ability.says}
              checked={!withheld.has(ability.key)}
              disabled={choose.isPending}
              onChange={(given) => give({ key: ability.key, says: ability.says, given })}
            />
          )
        }
      />
    </Section>
  );
}
