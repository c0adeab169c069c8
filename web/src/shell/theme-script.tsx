/** Where the browser keeps the reader's choice. */
export const THEME_KEY = 'opssight-theme';

/**
 * Sets the theme before the first paint. Inline in every page, so the server's content security policy carries its
 * hash; keep it in step with `apply` in theme.ts.
 */
export const THEME_SCRIPT = `(function(){try{var t=localStorage.getItem('${THEME_KEY}')}catch(e){}var d=t==='dark'||(t!=='light'&&matchMedia('(prefers-color-scheme: dark)').matches);document.documentElement.dataset.theme=d?'dark':'light'})()`;

/** A script that runs while the page is parsed; a client-side render of it would be inert, and says so. */
export function ThemeScript({ html }: { html: string }) {
  return (
    <script
      type={typeof window === 'undefined' ? 'text/javascript' : 'text/plain'}
      suppressHydrationWarning
      dangerouslySetInnerHTML={{ __html: html }}
    />
  );
}
