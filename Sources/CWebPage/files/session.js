// What every page has at its top: the service, whether it is ready, and the key.

import { apiKey, getJSON, ServiceError } from './api.js';
import { byID, element, setText } from './dom.js';
import { Poller } from './poller.js';

/** Calls `onInfo` with `GET /info` as soon as it can be had, and again after the key changed. */
export function startSession(onInfo) {
  buildKeyPanel();
  const info = new Poller(() => readInfo(onInfo, info), { interval: 1000 });
  const ready = new Poller(() => readState(), { interval: 5000, longest: 5000 });
  info.start();
  ready.start();
  document.addEventListener('keychanged', () => info.start());
  document.addEventListener('keyrefused', () => askForKey(apiKey.get() ? 'This key was not accepted.' : ''));
}

async function readInfo(onInfo, poller) {
  try {
    const info = await getJSON('/info');
    poller.stop();
    setText(byID('service'), info.service ?? 'GPT-2 Service');
    setText(byID('model'), [info.model, info.version].filter(Boolean).join(' · '));
    byID('key-button').hidden = !info.authentication && !apiKey.get();
    if (info.authentication && !apiKey.get()) askForKey();
    onInfo(info);
  } catch (error) {
    // Asking again without another key would be refused again.
    if (error instanceof ServiceError && error.status === 401) poller.stop();
    throw error;
  }
}

async function readState() {
  try {
    await getJSON('/ready');
    showState('ready', 'Ready', '');
  } catch (error) {
    if (error.status !== 503) {
      showState('away', 'Not reachable', error.message);
      return;
    }
    // This answer isn't in the shape of the other errors.
    const reasons = [error.body?.reasons ?? []].flat().join('; ');
    showState('busy', reasons ? `Not ready: ${reasons}` : 'Not ready', reasons);
  }
}

function showState(kind, text, title) {
  const state = byID('ready');
  if (state.dataset.kind !== kind) state.dataset.kind = kind;
  setText(state, text);
  state.title = title;
}

function buildKeyPanel() {
  const input = element('input', {
    id: 'key', type: 'password', autocomplete: 'off', spellcheck: 'false', 'aria-describedby': 'key-note',
  });
  const form = element(
    'form', { class: 'row', onsubmit: (event) => (event.preventDefault(), save(input.value.trim())) },
    element('label', { for: 'key', text: 'API key' }), input,
    element('button', { type: 'submit', class: 'primary', text: 'Use this key' }),
    element('button', { type: 'button', text: 'Forget it', onclick: () => save((input.value = '')) }));
  byID('key-panel').append(
    form,
    element('p', { class: 'problem-text', id: 'key-problem', role: 'alert' }),
    element('p', {
      class: 'hint', id: 'key-note', text: 'It is sent as x-api-key and kept until this tab is closed.',
    }));
  byID('key-button').addEventListener('click', () => {
    const panel = byID('key-panel');
    if (panel.hidden) askForKey();
    else closeKeyPanel();
  });
}

function askForKey(problem = '') {
  const panel = byID('key-panel');
  const wasHidden = panel.hidden;
  panel.hidden = false;
  byID('key-button').hidden = false;
  byID('key-button').setAttribute('aria-expanded', 'true');
  setText(byID('key-problem'), problem);
  if (wasHidden) byID('key').focus();
}

function closeKeyPanel() {
  byID('key-panel').hidden = true;
  byID('key-button').setAttribute('aria-expanded', 'false');
}

function save(key) {
  if (/[^\x21-\x7e]/.test(key)) {
    setText(byID('key-problem'), 'A key has only visible ASCII characters, no spaces.');
    return;
  }
  apiKey.set(key);
  setText(byID('key-problem'), '');
  if (key) {
    closeKeyPanel();
    byID('key-button').focus();
  }
  document.dispatchEvent(new CustomEvent('keychanged'));
}
