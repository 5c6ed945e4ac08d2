// A request from what was typed: the body to send, and the same as programs.

import { fields } from './controls.js';

/** A value that can't be sent, and the field it is in. */
export class FieldError extends Error {
  constructor(param, message) {
    super(message);
    this.param = param;
  }
}

/** The fields of the body, in order. A seed is a BigInt, since a number would round it. */
export function generateFields(prompt, task, values) {
  const body = { prompt: text('prompt', prompt) };
  if (task && task.name !== 'default') body.task_name = task.name;
  for (const field of fields) {
    const value = valueOf(field, values[field.name]);
    if (value !== undefined) body[field.name] = value;
  }
  return { ...body, stream: true, logprobs: 5 };
}

export function classifyFields(input, task) {
  return { input: text('prompt', input), task_name: task.name };
}

function text(name, value) {
  if (!value) throw new FieldError(name, 'Write something first.');
  // Half of a surrogate pair has no UTF-8.
  return value.toWellFormed ? value.toWellFormed() : value;
}

/** `undefined` where the field is left out. */
function valueOf(field, typed) {
  const value = typed.trim();
  if (field.lines) {
    const lines = typed.split('\n').filter((line) => line !== '').map(unescapeLine);
    return lines.length ? lines : undefined;
  }
  if (value === '' || value === String(field.off)) return undefined;
  if (field.text) {
    const seed = /^-?\d{1,19}$/.test(value) ? BigInt(value) : null;
    if (seed === null || BigInt.asIntN(64, seed) !== seed) {
      throw new FieldError(field.name, 'A seed is a whole number of 64 bits, or empty.');
    }
    return seed;
  }
  const number = Number(value);
  const [min, max] = field.allowed ?? [field.min, field.max];
  if (!Number.isFinite(number) || number < min || number > max || (field.step === 1 && !Number.isInteger(number))) {
    const kind = field.step === 1 ? 'a whole number' : 'a number';
    throw new FieldError(field.name, `${field.label}: ${kind} from ${min} to ${max}.`);
  }
  return number === field.off ? undefined : number;
}

function unescapeLine(line) {
  return line.replace(/\\([nrt\\])/g, (_, letter) => ({ n: '\n', r: '\r', t: '\t', '\\': '\\' })[letter]);
}

const json = (value) => (typeof value === 'bigint' ? String(value) : JSON.stringify(value));

/** JSON, on one line or with a field a line. */
export function encode(body, indent = null) {
  const entries = Object.entries(body).map(([name, value]) => `${JSON.stringify(name)}: ${json(value)}`);
  if (indent === null) return `{${entries.join(', ')}}`;
  return `{\n${entries.map((entry) => `${indent}${entry}`).join(',\n')}\n}`;
}

/** What a key is called in the programs; the key itself is never copied. */
const keyVariable = 'GPT2_API_KEY';

export function asCurl({ path, body, authenticated }) {
  const quoted = encode(body, '  ').replaceAll("'", "'\\''");
  return [
    `curl${body.stream ? ' -N' : ''} ${location.origin}${path}`,
    "-H 'content-type: application/json'",
    ...(authenticated ? [`-H "x-api-key: $${keyVariable}"`] : []),
    `--data-raw '${quoted}'`,
  ].join(' \\\n  ');
}

export function asPython({ path, body, authenticated }) {
  const literals = { true: 'True', false: 'False', null: 'None' };
  const entries = Object.entries(body).map(([name, value]) => {
    const plain = json(value);
    // A JSON text or list of texts is the same in Python.
    return `    ${JSON.stringify(name)}: ${literals[plain] ?? plain},`;
  });
  return [
    'import json',
    ...(authenticated ? ['import os'] : []),
    'import urllib.request',
    '',
    'body = {', ...entries, '}',
    'headers = {"content-type": "application/json"}',
    ...(authenticated ? [`headers["x-api-key"] = os.environ["${keyVariable}"]`] : []),
    'request = urllib.request.Request(',
    `    ${JSON.stringify(location.origin + path)}, json.dumps(body).encode(), headers)`,
    'with urllib.request.urlopen(request) as response:',
    ...(body.stream ? streamReader : ['    print(json.load(response))']),
    '',
  ].join('\n');
}

const streamReader = [
  '    for line in response:',
  '        if not line.startswith(b"data: {"):',
  '            continue',
  '        event = json.loads(line[6:])',
  '        if "error" in event:',
  '            raise SystemExit(event["error"]["message"])',
  '        if "status" in event:  # the last one: the whole result',
  '            print("\\n", event["usage"])',
  '        elif event["index"] == 0:',
  '            print(event["text"], end="", flush=True)',
];
