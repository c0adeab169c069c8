/**
 * The little Markdown that a plugin's setup instructions use. It is another's text: it becomes these few nodes and
 * never HTML, and only web addresses become links.
 */
export type Inline = { kind: 'plain' | 'bold' | 'code'; text: string } | { kind: 'link'; text: string; href: string };
export type Block =
  | { kind: 'text'; parts: Inline[] }
  | { kind: 'heading'; parts: Inline[] }
  | { kind: 'code'; text: string }
  | { kind: 'list'; ordered: boolean; items: Inline[][] };

export function parseMarkdown(source: string): Block[] {
  const blocks: Block[] = [];
  const lines = source.replaceAll('\r\n', '\n').split('\n');
  for (let at = 0; at < lines.length; at++) {
    const line = lines[at] ?? '';
    const last = blocks.at(-1);
    if (line.startsWith('```')) {
      const end = lines.findIndex((candidate, index) => index > at && candidate.startsWith('```'));
      const stop = end < 0 ? lines.length : end;
      blocks.push({ kind: 'code', text: lines.slice(at + 1, stop).join('\n') });
      at = stop;
      continue;
    }
    const item = /^\s*(?:([-*])|\d+\.)\s+(.*)$/.exec(line);
    if (item) {
      const ordered = item[1] === undefined;
      const parts = inline(item[2] ?? '');
      if (last?.kind === 'list' && last.ordered === ordered) last.items.push(parts);
      else blocks.push({ kind: 'list', ordered, items: [parts] });
      continue;
    }
    const heading = /^#{1,6}\s+(.*)$/.exec(line);
    if (heading) blocks.push({ kind: 'heading', parts: inline(heading[1] ?? '') });
    else if (line.trim() === '') continue;
    else if (last?.kind === 'text' && lines[at - 1]?.trim()) last.parts.push({ kind: 'plain', text: ' ' }, ...inline(line.trim()));
    else blocks.push({ kind: 'text', parts: inline(line.trim()) });
  }
  return blocks;
}

const INLINE = /\*\*([^*]+)\*\*|`([^`]+)`|\[([^\]]+)\]\((https?:\/\/[^\s)]+)\)/g;

function inline(source: string): Inline[] {
  const parts: Inline[] = [];
  let from = 0;
  for (const match of source.matchAll(INLINE)) {
    if (match.index > from) parts.push({ kind: 'plain', text: source.slice(from, match.index) });
    if (match[1] !== undefined) parts.push({ kind: 'bold', text: match[1] });
    else if (match[2] !== undefined) parts.push({ kind: 'code', text: match[2] });
    else parts.push({ kind: 'link', text: match[3] ?? '', href: match[4] ?? '' });
    from = match.index + match[0].length;
  }
  if (from < source.length) parts.push({ kind: 'plain', text: source.slice(from) });
  return parts;
}
