import path from 'node:path';
import type { NextConfig } from 'next';

const config: NextConfig = {
  // Plain files that the server embeds; `trailingSlash` makes every page a folder with an index.html.
  output: 'export',
  trailingSlash: true,
  transpilePackages: ['@opssight/client'],
  turbopack: { root: path.join(__dirname, '..') },
  reactStrictMode: true,
  poweredByHeader: false,
  images: { unoptimized: true },
};

export default config;
