// The page's title and icon say when a session needs its person, also from a background tab.
import { strings } from '../strings.ts';

const ICON = '/icon.svg';

/** The icon with a dot; drawn here so that it needs no file of its own. */
const ICON_WITH_DOT = `data:image/svg+xml,${encodeURIComponent(
  '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 64 64"><rect width="64" height="64" rx="14" fill="#0f766e"/>' +
    '<path d="M20 14v36M44 14v36M20 32h24" stroke="#fff" stroke-width="8" stroke-linecap="round" fill="none"/>' +
    '<circle cx="50" cy="14" r="13" fill="#f59e0b" stroke="#fff" stroke-width="4"/></svg>',
)}`;

export function showAttention(needsYou: number, title: string | null): void {
  const name = title === null ? strings.product : `${title} · ${strings.product}`;
  document.title = needsYou === 0 ? name : `(${needsYou}) ${strings.needsYou} · ${name}`;
  const link = document.querySelector<HTMLLinkElement>('link[rel="icon"]');
  const icon = needsYou === 0 ? ICON : ICON_WITH_DOT;
  if (link !== null && link.getAttribute('href') !== icon) link.setAttribute('href', icon);
}
