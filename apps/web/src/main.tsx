// Starts the page.
import './zod-settings.ts';
import './index.css';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { App, FaultBoundary } from './app.tsx';
import { applyTheme, storedTheme } from './model/theme.ts';

applyTheme(storedTheme());
if ('serviceWorker' in navigator && import.meta.env.PROD) {
  navigator.serviceWorker.register('/service-worker.js').catch(() => {
    // Without it the page works; only notifications and the offline shell are missing.
  });
}
const root = document.querySelector('#root');
if (root !== null) {
  createRoot(root).render(
    <StrictMode>
      <FaultBoundary>
        <App />
      </FaultBoundary>
    </StrictMode>,
  );
}
