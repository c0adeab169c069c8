/** The mark: an aperture with a pulse in it. */
export function Logo({ size = 20 }: { size?: number }) {
  return (
    <svg width={size} height={size} viewBox="0 0 24 24" aria-hidden fill="none">
      <rect width="24" height="24" rx="6.5" fill="var(--accent-solid)" />
      <path d="M4.5 12.5h3.2l2-5.2 3.8 9.6 2.2-4.4h3.8" stroke="#fff" strokeWidth="2" strokeLinecap="round" strokeLinejoin="round" />
    </svg>
  );
}
