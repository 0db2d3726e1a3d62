/** A tool result's content as text: strings as they are, text blocks joined, anything else named by its type. */
export function resultText(content: unknown): string {
  if (typeof content === 'string') return content;
  if (!Array.isArray(content))
    return content === undefined || content === null ? '' : JSON.stringify(content);
  return content.map((part: unknown) => partText(part)).join('\n');
}

function partText(part: unknown): string {
  if (typeof part !== 'object' || part === null) return String(part);
  if ('text' in part && typeof part.text === 'string') return part.text;
  return 'type' in part ? `[${String(part.type)}]` : JSON.stringify(part);
}
