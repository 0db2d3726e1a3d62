/** Keeps the last `maxBytes` of a byte stream. Chunks are held as they came; the text is made when asked for. */
export function createTail(maxBytes: number): { add(chunk: Buffer): void; text(): string } {
  let chunks: Buffer[] = [];
  let bytes = 0;
  return {
    add: (chunk) => {
      chunks.push(chunk);
      bytes += chunk.length;
      if (bytes > maxBytes * 2) {
        const kept = Buffer.concat(chunks).subarray(-maxBytes);
        // A copy: a view would pin the chunks it was cut from.
        chunks = [Buffer.from(kept)];
        bytes = kept.length;
      }
    },
    text: () => Buffer.concat(chunks).subarray(-maxBytes).toString('utf8').trim(),
  };
}
