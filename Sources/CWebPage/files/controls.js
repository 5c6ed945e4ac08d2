// The settings of a request: what there is, their fields, and keeping them over a reload.

import { byID, element, setText } from './dom.js';
import { permanent } from './storage.js';

/**
 * `off` is what the service takes a missing field for, `start` what the page begins with. `min`, `max` are what the
 * slider offers and `allowed` what may be typed.
 */
const groups = [
  {
    title: 'Essentials', open: true, fields: [
      { name: 'max_new_tokens', label: 'New tokens', min: 1, max: 512, step: 1, off: null, start: 60,
        limits: ['max_new_tokens', 'context_length'],
        help: 'How much to write at most. A token is about three quarters of a word.' },
      { name: 'temperature', label: 'Temperature', min: 0, max: 2, step: 0.05, off: 1, start: 0.8, allowed: [0, 100],
        help: '0 always takes the likeliest token. Higher is more daring.' },
      { name: 'top_p', label: 'Top p', min: 0.05, max: 1, step: 0.01, off: 1, start: 0.95, allowed: [0.001, 1],
        help: 'Keeps the likeliest tokens that together have this probability. 1 is off.' },
    ],
  },
  {
    title: 'More about choosing', fields: [
      { name: 'top_k', label: 'Top k', min: 0, max: 200, step: 1, off: 0, start: 0, allowed: [0, 1_000_000],
        help: 'Keeps so many of the likeliest tokens. 0 is off.' },
      { name: 'min_p', label: 'Min p', min: 0, max: 0.5, step: 0.01, off: 0, start: 0, allowed: [0, 1],
        help: 'Drops tokens less likely than this share of the likeliest one. 0 is off.' },
      { name: 'typical_p', label: 'Typical p', min: 0.05, max: 1, step: 0.01, off: 1, start: 1, allowed: [0.001, 1],
        help: 'Keeps tokens about as surprising as the text so far suggests. 1 is off.' },
    ],
  },
  {
    title: 'Against repetition', fields: [
      { name: 'repetition_penalty', label: 'Repetition penalty', min: 0.5, max: 2, step: 0.05, off: 1, start: 1,
        allowed: [0.01, 100],
        help: 'Makes tokens of the prompt and the text less likely. 1 is off.' },
      { name: 'presence_penalty', label: 'Presence penalty', min: -2, max: 2, step: 0.1, off: 0, start: 0,
        help: 'Lowers each token that was written already. 0 is off.' },
      { name: 'frequency_penalty', label: 'Frequency penalty', min: -2, max: 2, step: 0.1, off: 0, start: 0,
        help: 'Lowers it again for every time it was written. 0 is off.' },
    ],
  },
  {
    title: 'Ending, seed, count', fields: [
      { name: 'stop', label: 'Stop strings', lines: true, off: '', start: '',
        help: 'One a line; \\n is a line break. The text ends before the first of them.' },
      { name: 'seed', label: 'Seed', text: true, off: '', start: '',
        help: 'The same seed writes the same text. Empty: another one each time.' },
      { name: 'n', label: 'Texts', min: 1, max: 8, step: 1, off: 1, start: 1, limits: ['max_n'],
        help: 'How many to write at the same time.' },
    ],
  },
];

const presets = {
  Exact: { temperature: 0, top_p: 1 },
  Balanced: { temperature: 0.8, top_p: 0.95 },
  Wild: { temperature: 1.2, top_p: 1 },
};

export const fields = groups.flatMap((group) => group.fields);
const storageName = 'gpt2.settings';

/** The form of the settings. Values are texts as typed; `request.js` makes a request of them. */
export class Controls {
  values = Object.fromEntries(fields.map((field) => [field.name, String(field.start)]));
  #inputs = new Map();

  constructor() {
    this.#load();
    byID('controls').append(
      this.#presetRow(), ...groups.map((group) => this.#group(group)),
      element('button', { type: 'button', class: 'quiet', text: 'Back to the first settings', onclick: () =>
        this.set(Object.fromEntries(fields.map((field) => [field.name, field.start]))) }));
    this.#show();
  }

