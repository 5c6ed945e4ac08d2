// The form under an operation: send it, and see what comes back.

import { send } from './api.js';
import { element, isEnabled, setEnabled, setText } from './dom.js';
import { milliseconds } from './format.js';

/** @param body an example of the body, if the operation has one. */
export function tryForm({ method, path, parameters, body }) {
  const inputs = parameters.filter(({ in: place }) => place !== 'cookie').map((parameter) => ({
    parameter,
    input: element('input', {
      autocomplete: 'off', spellcheck: 'false', required: parameter.required,
      placeholder: parameter.required ? '' : 'left out',
    }),
  }));
  const text = body === undefined ? null : element('textarea', { spellcheck: 'false' });
  if (text) text.value = JSON.stringify(body, null, 2);
  const run = element('button', { type: 'submit', class: 'primary', text: 'Send' });
  const stop = element('button', {
    type: 'button', 'aria-disabled': 'true', text: 'Stop', onclick: () => abort?.abort(),
  });
  const status = element('p', { class: 'hint', role: 'status' });
  const output = element('pre', { hidden: true, tabindex: 0, 'aria-label': 'Response' });
  let abort = null;

  const form = element('form', { class: 'try', novalidate: true, onsubmit: (event) => {
    event.preventDefault();
    if (isEnabled(run)) start();
  } },
  ...inputs.map(({ parameter, input }) => element('label', {},
    element('span', {}, element('code', { text: parameter.name }), ` in ${parameter.in}`), input)),
  text ? element('label', {}, 'Body', text) : null,
  element('div', { class: 'row' }, run, stop, status), output);
  return form;

  async function start() {
    const missing = inputs.find(({ parameter, input }) => parameter.required && !input.value);
    if (missing) {
      setText(status, `${missing.parameter.name} is required.`);
      missing.input.focus();
      return;
    }
    abort = new AbortController();
    setEnabled(run, false);
    setEnabled(stop, true);
    setText(status, 'Sent');
    setText(output, '');
    const begun = performance.now();
    let ended = '';
    try {
      const response = await send(address(), { method, body: text?.value, headers: headers(), signal: abort.signal });
      ended = `HTTP ${response.status}`;
      setText(status, ended);
      await show(response);
    } catch (error) {
      ended = abort.signal.aborted ? 'Stopped' : error.status ? `HTTP ${error.status}` : error.message;
      if (error.body) setText(output, JSON.stringify(error.body, null, 2));
    }
    output.hidden = output.textContent === '';
    setText(status, `${ended} · ${milliseconds(performance.now() - begun)}`);
    setEnabled(run, true);
    setEnabled(stop, false);
  }

  function address() {
    const url = inputs.filter(({ parameter }) => parameter.in === 'path').reduce((address, { parameter, input }) =>
      address.replaceAll(`{${parameter.name}}`, encodeURIComponent(input.value)), path);
    const query = new URLSearchParams(inputs
      .filter(({ parameter, input }) => parameter.in === 'query' && input.value)
      .map(({ parameter, input }) => [parameter.name, input.value]));
    return query.size ? `${url}?${query}` : url;
  }

  function headers() {
    return Object.fromEntries(inputs
      .filter(({ parameter, input }) => parameter.in === 'header' && input.value)
      .map(({ parameter, input }) => [parameter.name.toLowerCase(), input.value]));
  }

  async function show(response) {
    const isJSON = response.headers.get('content-type')?.includes('json');
    output.hidden = false;
    let received = '';
    const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
    for (;;) {
      const { done, value } = await (reader?.read() ?? { done: true });
      if (done) break;
      received += value;
      if (!isJSON) output.append(value);
    }
    if (isJSON) setText(output, indented(received));
  }
}

/** As it came where it can't be laid out without changing it: a large number would be rounded. */
function indented(json) {
  try {
    return /\d{16}/.test(json) ? json : JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
}
