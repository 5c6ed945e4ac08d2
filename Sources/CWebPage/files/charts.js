// Charts of the last minutes, drawn as SVG, with what they say as a text and as a table.

import { element, setText, svg } from './dom.js';
import { isNumber, short, timeOfDay } from './format.js';

const height = 210;
const margin = { top: 28, right: 12, bottom: 34, left: 48 };

/**
 * A chart over time.
 *
 * `series` are `{name, kind, value(point, interval)}`; the kind is the class of its mark. Bars stand on each other,
 * lines don't, and a line has a gap where a value is missing. `format` writes a value with its unit.
 */
export class TimeChart {
  #figure;
  #options;
  #drawing = svg('svg', { role: 'img', focusable: 'false' });
  #summary = element('p', { class: 'hint' });
  #readout = element('p', { class: 'readout hint', 'aria-hidden': 'true' });
  #table = element('table');
  #points = [];
  #interval = 1;
  #width = 0;
  #signature = '';

  constructor(figure, options) {
    this.#figure = figure;
    this.#options = options;
    const legend = element('ul', { class: 'legend' }, ...options.series.map(({ name, kind }) =>
      element('li', {}, element('span', { class: `swatch ${kind}` }), name)));
    const data = element('details', { ontoggle: () => this.#fillTable() },
      element('summary', { text: 'As a table' }),
      element('div', { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': options.title }, this.#table));
    figure.append(
      element('figcaption', { class: 'row spread' }, element('h2', { class: 'title', text: options.title }), legend),
      this.#drawing, this.#readout, this.#summary, data);
    new ResizeObserver(() => this.#draw()).observe(figure);
    this.#drawing.addEventListener('pointermove', (event) => this.#point(event));
    this.#drawing.addEventListener('pointerleave', () => this.#point(null));
  }

  /** @param points oldest first, each with a `time` in seconds. */
  update(points, interval) {
    const signature = JSON.stringify(points);
    if (signature === this.#signature) return;
    this.#signature = signature;
    this.#points = points;
    this.#interval = interval;
    this.#draw();
    if (this.#figure.querySelector('details').open) this.#fillTable();
  }

  #value(series, point) {
    const value = series.value(point, this.#interval);
    return isNumber(value) ? value : null;
  }

  #draw() {
    const width = this.#drawing.clientWidth;
    if (!width) return;
    this.#width = width;
    const { series, stacked, unit } = this.#options;
    const heights = this.#points.flatMap((point) => {
      const values = series.map((one) => this.#value(one, point) ?? 0);
      return stacked ? [values.reduce((sum, value) => sum + value, 0)] : values;
    });
    const ticks = niceTicks(Math.max(0, ...heights));
    const y = scale(0, ticks.at(-1), height - margin.bottom, margin.top);
    const x = this.#x();
    this.#drawing.setAttribute('viewBox', `0 0 ${width} ${height}`);
    this.#drawing.replaceChildren(
      ...ticks.flatMap((tick) => [
        svg('line', {
          class: tick === 0 ? 'axis' : 'grid', x1: margin.left, x2: width - margin.right, y1: y(tick), y2: y(tick),
        }),
        svg('text', { class: 'tick', x: margin.left - 8, y: y(tick) + 4, 'text-anchor': 'end', text: short(tick) }),
      ]),
      ...[5, 4, 3, 2, 1, 0].map((minutes) => svg('text', {
        class: 'tick', x: x(this.#end - minutes * 60), y: height - margin.bottom + 18,
        'text-anchor': minutes === 0 ? 'end' : 'middle', text: minutes === 0 ? 'now' : `−${minutes}`,
      })),
      svg('text', { class: 'tick', x: 0, y: 12, text: unit }),
      svg('text', {
        class: 'tick', x: (margin.left + width - margin.right) / 2, y: height - 2, 'text-anchor': 'middle', text: 'minutes',
      }),
      ...(stacked ? this.#bars(x, y) : this.#lines(x, y)),
      svg('line', { class: 'cursor', y1: margin.top, y2: height - margin.bottom, visibility: 'hidden' }));
    const summary = this.#describe();
    this.#drawing.setAttribute('aria-label', `${this.#options.title}, in ${unit}. ${summary}`);
    setText(this.#summary, summary);
  }

  get #end() {
    return (this.#points.at(-1)?.time ?? 0) + this.#interval;
  }

  #x() {
    return scale(this.#end - 300, this.#end, margin.left, this.#width - margin.right);
  }

  #bars(x, y) {
    const gap = 1;
    return this.#points.filter((point) => point.time >= this.#end - 300).flatMap((point) => {
      let below = 0;
      return this.#options.series.flatMap((series) => {
        const value = this.#value(series, point) ?? 0;
        if (value <= 0) return [];
        const top = y(below + value);
        const bar = svg('rect', { class: series.kind, x: x(point.time) + gap / 2, y: top,
          width: Math.max(1, x(point.time + this.#interval) - x(point.time) - gap), height: y(below) - top });
        below += value;
        return [bar];
      });
    });
  }

  #lines(x, y) {
    return this.#options.series.map((series) => {
      let path = '';
      let isOpen = false;
      for (const point of this.#points.filter(({ time }) => time >= this.#end - 300)) {
        const value = this.#value(series, point);
        if (value !== null) {
          const place = `${x(point.time + this.#interval / 2).toFixed(1)},${y(value).toFixed(1)}`;
          // A point between two gaps is a dot, thanks to round ends.
          path += isOpen ? `L${place}` : `M${place}h.01`;
        }
        isOpen = value !== null;
      }
      return svg('path', { class: `line ${series.kind}`, d: path || 'M0,0' });
    });
  }

  #describe() {
    const { series, format } = this.#options;
    const known = series.map((one) => ({
      name: one.name, values: this.#points.map((point) => this.#value(one, point)).filter((value) => value !== null),
    })).filter(({ values }) => values.length);
    if (!known.length) return 'Nothing in the last minutes.';
    const list = (choose) => known.map(({ name, values }) => `${name} ${format(choose(values))}`).join(', ');
    return `Latest: ${list((values) => values.at(-1))}. Highest: ${list((values) => Math.max(...values))}.`;
  }

  /** Says what is under the pointer. */
  #point(event) {
    const cursor = this.#drawing.querySelector('.cursor');
    if (!cursor) return;
    const x = this.#x();
    const place = event ? event.clientX - this.#drawing.getBoundingClientRect().left : -1;
    const point = event && this.#points.find(({ time }) => place >= x(time) && place < x(time + this.#interval));
    cursor.setAttribute('visibility', point ? 'visible' : 'hidden');
    if (!point) {
      setText(this.#readout, '');
      return;
    }
    const middle = x(point.time + this.#interval / 2);
    cursor.setAttribute('x1', middle);
    cursor.setAttribute('x2', middle);
    const { series, format } = this.#options;
    const values = series.map((one) => `${one.name} ${format(this.#value(one, point))}`);
    setText(this.#readout, `${timeOfDay(point.time)} · ${values.join(', ')}`);
  }

  #fillTable() {
    const { series, unit } = this.#options;
    const head = element('tr', {}, element('th', { scope: 'col', text: 'Time' }),
      ...series.map(({ name }) => element('th', { scope: 'col', class: 'number', text: `${name}, ${unit}` })));
    const rows = this.#points.toReversed().map((point) => element('tr', {},
      element('td', { text: timeOfDay(point.time) }),
      ...series.map((one) => element('td', { class: 'number', text: short(this.#value(one, point)) }))));
    this.#table.replaceChildren(element('thead', {}, head), element('tbody', {}, ...rows));
  }
}

function scale(fromLow, fromHigh, toLow, toHigh) {
  const factor = (toHigh - toLow) / (fromHigh - fromLow || 1);
  return (value) => toLow + (value - fromLow) * factor;
}

/** Round numbers from 0 to at least `highest`, about four of them. */
function niceTicks(highest) {
  if (!(highest > 0)) return [0, 1];
  const rough = highest / 4;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 2.5, 5, 10].map((factor) => factor * power).find((candidate) => candidate >= rough);
  const steps = Math.ceil(highest / step - 1e-9);
  return Array.from({ length: steps + 1 }, (_, index) => Number((index * step).toPrecision(6)));
}
