// What a run shows: its texts with their tokens, or a classification, and the figures below.

import { byID, element, setText } from './dom.js';
import { count, isNumber, milliseconds, percent, short } from './format.js';
import { TokenText } from './tokens.js';

/** One run of the playground. */
export class Run {
  result = null;
  #texts = [];
  #begun = performance.now();
  #first = null;
  #last = null;
  #spoken = 0;
  #frame = 0;

  /** @param choices how many texts will be written, 0 for a classification. */
  constructor(prompt, choices) {
    byID('choices').replaceChildren();
    byID('choices').classList.toggle('several', choices > 1);
    byID('spoken').replaceChildren();
    byID('stats').hidden = true;
    byID('after').hidden = true;
    byID('legend').hidden = true;
    for (let index = 0; index < choices; index += 1) this.#addText(prompt, index, choices);
  }

  /** Of all texts together. */
  get tokenCount() {
    return this.#texts.reduce((sum, { tokens }) => sum + tokens.count, 0);
  }

  /** Of the first one. */
  get text() {
    return this.#texts[0]?.tokens.text ?? '';
  }

  addToken(event) {
    const now = performance.now();
    this.#first ??= now;
    this.#last = now;
    if (isNumber(event.logprob)) byID('legend').hidden = false;
    this.#texts[event.index ?? 0]?.tokens.add(event);
    this.#speak(false);
    // Many tokens may come between two frames.
    this.#frame ||= requestAnimationFrame(() => {
      this.#frame = 0;
      if (!this.result) this.#showProgress();
    });
  }

  finish(result) {
    this.result = result;
    this.#last ??= performance.now();
    for (const choice of result.choices ?? []) {
      const text = this.#texts[choice.index];
      if (!text) continue;
      text.tokens.finish(choice.text);
      setText(text.note, endings[choice.finish_reason] ?? choice.finish_reason ?? '');
    }
    this.end('');
    if (result.label !== undefined) this.#showLabel(result);
    this.#showStats();
  }

  /** Nothing more comes; `note` says why if it isn't done. */
  end(note) {
    for (const { place } of this.#texts) place.removeAttribute('data-live');
    this.#speak(true);
    cancelAnimationFrame(this.#frame);
    setText(byID('progress'), note);
    byID('after').hidden = this.#texts.length === 0 || this.tokenCount === 0;
    byID('keep-seed').hidden = this.result?.seed === undefined;
  }

  #addText(prompt, index, all) {
    const tokens = element('span', { role: 'listbox', 'aria-orientation': 'horizontal',
      'aria-label': all > 1 ? `Text ${index + 1}, token by token` : 'Text, token by token' });
    const place = element('div', { class: 'text', 'data-live': true },
      element('span', { class: 'prompt-text', text: prompt }), tokens);
    const note = element('p', { class: 'hint ending' });
    const title = all > 1 ? element('h3', { class: 'hint', text: `Text ${index + 1}` }) : null;
    byID('choices').append(element('article', {}, title, place, note));
    this.#texts.push({ tokens: new TokenText(tokens), place, note });
  }

  #showProgress() {
    const seconds = (this.#last - this.#first) / 1000;
    const speed = seconds > 0.1 ? ` · ${short((this.tokenCount - 1) / seconds)} a second` : '';
    setText(byID('progress'), `${count(this.tokenCount)} tokens${speed}`);
  }

  /** Screen readers hear the first text in sentences, since single words would interrupt each other. */
  #speak(isLast) {
    const rest = this.text.slice(this.#spoken);
    const end = isLast ? rest.length : Math.max(...['. ', '! ', '? ', '\n'].map((mark) => rest.lastIndexOf(mark))) + 1;
    if (end < 1 || (!isLast && end < 40)) return;
    byID('spoken').append(element('p', { text: rest.slice(0, end).trim() }));
    this.#spoken += end;
  }

  #showLabel({ label, scores = {} }) {
    const ranked = Object.entries(scores).sort((one, other) => other[1] - one[1]);
    byID('choices').replaceChildren(
      element('p', { class: 'label', role: 'status' }, 'This is ', element('strong', { text: label })),
      element('dl', { class: 'bars' }, ...ranked.flatMap(([name, score]) => {
        const bar = element('dd', {},
          element('span', { class: 'bar' }), element('span', { class: 'number', text: percent(score) }));
        bar.firstChild.style.setProperty('--share', `${score * 100}%`);
        return [element('dt', { text: name }), bar];
      })));
  }

  #showStats() {
    const { usage = {}, timings = {}, seed, worker, attempts } = this.result;
    const written = usage.completion_tokens ?? this.tokenCount;
    const seconds = (this.#last - this.#first) / 1000;
    // The worker's own time, where it is told: tokens come here several at a time.
    const decoding = isNumber(timings.decode_ms) ? timings.decode_ms / 1000 : seconds;
    const speed = this.tokenCount > 1 && decoding > 0
      ? (this.tokenCount - 1) / decoding
      : (timings.decode_ms > 0 ? written / (timings.decode_ms / 1000) : null);
    const likelihood = this.#texts[0]?.tokens.likelihood;
    const isText = this.#texts.length > 0;
    const entries = [
      ['First token', this.#first ? milliseconds(this.#first - this.#begun) : null],
      ['Tokens a second', isText && isNumber(speed) ? short(speed) : null],
      ['Prompt', isNumber(usage.prompt_tokens) ? `${count(usage.prompt_tokens)} tokens` : null],
      ['Of it cached', usage.cached_tokens ? `${count(usage.cached_tokens)} tokens` : null],
      ['Written', isText ? `${count(written)} tokens` : null],
      ['Mean probability', likelihood ? percent(likelihood) : null],
      ['Waited in the queue', isNumber(timings.queue_ms) ? milliseconds(timings.queue_ms) : null],
      ['Prompt read in', isNumber(timings.prefill_ms) ? milliseconds(timings.prefill_ms) : null],
      ['All together', milliseconds(performance.now() - this.#begun)],
      ['Seed', isText && seed !== undefined ? String(seed) : null],
      ['Worker', worker ?? null],
      ['Attempts', attempts > 1 ? String(attempts) : null],
    ];
    byID('stats').replaceChildren(...entries.filter(([, value]) => value !== null)
      .map(([name, value]) => element('div', {}, element('dt', { text: name }), element('dd', { text: value }))));
    byID('stats').hidden = false;
  }
}

const endings = {
  length: 'Ended at the number of new tokens.',
  stop: 'The model ended the text here.',
  stop_sequence: 'Ended before a stop string.',
};
