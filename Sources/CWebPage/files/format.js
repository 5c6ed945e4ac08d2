// Numbers as people read them.

const plain = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit', second: '2-digit' });

export const isNumber = (value) => typeof value === 'number' && Number.isFinite(value);

export const count = (value) => (isNumber(value) ? plain.format(value) : '–');

/** Three digits at most, without a tail of zeros. */
export function short(value) {
  if (!isNumber(value)) return '–';
  if (Math.abs(value) >= 100) return plain.format(value);
  return String(Number(value.toPrecision(Math.abs(value) >= 10 ? 3 : 2)));
}

export function milliseconds(value) {
  if (!isNumber(value)) return '–';
  if (value < 1000) return `${short(value)} ms`;
  if (value < 60_000) return `${short(value / 1000)} s`;
  if (value < 3_600_000) return `${short(value / 60_000)} min`;
  return `${short(value / 3_600_000)} h`;
}

export function percent(probability) {
  const value = probability * 100;
  if (value > 0 && value < 0.1) return '< 0.1 %';
  return `${value >= 10 ? value.toFixed(0) : value.toFixed(1)} %`;
}

export const timeOfDay = (seconds) => (isNumber(seconds) ? clock.format(new Date(seconds * 1000)) : '–');

/** One and many: `plural(1, 'job')` is "1 job". */
export const plural = (value, word) => `${count(value)} ${word}${value === 1 ? '' : 's'}`;
