/** Every word that was typed must begin a word of the text, in any order: "pip g" finds "Go to Pipelines". */
export function matches(typed: string, text: string): boolean {
  const words = text.toLowerCase().split(/[\s/_.-]+/);
  return typed
    .toLowerCase()
    .split(/[\s/_.-]+/)
    .filter(Boolean)
    .every((part) => words.some((word) => word.startsWith(part)));
}
