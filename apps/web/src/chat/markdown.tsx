// Markdown as React elements, with no HTML on the way: what the agent wrote can not become markup of the page.
// While a text streams, its unfinished end is closed, and only the blocks that changed are rendered again.
import { lexer, type Token, type Tokens } from 'marked';
import { memo, useMemo, type ReactNode } from 'react';
import remend from 'remend';
import { CodeBlock } from './code-block.tsx';
import { decodeEntities } from './entities.ts';

export const Markdown = memo(function Markdown(props: { text: string; isStreaming?: boolean }): ReactNode {
  const { text, isStreaming = false } = props;
  const blocks = useMemo(() => lexer(isStreaming ? remend(text) : text), [text, isStreaming]);
  return (
    <div className="markdown">
      {blocks.map((token, index) => (
        <Block key={index} token={token} isOpen={isStreaming && index === blocks.length - 1} />
      ))}
    </div>
  );
});

const Block = memo(
  function Block({ token, isOpen }: { token: Token; isOpen: boolean }): ReactNode {
    return renderBlock(token, isOpen);
  },
  (before, now) => before.token.raw === now.token.raw && before.isOpen === now.isOpen,
);

const HEADINGS = ['h1', 'h2', 'h3', 'h4', 'h4', 'h4'] as const;

function renderBlock(untyped: Token, isOpen: boolean): ReactNode {
  const token = untyped as MarkedToken; // marked's own union, without extensions
  switch (token.type) {
    case 'heading': {
      const Heading = HEADINGS[token.depth - 1] ?? 'h4';
      return <Heading>{inline(token.tokens)}</Heading>;
    }
    case 'paragraph':
      return <p>{inline(token.tokens)}</p>;
    case 'text':
      return token.tokens === undefined ? decodeEntities(token.text) : inline(token.tokens);
    case 'code':
      return <CodeBlock code={token.text} language={token.lang ?? ''} isOpen={isOpen} />;
    case 'blockquote':
      return <blockquote>{blocksOf(token.tokens)}</blockquote>;
    case 'list':
      return <List list={token} />;
    case 'table':
      return <Table table={token} />;
    case 'hr':
      return <hr />;
    case 'html':
      return <p>{token.text}</p>;
    case 'space':
    case 'def':
      return null;
  }
}

type MarkedToken =
  | Tokens.Heading
  | Tokens.Paragraph
  | Tokens.Text
  | Tokens.Code
  | Tokens.Blockquote
  | Tokens.List
  | Tokens.Table
  | Tokens.Hr
  | Tokens.HTML
  | Tokens.Space
  | Tokens.Def;

function blocksOf(tokens: readonly Token[]): ReactNode {
  return tokens.map((token, index) => <Block key={index} token={token} isOpen={false} />);
}

function List({ list }: { list: Tokens.List }): ReactNode {
  const items = list.items.map((item, index) => (
    <li key={index} className={item.task ? '-ml-5 list-none' : undefined}>
      {item.task && (
        <span aria-label={item.checked === true ? 'done' : 'open'} role="img">
          {item.checked === true ? '☑ ' : '☐ '}
        </span>
      )}
      {blocksOf(item.tokens.filter((token) => token.type !== 'checkbox'))}
    </li>
  ));
  return list.ordered ? <ol start={list.start === '' ? 1 : list.start}>{items}</ol> : <ul>{items}</ul>;
}

function Table({ table }: { table: Tokens.Table }): ReactNode {
  return (
    // A wide table scrolls by itself; the keyboard can reach it.
    <div className="overflow-x-auto" tabIndex={0} role="group" aria-label="Table">
      <table>
        <thead>
          <tr>
            {table.header.map((cell, index) => (
              <th key={index}>{inline(cell.tokens)}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, column) => (
                <td key={column}>{inline(cell.tokens)}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

function inline(tokens: readonly Token[] | undefined): ReactNode {
  return tokens?.map((token, index) => <Inline key={index} token={token} />);
}

function Inline({ token: untyped }: { token: Token }): ReactNode {
  const token = untyped as InlineToken; // marked's own union, without extensions
  switch (token.type) {
    case 'strong':
      return <strong>{inline(token.tokens)}</strong>;
    case 'em':
      return <em>{inline(token.tokens)}</em>;
    case 'del':
      return <del>{inline(token.tokens)}</del>;
    case 'codespan':
      return <code>{decodeEntities(token.text)}</code>;
    case 'br':
      return <br />;
    case 'link':
      return <SafeLink href={token.href}>{inline(token.tokens)}</SafeLink>;
    case 'image':
      // Loading it would tell its server who reads this, and when.
      return <SafeLink href={token.href}>{decodeEntities(token.text) || token.href}</SafeLink>;
    case 'text':
      return token.tokens === undefined ? decodeEntities(token.text) : inline(token.tokens);
    case 'escape':
      return token.text;
    default:
      return untyped.raw;
  }
}

type InlineToken =
  | Tokens.Strong
  | Tokens.Em
  | Tokens.Del
  | Tokens.Codespan
  | Tokens.Br
  | Tokens.Link
  | Tokens.Image
  | Tokens.Text
  | Tokens.Escape;

/** Only addresses that open a page or a mail; anything else stays text. */
function SafeLink({ href, children }: { href: string; children: ReactNode }): ReactNode {
  if (!/^(https?:|mailto:)/i.test(href)) return <span>{children}</span>;
  return (
    <a href={href} target="_blank" rel="noopener noreferrer">
      {children}
    </a>
  );
}
