import './globals.css';
import { GeistMono } from 'geist/font/mono';
import { GeistSans } from 'geist/font/sans';
import type { Metadata, Viewport } from 'next';
import type { ReactNode } from 'react';
import { Frame } from '@/shell/frame';
import { THEME_SCRIPT, ThemeScript } from '@/shell/theme-script';

export const metadata: Metadata = {
  title: { default: 'OpsSight', template: '%s · OpsSight' },
  description: 'Pipelines, deployments and delivery performance in one place.',
  robots: { index: false, follow: false },
};

export const viewport: Viewport = {
  width: 'device-width',
  initialScale: 1,
  themeColor: [
    { media: '(prefers-color-scheme: light)', color: '#f7f8fa' },
    { media: '(prefers-color-scheme: dark)', color: '#0a0b0e' },
  ],
};

export default function Layout({ children }: { children: ReactNode }) {
  return (
    <html lang="en" className={`${GeistSans.variable} ${GeistMono.variable}`} suppressHydrationWarning>
      <head>
        <ThemeScript html={THEME_SCRIPT} />
      </head>
      <body>
        <Frame>{children}</Frame>
      </body>
    </html>
  );
}
