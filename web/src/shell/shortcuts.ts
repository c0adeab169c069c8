/** Which keys do what. Pure, so that the help page and the keys cannot drift apart. */

export const SHORTCUTS: readonly { group: string; keys: readonly (readonly [keys: string, does: string])[] }[] = [
  {
    group: 'Anywhere',
    keys: [
      ['Ctrl K', 'Open the command palette'],
      ['/', 'Search on this page'],
      ['?', 'Show this help'],
      ['Esc', 'Close what is open'],
    ],
  },
  {
    group: 'Go to',
    keys: [
      ['g o', 'Overview'],
      ['g p', 'Pipelines'],
      ['g d', 'Delivery'],
      ['g e', 'Deployments'],
      ['g h', 'Changes'],
      ['g c', 'Connections'],
      ['g l', 'Plugins'],
      ['g u', 'People'],
      ['g k', 'Keys'],
    ],
  },
  {
    group: 'In lists',
    keys: [
      ['j', 'Next row'],
      ['k', 'Row before'],
      ['Enter', 'Open the row'],
    ],
  },
];

export type KeyPress = { key: string; ctrlKey: boolean; metaKey: boolean; altKey: boolean };
export type Command =
  | { do: 'palette' }
  | { do: 'help' }
  | { do: 'search' }
  | { do: 'step'; by: 1 | -1 }
  | { do: 'go'; key: string }
  | { do: 'wait' };

/** How long "g" waits for its second key. */
export const CHORD_MS = 1_200;

/** What a key press means; `sinceG` is the time since "g", if that was the last key. */
export function meaning(press: KeyPress, typing: boolean, sinceG: number | undefined): Command | undefined {
  const key = press.key.length === 1 ? press.key.toLowerCase() : press.key;
  if ((press.ctrlKey || press.metaKey) && !press.altKey && key === 'k') return { do: 'palette' };
  if (typing || press.ctrlKey || press.metaKey || press.altKey) return undefined;
  if (sinceG !== undefined && sinceG < CHORD_MS) return { do: 'go', key };
  if (key === 'g') return { do: 'wait' };
  if (key === '?') return { do: 'help' };
  if (key === '/') return { do: 'search' };
  if (key === 'j') return { do: 'step', by: 1 };
  if (key === 'k') return { do: 'step', by: -1 };
  return undefined;
}
