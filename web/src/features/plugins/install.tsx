'use client';
import type { CatalogueEntry, Inspection } from '@opssight/client';
import { FileUp, PackageSearch } from 'lucide-react';
import { useRouter } from 'next/navigation';
import { useRef, useState } from 'react';
import { asProblem } from '@/lib/api';
import { pluginHref } from '@/lib/path-id';
import { Badge } from '@/ui/badge';
import { Button } from '@/ui/button';
import { FilterText } from '@/ui/controls';
import { Dialog } from '@/ui/dialog';
import { SkeletonRows } from '@/ui/states';
import { useToasts } from '@/ui/toast';
import { Consent } from './consent';
import { inspect, useCatalogue, useInstall, type Offer } from './queries';

type Looked = { offer: Offer; inspection: Inspection };

/** Choose a package, see what it can do, agree. */
export function InstallDialog({ onClose }: { onClose: () => void }) {
  const [looked, setLooked] = useState<Looked>();
  const [looking, setLooking] = useState(false);
  const [problem, setProblem] = useState<string>();
  const look = async (offer: Offer) => {
    setLooking(true);
    setProblem(undefined);
    try {
      setLooked({ offer, inspection: await inspect(offer) });
    } catch (error) {
      setProblem(asProblem(error).detail);
    } finally {
      setLooking(false);
    }
  };
  return (
    <Dialog title={looked ? `Install ${looked.inspection.name}?` : 'Install a plugin'} onClose={onClose} wide>
      {looked ? (
        <Agree looked={looked} onBack={() => setLooked(undefined)} onClose={onClose} />
      ) : (
        <Choose busy={looking} problem={problem} onChoose={(offer) => void look(offer)} />
      )}
    </Dialog>
  );
}

function Choose({ busy, problem, onChoose }: { busy: boolean; problem: string | undefined; onChoose: (offer: Offer) => void }) {
  const file = useRef<HTMLInputElement>(null);
  const [words, setWords] = useState('');
  const query = useCatalogue(words);
  return (
    <div className="space-y-4 p-4">
      <div className="flex flex-wrap items-center gap-3">
        <input
          ref={file}
          type="file"
          accept=".wasm"
          aria-label="Package file"
          className="sr-only"
          tabIndex={-1}
          onChange={(event) => {
            const chosen = event.target.files?.[0];
            if (chosen) onChoose(chosen);
            event.target.value = '';
          }}
        />
        <Button look="primary" busy={busy} icon={<FileUp size={14} aria-hidden />} onClick={() => file.current?.click()}>
          Choose a package file
        </Button>
        <span className="text-xs text-muted">Nothing is installed before you have seen what it can do.</span>
      </div>
      {problem && (
        <p role="alert" className="rounded-lg border border-bad/40 px-3 py-2 text-sm break-words text-bad first-letter:uppercase">
          {problem}
        </p>
      )}
      <section aria-label="Catalogue">
        <FilterText label="Search the catalogue" placeholder="Search the catalogue" value={words} onChange={setWords} className="mb-2" />
        {query.isPending ? (
          <SkeletonRows rows={3} />
        ) : query.error ? (
          <p className="text-sm text-muted first-letter:uppercase">{asProblem(query.error).detail}</p>
        ) : (
          <>
            {query.data.items.length === 0 && (
              <p className="flex items-center gap-2 py-4 text-sm text-muted">
                <PackageSearch size={16} aria-hidden />
                {words ? 'No catalogue offers that.' : 'No catalogue is configured, or none offers anything: see “plugins.catalogues” in the operators’ guide.'}
              </p>
            )}
            <ul className="divide-y divide-line">
              {query.data.items.map((entry) => (
                <Entry key={`${entry.place} ${entry.id}`} entry={entry} busy={busy} onChoose={() => onChoose({ id: entry.id, version: entry.version })} />
              ))}
            </ul>
            {query.data.problems.map((told) => (
              <p key={told} className="mt-2 text-xs text-wait first-letter:uppercase">
                {told}
              </p>
            ))}
          </>
        )}
      </section>
    </div>
  );
}

function Entry({ entry, busy, onChoose }: { entry: CatalogueEntry; busy: boolean; onChoose: () => void }) {
  return (
    <li className="flex items-center gap-3 py-2.5">
      <div className="min-w-0 grow">
        <p className="flex flex-wrap items-center gap-2 text-sm font-medium">
          {entry.name} <span className="text-xs font-normal text-faint">{entry.version}</span>
          {entry.installed && <Badge>{entry.installed === entry.version ? 'installed' : `${entry.installed} installed`}</Badge>}
        </p>
        <p className="truncate text-xs text-muted">
          {entry.description} · by {entry.publisher}
        </p>
      </div>
      <Button small disabled={busy || entry.installed === entry.version} onClick={onChoose}>
        Look at it
      </Button>
    </li>
  );
}

function Agree({ looked: { offer, inspection }, onBack, onClose }: { looked: Looked; onBack: () => void; onClose: () => void }) {
  const install = useInstall();
  const toasts = useToasts();
  const router = useRouter();
  const similar = inspection.refused?.code === 'similar-name';
  const [meant, setMeant] = useState(false);
  const refused = inspection.refused && !similar;
  const go = (shadow?: number) =>
    install.mutate(
      { offer, consent: inspection.digest, shadow, similar: meant },
      {
        onSuccess: (answer) => {
          toasts.good(answer.approval === 'shadow' ? `${inspection.name} ${inspection.version} is being compared` : `${inspection.name} ${inspection.version} runs`);
          onClose();
          router.push(pluginHref(inspection.plugin));
        },
      },
    );
  return (
    <div className="space-y-4 p-4">
      <Consent inspection={inspection} />
      {inspection.refused && (
        <p role="alert" className="rounded-lg border border-bad/40 px-3 py-2 text-sm break-words text-bad first-letter:uppercase">
          {inspection.refused.message}
        </p>
      )}
      {similar && (
        <label className="flex items-center gap-2 text-sm">
          <input type="checkbox" className="size-4 accent-(--accent-solid)" checked={meant} onChange={(event) => setMeant(event.target.checked)} />
          I really mean {inspection.plugin} by {inspection.publisher}
        </label>
      )}
      {install.error && (
        <p role="alert" className="text-sm break-words text-bad first-letter:uppercase">
          {asProblem(install.error).detail}
        </p>
      )}
      <div className="flex flex-wrap justify-end gap-2">
        <Button onClick={onBack}>Choose another</Button>
        {inspection.update && !refused && !inspection.is_active && (
          <Button busy={install.isPending} disabled={similar && !meant} onClick={() => go(100)} title="Both versions answer the next 100 calls; it takes over if all answers are the same">
            Compare first
          </Button>
        )}
        <Button look="primary" busy={install.isPending} disabled={Boolean(refused) || inspection.is_active || (similar && !meant)} onClick={() => go()}>
          {inspection.is_active ? 'It runs already' : inspection.update ? 'Agree and update' : 'Agree and install'}
        </Button>
      </div>
    </div>
  );
}
