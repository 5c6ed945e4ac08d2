// The text of one choice, token by token, tinted by how likely each was.

import { element } from './dom.js';

/** The lowest probability of each class, `p0` to `p4`; `p5` is the rest. */
const steps = [0.9, 0.6, 0.3, 0.1, 0.03];

/** What a piece of text on the page stands for: the events of its tokens. */
export const tokensOf = new WeakMap();

export class TokenText {
  /** All that was written so far. */
  text = '';
  count = 0;
  #sum = 0;
  #scored = 0;
  #pending = [];
  #place;
  #stops = [];

  /** @param place the list that the tokens become options of. */
  constructor(place) {
    this.#place = place;
  }

  /** The mean probability (geometric) of the tokens, if any came with one. */
  get likelihood() {
    return this.#scored ? Math.exp(this.#sum / this.#scored) : null;
  }

  add(event) {
    if (Number.isInteger(event.token)) {
      this.count += 1;
      this.#pending.push(event);
    }
    if (Number.isFinite(event.logprob)) {
      this.#sum += event.logprob;
      this.#scored += 1;
    }
    const text = typeof event.text === 'string' ? event.text : '';
    if (!text) return;
    this.text += text;
    // Tokens without a text of their own are parts of a character, which the next one completes.
    if (this.#pending.length) this.#append(text, this.#pending);
    else this.#place.append(plainText(text));
    this.#pending = [];
  }

  /** Makes the text what the result says, which is right whatever was lost on the way. */
  finish(text) {
    if (typeof text !== 'string' || text === this.text) return;
    if (text.startsWith(this.text)) {
      this.#place.append(plainText(text.slice(this.text.length)));
    } else {
      this.#stops = [];
      this.#place.replaceChildren(plainText(text));
    }
    this.text = text;
  }

  #append(text, tokens) {
    const logprob = tokens.reduce((sum, token) => sum + (token.logprob ?? Number.NaN), 0);
    const piece = element('span', { class: `token ${tint(logprob)}`, role: 'option', 'aria-selected': 'false',
      tabindex: this.#stops.length ? -1 : 0, text });
    // White space alone has neither a look nor a name of its own.
    if (/^\n+$/.test(text)) piece.classList.add('break');
    if (/^\s+$/.test(text)) piece.setAttribute('aria-label', text.includes('\n') ? 'line break' : 'space');
    tokensOf.set(piece, tokens);
    this.#stops.push(piece);
    this.#place.append(piece);
  }
}

/** Text that came without a token. */
const plainText = (text) => element('span', { role: 'presentation', text });

function tint(logprob) {
  if (!Number.isFinite(logprob)) return '';
  const probability = Math.exp(logprob);
  const step = steps.findIndex((lowest) => probability >= lowest);
  return `p${step < 0 ? steps.length : step}`;
}
