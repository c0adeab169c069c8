import type { Plugin, Shadow } from '@opssight/client';
import { createElement } from 'react';
import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, it } from 'vitest';
import { StateBadges } from './details';
import { ShadowBadge } from './shadow';

const shadow = { version: '0.1.2', compared: 47, calls: 100, different: 7 } as Shadow;
const text = (html: string) => html.replace(/<[^>]+>/g, '');

describe('a shadow beside the name of its plugin', () => {
  const badge = (more: Partial<Shadow>) => renderToStaticMarkup(createElement(ShadowBadge, { id: 'github', shadow: { ...shadow, ...more } }));

  it('leads to the versions', () => {
    expect(badge({})).toMatch(/href="\/plugins\/github\/?\?tab=versions"/);
  });

  it.each([
    [{}, '0.1.2 in shadow, 47 calls compared, 7 different'],
    [{ compared: 1, different: 0 }, '0.1.2 in shadow, 1 call compared, none different'],
    [{ compared: 0, different: 0 }, '0.1.2 in shadow, no call compared yet'],
    [{ compared: 9_876, different: 1_200 }, '0.1.2 in shadow, 9,876 calls compared, 1,200 different'],
  ])('%j: %s', (more, told) => expect(text(badge(more))).toBe(told));

  it('is there only while one runs', () => {
    const badges = (plugin: Partial<Plugin>) => {
      const compared = plugin.shadow && createElement(ShadowBadge, { id: 'github', shadow: plugin.shadow });
      return text(renderToStaticMarkup(createElement(StateBadges, { plugin: { enabled: true, state: 'active', signer: {}, ...plugin } as Plugin, compared })));
    };
    expect(badges({})).toBe('');
    expect(badges({ shadow })).toContain('0.1.2 in shadow');
  });
});
