// The body of a live message: a fixed header, a newline, and the stored frames as a JSON array.
// Gateways read the header only and pass the rest on as bytes.

/** Version, epoch, fence, offset of the first frame and number of frames. */
export interface PublishHeader {
  readonly epoch: string;
  readonly fence: number;
  readonly first: number;
  readonly count: number;
}

const NEWLINE = 0x0a;

/** Splits a live message; undefined for any other, which asks the reader to look at the session again. `frames` is a view into `body`, not a copy. */
export function splitPublishBody(body: Buffer): { header: PublishHeader; frames: Buffer } | undefined {
  const end = body.indexOf(NEWLINE);
  if (end === -1) return undefined;
  const [version, epoch, fence, first, count] = body.toString('latin1', 0, end).split('|');
  if (version !== '1' || epoch === undefined) return undefined;
  const header = { epoch, fence: Number(fence), first: Number(first), count: Number(count) };
  return { header, frames: body.subarray(end + 1) };
}
