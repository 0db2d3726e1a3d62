// Settings of this browser: its colours, and whether it may notify.
import { clsx } from 'clsx';
import { useState, type ReactNode } from 'react';
import { isNotifying, notify, notificationState, setNotifying } from '../model/notifications.ts';
import { applyTheme, storedTheme, THEMES } from '../model/theme.ts';
import { strings } from '../strings.ts';
import { Button } from '../ui/button.tsx';
import { Dialog } from '../ui/dialog.tsx';

export function SettingsDialog({ isOpen, onClose }: { isOpen: boolean; onClose: () => void }): ReactNode {
  return (
    <Dialog title={strings.settings.title} isOpen={isOpen} onClose={onClose}>
      <div className="space-y-6">
        <ThemeChoice />
        <NotificationChoice />
      </div>
    </Dialog>
  );
}

function ThemeChoice(): ReactNode {
  const [theme, setTheme] = useState(storedTheme);
  return (
    <fieldset>
      <legend className="mb-1.5 text-sm font-medium">{strings.settings.theme}</legend>
      <div className="flex gap-1 rounded-lg bg-raised p-1">
        {THEMES.map((choice) => (
          <label
            key={choice}
            className={clsx(
              'flex min-h-8 flex-1 cursor-pointer items-center justify-center rounded-md text-sm pointer-coarse:min-h-11',
              'has-focus-visible:outline-2 has-focus-visible:outline-accent',
              choice === theme && 'bg-panel font-medium shadow-sm',
            )}
          >
            <input
              type="radio"
              name="theme"
              className="sr-only"
              checked={choice === theme}
              onChange={() => {
                setTheme(choice);
                applyTheme(choice);
              }}
            />
            {strings.settings.themes[choice]}
          </label>
        ))}
      </div>
    </fieldset>
  );
}

function NotificationChoice(): ReactNode {
  const [state, setState] = useState(notificationState);
  const [isOn, setOn] = useState(isNotifying);
  const toggle = async (): Promise<void> => {
    setOn(await setNotifying(!isOn));
    setState(notificationState());
  };
  return (
    <section>
      <h3 className="text-sm font-medium">{strings.settings.notifications}</h3>
      <p className="mt-0.5 mb-2 text-sm text-muted">{strings.settings.notificationsHint}</p>
      {state === 'unsupported' && <p className="text-sm text-warn">{strings.settings.unsupported}</p>}
      {state === 'denied' && <p className="text-sm text-warn">{strings.settings.denied}</p>}
      {state !== 'unsupported' && state !== 'denied' && (
        <div className="flex gap-2">
          <Button onClick={() => void toggle()}>
            {isOn ? strings.settings.disable : strings.settings.enable}
          </Button>
          {isOn && (
            <Button
              onClick={() =>
                void notify({ title: strings.settings.testTitle, body: strings.settings.testBody, path: '/' })
              }
            >
              {strings.settings.test}
            </Button>
          )}
        </div>
      )}
    </section>
  );
}
