/** How somebody signs in. */
export type Way = 'account' | 'secret';

const KEPT = 'opssight-sign-in';

/** As they did the last time; who never did has the secret that the first start printed. */
export function rememberedWay(): Way {
  if (typeof window === 'undefined') return 'secret';
  try {
    return window.localStorage.getItem(KEPT) === 'account' ? 'account' : 'secret';
  } catch {
    return 'secret';
  }
}

export function rememberWay(way: Way): void {
  try {
    window.localStorage.setItem(KEPT, way);
  } catch {
    // It is asked again the next time.
  }
}