  set(values) {
    for (const [name, value] of Object.entries(values)) this.values[name] = String(value);
    this.#show();
    this.#changed();
  }

  /** Takes what the service allows over what the page assumes. */
  applyLimits(limits) {
    for (const field of fields) {
      const limit = Math.min(...(field.limits ?? []).map((name) => limits?.[name] ?? Infinity));
      if (limit === Infinity || field.lines) continue;
      field.max = limit;
      for (const input of this.#inputs.get(field.name)) input.max = limit;
      if (Number(this.values[field.name]) > limit) this.set({ [field.name]: limit });
    }
  }

  /** Marks the field that the service refused, and returns whether there is one of that name. */
  showProblem(name, message) {
    const inputs = this.#inputs.get(name);
    if (!inputs) return false;
    const problem = byID(`${name}-problem`);
    setText(problem, message);
    problem.hidden = false;
    inputs[0].setAttribute('aria-invalid', 'true');
    byID('settings').open = true;
    const group = inputs[0].closest('details.group');
    if (group) group.open = true;
    return true;
  }

  clearProblems() {
    for (const [name, inputs] of this.#inputs) {
      byID(`${name}-problem`).hidden = true;
      inputs[0].removeAttribute('aria-invalid');
    }
  }

  #presetRow() {
    return element('div', { class: 'row presets', role: 'group', 'aria-label': 'Presets' },
      ...Object.entries(presets).map(([name, values]) =>
        element('button', { type: 'button', text: name, 'data-preset': name, onclick: () => this.set(values) })));
  }

  #group(group) {
    const content = group.fields.map((field) => this.#field(field));
    if (group.open) return element('div', { class: 'group' }, ...content);
    return element('details', { class: 'group' }, element('summary', { text: group.title }), ...content);
  }

  #field(field) {
    const { name } = field;
    const describedBy = `${name}-help ${name}-problem`;
    const common = { id: name, name, 'aria-describedby': describedBy, autocomplete: 'off' };
    const [lowest, highest] = field.allowed ?? [field.min, field.max];
    let inputs;
    if (field.lines) inputs = [element('textarea', { ...common, rows: 2, spellcheck: 'false' })];
    else if (field.text) inputs = [element('input', { ...common, placeholder: 'random', spellcheck: 'false' })];
    else {
      const { min, max, step } = field;
      inputs = [
        element('input', {
          ...common, type: 'number', min: lowest, max: highest, step: step < 1 ? 'any' : 1, inputmode: 'decimal',
        }),
        // The number beside it says the same to a keyboard and a screen reader.
        element('input', { type: 'range', min, max, step, tabindex: -1, 'aria-hidden': 'true' }),
      ];
    }
    for (const input of inputs) {
      input.addEventListener('input', () => {
        this.values[name] = input.value;
        this.#show(input);
        this.#changed();
      });
    }
    this.#inputs.set(name, inputs);
    return element('div', { class: field.lines || field.text ? 'field tall' : 'field' },
      element('label', { for: name, text: field.label }), ...inputs,
      element('p', { class: 'hint', id: `${name}-help`, text: field.help }),
      element('p', { class: 'problem-text', id: `${name}-problem`, hidden: true }));
  }

  /** Brings all inputs up to date but the one that is being typed in. */
  #show(except) {
    for (const [name, inputs] of this.#inputs) {
      for (const input of inputs) if (input !== except) input.value = this.values[name];
    }
    for (const button of document.querySelectorAll('[data-preset]')) {
      const isOn = Object.entries(presets[button.dataset.preset])
        .every(([name, value]) => Number(this.values[name]) === value);
      button.setAttribute('aria-pressed', String(isOn));
    }
    const changed = fields.filter((field) => this.values[field.name] !== String(field.start)).length;
    setText(byID('settings-summary'), changed ? `${changed} changed` : '');
  }

  #changed() {
    this.clearProblems();
    permanent.set(storageName, JSON.stringify(this.values));
  }

  #load() {
    try {
      const stored = JSON.parse(permanent.get(storageName)) ?? {};
      for (const { name } of fields) if (typeof stored[name] === 'string') this.values[name] = stored[name];
    } catch {
      // What isn't readable is as good as nothing.
    }
  }
}
