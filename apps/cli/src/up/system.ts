// All parts together: what they are, the order in which they start and stop.
import { Part, type PartDeps, type PartSpec } from './parts/part.ts';

/** Groups start one after the other, the parts of a group together; stopping goes the other way round. */
export type StartGroups = readonly (readonly PartSpec[])[];

export class System {
  readonly #groups: Part[][];
  readonly #stopFirst: string;
  #stopping: Promise<void> | undefined;

  /** `stopFirst` names the part that stops before all others: the one that lets people in. */
  constructor(groups: StartGroups, options: { stopFirst: string; deps: (name: string) => PartDeps }) {
    this.#groups = groups.map((group) => group.map((spec) => new Part(spec, options.deps(spec.name))));
    this.#stopFirst = options.stopFirst;
  }

  get parts(): readonly Part[] {
    return this.#groups.flat();
  }

  /** Throws the first part's failure; the caller then stops the system. */
  async start(): Promise<void> {
    for (const group of this.#groups) {
      if (this.#stopping !== undefined) return;
      await Promise.all(group.map((part) => part.start()));
    }
  }

  /** Each part has a deadline of its own, so this always ends. Calling it again awaits the same stop. */
  stop(): Promise<void> {
    this.#stopping ??= this.#stopInOrder();
    return this.#stopping;
  }

  killNow(): void {
    for (const part of this.parts) part.killNow();
  }

  async #stopInOrder(): Promise<void> {
    const first = this.parts.filter((part) => part.name === this.#stopFirst);
    const rest = this.#groups.map((group) => group.filter((part) => part.name !== this.#stopFirst));
    for (const group of [first, ...rest.toReversed()]) {
      await Promise.all(group.map((part) => part.stop()));
    }
  }
}
