// JSON Schema as people read it: types, limits, fields, an example.

import { element } from './dom.js';
import { plural } from './format.js';

/** Deeper structures are named, not unfolded, so that a schema may contain itself. */
const deepest = 6;

export class Schemas {
  #document;

  constructor(document) {
    this.#document = document;
  }

  /** Follows a reference, wherever in the document it leads. */
  resolve(node) {
    let current = node;
    for (let hops = 0; typeof current?.$ref === 'string' && hops < 10; hops += 1) {
      const parts = current.$ref.replace(/^#\//, '').split('/')
        .map((part) => part.replaceAll('~1', '/').replaceAll('~0', '~'));
      current = parts.reduce((value, part) => value?.[part], this.#document);
    }
    return current ?? {};
  }

  /** "text or list of integers", with a name where the schema has one. */
  typeOf(node, depth = 0) {
    if (node?.$ref) return node.$ref.split('/').at(-1);
    const schema = node ?? {};
    if (schema.const !== undefined) return JSON.stringify(schema.const);
    if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(' | ');
    const choices = schema.oneOf ?? schema.anyOf;
    if (choices && depth < 3) return choices.map((choice) => this.typeOf(choice, depth + 1)).join(' or ');
    const types = [schema.type ?? (schema.properties ? 'object' : 'anything')].flat();
    return types
      .map((type) => (type === 'array' ? `array of ${this.typeOf(schema.items, depth + 1)}` : type)).join(' or ');
  }

  limitsOf(schema) {
    const range = (low, high, word) => {
      if (low === undefined && high === undefined) return null;
      if (high === undefined) return `at least ${low}${word}`;
      return low === undefined ? `at most ${high}${word}` : `${low} to ${high}${word}`;
    };
    return [
      schema.format,
      range(schema.minimum, schema.maximum, ''),
      schema.exclusiveMinimum === undefined ? null : `above ${schema.exclusiveMinimum}`,
      schema.exclusiveMaximum === undefined ? null : `below ${schema.exclusiveMaximum}`,
      range(schema.minLength, schema.maxLength, ' characters'),
      range(schema.minItems, schema.maxItems, ' items'),
      schema.pattern ? `matches ${schema.pattern}` : null,
      schema.default === undefined ? null : `default ${JSON.stringify(schema.default)}`,
    ].filter(Boolean).join(' · ');
  }

  /** Properties and what is required, those of all parts of an `allOf` together. */
  propertiesOf(node) {
    const schema = this.resolve(node);
    const parts = [schema, ...(schema.allOf ?? []).map((part) => this.resolve(part))];
    return {
      properties: Object.assign({}, ...parts.map((part) => part.properties ?? {})),
      required: parts.flatMap((part) => part.required ?? []),
    };
  }

  /** The fields of an object as a list, nested ones to unfold; nothing for other types. */
  fields(node, depth = 0) {
    const { properties, required } = this.propertiesOf(node);
    const entries = Object.entries(properties);
    if (!entries.length) return null;
    return element('ul', { class: 'fields' },
      ...entries.map(([name, property]) => this.field(name, property, required.includes(name), depth)));
  }

  field(name, node, isRequired, depth = 0) {
    const schema = this.resolve(node);
    const about = node.description ?? schema.description;
    return element('li', {},
      element('span', { class: 'name', text: name }),
      element('span', { class: 'hint', text: [this.typeOf(node), this.limitsOf(schema)].filter(Boolean).join(' · ') }),
      isRequired ? element('span', { class: 'required', text: 'required' }) : null,
      about ? element('p', { class: 'about', text: about }) : null,
      this.#nested(schema, depth));
  }

  /** What is inside: of an array its items, of alternatives each that has fields. */
  #nested(schema, depth) {
    if (depth >= deepest) return null;
    const inner = schema.type === 'array' ? [schema.items] : schema.oneOf ?? schema.anyOf ?? [schema];
    const lists = inner.filter(Boolean).map((node) => this.resolve(node))
      .map((node) => (node.type === 'array' ? node.items : node))
      .map((node) => ({ node, count: Object.keys(this.propertiesOf(node).properties).length }))
      .filter(({ count }) => count > 0);
    if (!lists.length) return null;
    const total = lists.reduce((sum, { count }) => sum + count, 0);
    // Filled when it is opened, since most never are.
    const details = element('details', {}, element('summary', { text: plural(total, 'field') }));
    details.addEventListener('toggle', () =>
      details.append(...lists.map(({ node }) => this.fields(node, depth + 1))), { once: true });
    return details;
  }

  example(node, depth = 0) {
    const schema = this.resolve(node);
    const given = schema.example ?? schema.examples?.[0] ?? schema.const ?? schema.default ?? schema.enum?.[0];
    if (given !== undefined) return given;
    if (depth > deepest) return null;
    const choice = schema.oneOf?.[0] ?? schema.anyOf?.[0];
    if (choice) return this.example(choice, depth + 1);
    const { properties, required } = this.propertiesOf(schema);
    const type = [schema.type].flat()[0];
    if (Object.keys(properties).length) {
      const names = required.length ? required : Object.keys(properties);
      return Object.fromEntries(names.filter((name) => properties[name])
        .map((name) => [name, this.example(properties[name], depth + 1)]));
    }
    if (type === 'array') return [this.example(schema.items, depth + 1)];
    const number = schema.minimum ?? 1;
    return { string: 'text', integer: number, number, boolean: false, object: {} }[type] ?? null;
  }
}
