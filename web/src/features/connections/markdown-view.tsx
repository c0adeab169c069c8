import { External } from '@/ui/external';
import { parseMarkdown, type Inline } from './markdown';

export function Markdown({ source }: { source: string }) {
  return (
    <div className="space-y-2 text-sm text-muted">
      {parseMarkdown(source).map((block, index) => {
        if (block.kind === 'code') return <pre key={index} className="overflow-x-auto rounded-md bg-sunken p-3 text-xs">{block.text}</pre>;
        if (block.kind === 'list') {
          const List = block.ordered ? 'ol' : 'ul';
          return (
            <List key={index} className={`space-y-1 pl-5 ${block.ordered ? 'list-decimal' : 'list-disc'}`}>
              {block.items.map((parts, item) => (
                <li key={item}>
                  <Parts parts={parts} />
                </li>
              ))}
            </List>
          );
        }
        return (
          <p key={index} className={block.kind === 'heading' ? 'font-medium text-text' : undefined}>
            <Parts parts={block.parts} />
          </p>
        );
      })}
    </div>
  );
}

function Parts({ parts }: { parts: Inline[] }) {
  return parts.map((part, index) => {
    if (part.kind === 'bold') return <strong key={index} className="font-medium text-text">{part.text}</strong>;
    if (part.kind === 'code') return <code key={index} className="rounded bg-hover px-1 py-0.5 text-xs text-text">{part.text}</code>;
    if (part.kind === 'link') return <External key={index} href={part.href} className="text-accent underline">{part.text}</External>;
    return part.text;
  });
}
