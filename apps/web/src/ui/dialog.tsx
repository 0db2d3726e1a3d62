// A dialog: in the middle of a wide screen, a sheet at the bottom of a phone.
import { Dialog as Base } from '@base-ui/react/dialog';
import { X } from 'lucide-react';
import { useRef, type ReactNode } from 'react';
import { strings } from '../strings.ts';
import { IconButton } from './button.tsx';

const FIELDS = 'textarea, input:not([type=radio]), select';

export interface DialogProps {
  readonly title: string;
  readonly isOpen: boolean;
  readonly onClose: () => void;
  readonly children: ReactNode;
}

export function Dialog({ title, isOpen, onClose, children }: DialogProps): ReactNode {
  const popup = useRef<HTMLDivElement>(null);
  /** A dialog that asks for something begins with the field for it, not with its close button. */
  const firstField = (): HTMLElement | true => popup.current?.querySelector<HTMLElement>(FIELDS) ?? true;
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => !open && onClose()}>
      <Base.Portal>
        <Base.Backdrop className="fixed inset-0 bg-black/40" />
        <Base.Popup
          ref={popup}
          initialFocus={firstField}
          className="fixed inset-x-0 bottom-0 max-h-[92dvh] overflow-y-auto rounded-t-2xl border border-line
            bg-panel p-5 pb-[max(1.25rem,env(safe-area-inset-bottom))] shadow-xl
            md:inset-x-auto md:bottom-auto md:left-1/2 md:top-1/2 md:w-[32rem] md:-translate-x-1/2
            md:-translate-y-1/2 md:rounded-2xl"
        >
          <div className="mb-3 flex items-center justify-between gap-3">
            <Base.Title className="text-lg font-semibold">{title}</Base.Title>
            <Base.Close render={<IconButton label={strings.close} />}>
              <X size={18} aria-hidden />
            </Base.Close>
          </div>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
