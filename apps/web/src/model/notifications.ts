// Notifications of this browser, shown by the service worker so that a click finds the page again.
import { readStored, writeStored } from './storage.ts';

export interface Notice {
  readonly title: string;
  readonly body: string;
  /** Where a click leads, on this site. */
  readonly path: string;
}

export type NotificationState = 'unsupported' | NotificationPermission;

export function notificationState(): NotificationState {
  return 'Notification' in globalThis && 'serviceWorker' in navigator
    ? Notification.permission
    : 'unsupported';
}

export function isNotifying(): boolean {
  return notificationState() === 'granted' && readStored('notify') === 'on';
}

/** Asks the person where need be; resolves to whether notifications are on now. */
export async function setNotifying(wanted: boolean): Promise<boolean> {
  if (wanted && notificationState() === 'default') await Notification.requestPermission();
  const isOn = wanted && notificationState() === 'granted';
  writeStored('notify', isOn ? 'on' : undefined);
  return isOn;
}

/** Shows a notification; a newer one for the same path takes its place. */
export async function notify({ title, body, path }: Notice): Promise<void> {
  const registration = await navigator.serviceWorker.ready;
  await registration.showNotification(title, { body, tag: path, icon: '/icon-192.png', data: { path } });
}
