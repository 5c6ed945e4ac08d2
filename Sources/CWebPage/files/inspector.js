// The small window beside a token: how likely it was, and what might have stood there.

import { byID, element } from './dom.js';
import { percent } from './format.js';
import { tokensOf } from './tokens.js';

/** Watches the tokens inside `place` for pointers, taps and the keyboard. */
export function inspect(place) {
  const box = byID('inspector');
  let current = null;
  let timer = 0;

  const hide = () => {
    clearTimeout(timer);
    if (!current) return;
    current.removeAttribute('aria-describedby');
    current.setAttribute('aria-selected', 'false');
    current = null;
    box.hidden = true;
  };
  const show = (piece) => {
    clearTimeout(timer);
    if (piece === current) return;
    hide();
    current = piece;
    box.replaceChildren(...tokensOf.get(piece).map(describe));
    box.hidden = false;
    piece.setAttribute('aria-describedby', box.id);
    piece.setAttribute('aria-selected', 'true');
    position(box, piece);
  };
  // The way from the token to the box leads over a gap.
  const hideSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!current?.matches(':focus')) hide();
    }, 150);
  };

  place.addEventListener('pointerover', (event) => {
    if (tokensOf.has(event.target)) show(event.target);
  });
  place.addEventListener('pointerout', hideSoon);
  box.addEventListener('pointerenter', () => clearTimeout(timer));
  box.addEventListener('pointerleave', hideSoon);
  place.addEventListener('focusin', (event) => {
    if (tokensOf.has(event.target)) show(event.target);
  });
  place.addEventListener('focusout', hide);
  place.addEventListener('click', (event) => {
    if (tokensOf.has(event.target)) moveTo(event.target);
  });
  place.addEventListener('keydown', (event) => {
    if (!tokensOf.has(event.target)) return;
    const next = neighbour(event.target, event.key);
    if (next) {
      event.preventDefault();
      moveTo(next);
    }
  });
  document.addEventListener('keydown', (event) => event.key === 'Escape' && hide());
  document.addEventListener('pointerdown', (event) => {
    if (!box.contains(event.target) && !tokensOf.has(event.target)) hide();
  });
  addEventListener('scroll', () => current && position(box, current), { passive: true });
  return { hide };
}

/** One token of a text can be reached by Tab, the others from there by the arrows. */
function moveTo(piece) {
  for (const other of piece.parentNode.querySelectorAll('.token[tabindex="0"]')) other.tabIndex = -1;
  piece.tabIndex = 0;
  piece.focus({ preventScroll: true });
  piece.scrollIntoView({ block: 'nearest' });
}

function neighbour(piece, key) {
  const all = [...piece.parentNode.querySelectorAll('.token')];
  const index = all.indexOf(piece);
  switch (key) {
    case 'ArrowRight': return all[index + 1];
    case 'ArrowLeft': return all[index - 1];
    case 'Home': return all[0];
    case 'End': return all.at(-1);
    case 'ArrowDown': return lineBeside(all, piece, 1);
    case 'ArrowUp': return lineBeside(all, piece, -1);
    default: return undefined;
  }
}

/** The token of the next line (or the one before) that is nearest to the middle of this one. */
function lineBeside(all, piece, direction) {
  const from = piece.getBoundingClientRect();
  const middle = (from.left + from.right) / 2;
  const candidates = all
    .map((other) => ({ other, box: other.getBoundingClientRect() }))
    .filter(({ box }) => direction * (box.top - from.top) > from.height / 2);
  if (!candidates.length) return undefined;
  const line = direction > 0
    ? Math.min(...candidates.map(({ box }) => box.top))
    : Math.max(...candidates.map(({ box }) => box.top));
  const distance = ({ box }) => Math.abs((box.left + box.right) / 2 - middle);
  return candidates
    .filter(({ box }) => Math.abs(box.top - line) < from.height / 2)
    .reduce((best, one) => (distance(one) < distance(best) ? one : best)).other;
}

function describe(token) {
  const known = Array.isArray(token.top_logprobs) ? token.top_logprobs : [];
  const isListed = known.some((candidate) => candidate.token === token.token);
  const candidates = isListed || !Number.isFinite(token.logprob) ? known : [...known, token];
  return element('div', {},
    element('p', { class: 'row spread' },
      element('strong', { class: 'piece', text: visible(token.text) || 'part of a character' }),
      element('span', { class: 'hint', text: `token ${token.token}` })),
    candidates.length
      ? element('ul', {}, ...candidates.map((candidate) => row(candidate, candidate.token === token.token)))
      : element('p', { class: 'hint', text: 'Without probabilities.' }));
}

function row(candidate, isChosen) {
  const probability = Math.exp(candidate.logprob);
  const bar = element('span', { class: 'bar' });
  bar.style.setProperty('--share', `${Math.min(100, probability * 100)}%`);
  return element('li', { class: isChosen ? 'chosen' : '' },
    element('span', { class: 'piece', text: visible(candidate.text) || '�' }), bar,
    element('span', { class: 'number', text: percent(probability) }),
    element('span', { class: 'unseen', text: isChosen ? ' chosen' : '' }));
}

/** White space and control characters that would not be seen. */
function visible(text = '') {
  return text.replaceAll(' ', '·').replaceAll('\n', '↵').replaceAll('\t', '⇥')
    .replace(/[\u0000-\u001f\u007f\u200b-\u200f\u202a-\u202e\u2066-\u2069]/g, (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Below the first line of the token, or above it where there is no room. */
function position(box, piece) {
  const token = piece.getClientRects()[0];
  if (!token) return;
  const gap = 6;
  const { width, height } = box.getBoundingClientRect();
  const left = Math.max(8, Math.min(token.left - 12, document.documentElement.clientWidth - width - 8));
  const below = token.bottom + gap;
  const top = below + height > innerHeight && token.top > height + gap ? token.top - height - gap : below;
  box.style.left = `${left}px`;
  box.style.top = `${top}px`;
}
