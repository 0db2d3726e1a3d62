// Keeps the end of the conversation in sight until the reader scrolls away from it, and again once they are back.
import { useCallback, useEffect, useLayoutEffect, useRef, useState, type RefObject } from 'react';
import type { VirtualizerHandle } from 'virtua';
import type { Row } from '../model/rows.ts';

/** This close to the end counts as there. */
const END_PX = 48;
/** This close to the beginning the page before it is read. */
const OLDER_PX = 800;

export interface FollowEnd {
  readonly scrollRef: RefObject<HTMLDivElement | null>;
  readonly listRef: RefObject<VirtualizerHandle | null>;
  readonly isAtEnd: boolean;
  /** Rows were added in front: the list keeps what is on the screen where it is. */
  readonly isPrepending: boolean;
  readonly toEnd: () => void;
}

export function useFollowEnd(rows: readonly Row[], readOlder: () => void): FollowEnd {
  const scrollRef = useRef<HTMLDivElement>(null);
  const listRef = useRef<VirtualizerHandle>(null);
  const isFollowing = useRef(true);
  const [isAtEnd, setAtEnd] = useState(true);
  const isPrepending = useIsPrepending(rows);

  const toEnd = useCallback(() => {
    const element = scrollRef.current;
    if (element === null) return;
    isFollowing.current = true;
    setAtEnd(true);
    element.scrollTop = element.scrollHeight;
  }, []);

  useScrollWatch({ scrollRef, isFollowing, setAtEnd, readOlder });
  // Before paint: what was added is never seen below the edge first.
  useLayoutEffect(() => {
    if (isFollowing.current) toEnd();
  }, [rows, toEnd]);
  useEffect(() => {
    const element = scrollRef.current;
    if (element === null) return;
    // The list measures its rows after they are in the page; the composer grows and shrinks.
    const observer = new ResizeObserver(() => {
      if (isFollowing.current) element.scrollTop = element.scrollHeight;
    });
    observer.observe(element);
    if (element.firstElementChild !== null) observer.observe(element.firstElementChild);
    return () => observer.disconnect();
  }, []);
  return { scrollRef, listRef, isAtEnd, isPrepending, toEnd };
}

interface ScrollWatch {
  readonly scrollRef: RefObject<HTMLDivElement | null>;
  readonly isFollowing: RefObject<boolean>;
  readonly setAtEnd: (isAtEnd: boolean) => void;
  readonly readOlder: () => void;
}

/** Only a person's own scrolling ends the following: growing and measuring rows scroll, too. */
function useScrollWatch({ scrollRef, isFollowing, setAtEnd, readOlder }: ScrollWatch): void {
  const latestReadOlder = useRef(readOlder);
  useEffect(() => {
    latestReadOlder.current = readOlder;
  });
  useEffect(() => {
    const element = scrollRef.current;
    if (element === null) return;
    let lastTop = element.scrollTop;
    let byHandUntil = 0;
    const byHand = (): void => {
      byHandUntil = performance.now() + 1_000;
    };
    const onScroll = (): void => {
      const { scrollTop, scrollHeight, clientHeight } = element;
      const isUp = scrollTop < lastTop;
      lastTop = scrollTop;
      const isAtEnd = scrollHeight - scrollTop - clientHeight < END_PX;
      if (isAtEnd) isFollowing.current = true;
      else if (isUp && performance.now() < byHandUntil) isFollowing.current = false;
      setAtEnd(isAtEnd || isFollowing.current);
      if (scrollTop < OLDER_PX && !isFollowing.current) latestReadOlder.current();
    };
    const hands = ['wheel', 'touchmove', 'pointerdown', 'keydown'] as const;
    for (const name of hands) element.addEventListener(name, byHand, { passive: true });
    element.addEventListener('scroll', onScroll, { passive: true });
    return () => {
      for (const name of hands) element.removeEventListener(name, byHand);
      element.removeEventListener('scroll', onScroll);
    };
  }, [scrollRef, isFollowing, setAtEnd]);
}

/** Whether this render has other rows in front of those of the last one. */
function useIsPrepending(rows: readonly Row[]): boolean {
  const [before, setBefore] = useState<readonly Row[]>(rows);
  const [isPrepending, setPrepending] = useState(false);
  if (before !== rows) {
    const first = before[0]?.key;
    const wasFirst = first === undefined || rows[0]?.key === first;
    setBefore(rows);
    setPrepending(!wasFirst && rows.some((row) => row.key === first));
  }
  return isPrepending;
}
