'use client';
import { useUrlState } from '@/lib/url-state';
import { Tabs } from '@/ui/controls';
import { PageHeader } from '@/ui/page';
import { FlakyTab } from './flaky-tab';
import { HistoryTab } from './history-tab';
import { RunsTab } from './runs-tab';

const TABS = [
  { value: 'runs', text: 'Runs' },
  { value: 'history', text: 'Pipelines' },
  { value: 'flaky', text: 'Flaky jobs' },
] as const;

export function PipelinesPage() {
  const url = useUrlState();
  const tab = TABS.find(({ value }) => value === url.get('tab'))?.value ?? 'runs';
  return (
    <>
      <PageHeader title="Pipelines" />
      <Tabs label="Pipelines" value={tab} onChange={(value) => url.set({ tab: value === 'runs' ? '' : value }, 'push')} tabs={TABS} />
      <div role="tabpanel" id="tab-panel" aria-labelledby={`tab-${tab}`}>
        {tab === 'runs' && <RunsTab />}
        {tab === 'history' && <HistoryTab />}
        {tab === 'flaky' && <FlakyTab />}
      </div>
    </>
  );
}
