// Syntax colours, loaded when the first block of code is shown; each language when it first occurs.
import { createHighlighterCore, type HighlighterCore } from 'shiki/core';
import { createJavaScriptRegexEngine } from 'shiki/engine/javascript';
import type { LanguageInput } from 'shiki/core';

export interface CodeToken {
  readonly text: string;
  /** `--shiki-light` and `--shiki-dark`. */
  readonly style: Readonly<Record<string, string>>;
}
export type CodeLine = readonly CodeToken[];

const LANGUAGES: Readonly<Record<string, () => Promise<unknown>>> = {
  bash: () => import('shiki/langs/bash.mjs'),
  c: () => import('shiki/langs/c.mjs'),
  css: () => import('shiki/langs/css.mjs'),
  diff: () => import('shiki/langs/diff.mjs'),
  go: () => import('shiki/langs/go.mjs'),
  html: () => import('shiki/langs/html.mjs'),
  java: () => import('shiki/langs/java.mjs'),
  json: () => import('shiki/langs/json.mjs'),
  lua: () => import('shiki/langs/lua.mjs'),
  markdown: () => import('shiki/langs/markdown.mjs'),
  python: () => import('shiki/langs/python.mjs'),
  rust: () => import('shiki/langs/rust.mjs'),
  sql: () => import('shiki/langs/sql.mjs'),
  toml: () => import('shiki/langs/toml.mjs'),
  tsx: () => import('shiki/langs/tsx.mjs'),
  typescript: () => import('shiki/langs/typescript.mjs'),
  yaml: () => import('shiki/langs/yaml.mjs'),
};
const ALIASES: Readonly<Record<string, string>> = {
  sh: 'bash',
  shell: 'bash',
  zsh: 'bash',
  console: 'bash',
  js: 'tsx',
  jsx: 'tsx',
  javascript: 'tsx',
  mjs: 'tsx',
  ts: 'typescript',
  mts: 'typescript',
  py: 'python',
  rs: 'rust',
  md: 'markdown',
  yml: 'yaml',
  jsonc: 'json',
  h: 'c',
};

let core: Promise<HighlighterCore> | undefined;

function highlighter(): Promise<HighlighterCore> {
  core ??= createHighlighterCore({
    themes: [
      import('shiki/themes/github-light-high-contrast.mjs'),
      import('shiki/themes/github-dark-high-contrast.mjs'),
    ],
    langs: [],
    engine: createJavaScriptRegexEngine({ forgiving: true }),
  });
  return core;
}

/** Coloured lines; undefined for a language that is not known here. */
export async function highlight(code: string, language: string): Promise<readonly CodeLine[] | undefined> {
  const name = ALIASES[language.toLowerCase()] ?? language.toLowerCase();
  const load = LANGUAGES[name];
  if (load === undefined) return undefined;
  const shiki = await highlighter();
  await shiki.loadLanguage(load as LanguageInput); // modules of grammars, as shiki's own lists have them
  const { tokens } = shiki.codeToTokens(code, {
    lang: name,
    themes: { light: 'github-light-high-contrast', dark: 'github-dark-high-contrast' },
    defaultColor: false,
  });
  return tokens.map((line) =>
    line.map(({ content, htmlStyle }) => ({ text: content, style: asRecord(htmlStyle) })),
  );
}

function asRecord(style: string | Record<string, string> | undefined): Record<string, string> {
  return typeof style === 'object' ? style : {};
}
