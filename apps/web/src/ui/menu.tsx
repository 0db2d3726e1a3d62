// A menu behind a button.
import { Menu as Base } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';

export interface MenuItem {
  readonly label: string;
  readonly icon?: ReactNode;
  readonly isDanger?: boolean;
  readonly onPick: () => void;
}

export function Menu({ trigger, items }: { trigger: ReactElement; items: readonly MenuItem[] }): ReactNode {
  return (
    <Base.Root>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner sideOffset={6} align="end" className="z-30">
          <Base.Popup className="min-w-48 rounded-xl border border-line bg-panel p-1 shadow-lg outline-none">
            {items.map(({ label, icon, isDanger, onPick }) => (
              <Base.Item
                key={label}
                onClick={onPick}
                className={`flex min-h-9 cursor-pointer items-center gap-2.5 rounded-lg px-3 text-sm outline-none
                  data-highlighted:bg-raised pointer-coarse:min-h-11 ${isDanger === true ? 'text-danger' : ''}`}
              >
                {icon}
                {label}
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
