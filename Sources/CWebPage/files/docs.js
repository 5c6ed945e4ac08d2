// The description of the API, made from `/openapi.json`.

import { getJSON } from './api.js';
import { byID, element, setText } from './dom.js';
import { Schemas } from './schema.js';
import { startSession } from './session.js';
import { tryForm } from './tryout.js';

const methods = ['get', 'post', 'put', 'patch', 'delete', 'head', 'options'];

async function load() {
  try {
    const description = await getJSON('/openapi.json');
    byID('docs-problem').hidden = true;
    show(description);
  } catch (error) {
    setText(byID('docs-problem'), error.status === 401 ? 'A key is needed to read the description.' : error.message);
    byID('docs-problem').hidden = false;
    byID('operations').replaceChildren();
  }
}

function show(description) {
  const schemas = new Schemas(description);
  const { info = {} } = description;
  byID('intro').replaceChildren(
    element('h2', { text: `${info.title ?? 'API'} ${info.version ?? ''}` }),
    ...(info.description ? [element('p', { class: 'about', text: info.description })] : []));
  const operations = Object.entries(description.paths ?? {}).flatMap(([path, item]) => {
    const shared = item.parameters ?? [];
    return methods.filter((method) => item[method]).map((method) => ({
      method, path, operation: item[method],
      parameters: [...shared, ...(item[method].parameters ?? [])].map((parameter) => schemas.resolve(parameter)),
      id: `${method}-${path}`.replace(/[^a-z0-9]+/gi, '-').toLowerCase(),
    }));
  });
  byID('operations').replaceChildren(...operations.map((one) => card(one, schemas)));
  byID('contents').replaceChildren(...operations.map(({ method, path, id }) =>
    element('li', {}, element('a', { href: `#${id}` }, badge(method), element('span', { text: path })))));
  const named = Object.entries(description.components?.schemas ?? {});
  byID('schemas').replaceChildren(...(named.length ? [element('h2', { text: 'Schemas' })] : []),
    ...named.map(([name, schema]) => element('article', { class: 'card operation', id: `schema-${name}` },
      element('h3', { class: 'path', text: name }),
      schema.description ? element('p', { class: 'about', text: schema.description }) : null,
      schemas.fields(schema) ?? element('p', { class: 'hint', text: schemas.typeOf(schema) }))));
  // The place that the address names exists only now.
  if (location.hash) byID(location.hash.slice(1))?.scrollIntoView();
}

const badge = (method) => element('span', { class: `method ${method}`, text: method.toUpperCase() });

function card({ method, path, operation, parameters, id }, schemas) {
  const requestBody = schemas.resolve(operation.requestBody);
  const media = requestBody.content?.['application/json'] ?? Object.values(requestBody.content ?? {})[0];
  const form = element('details', {}, element('summary', { text: 'Try it' }));
  form.addEventListener('toggle', () => {
    const body = media && exampleOf(media, schemas);
    form.append(tryForm({ method: method.toUpperCase(), path, parameters, body }));
  }, { once: true });
  const responses = Object.entries(operation.responses ?? {});
  return element('article', { class: 'card operation', id, 'aria-labelledby': `${id}-title` },
    element('h3', { id: `${id}-title` }, badge(method), element('span', { class: 'path', text: path })),
    operation.summary ? element('p', { text: operation.summary }) : null,
    operation.description ? element('p', { class: 'about hint', text: operation.description }) : null,
    operation.deprecated ? element('p', { class: 'problem-text', text: 'Deprecated.' }) : null,
    parameters.length
      ? section('Parameters', element('ul', { class: 'fields' },
        ...parameters.map(({ name, in: place, description, schema, required }) =>
          schemas.field(`${name} (${place})`, { description, ...schema }, required))))
      : null,
    media ? section('Body', bodyOf(media.schema, schemas)) : null,
    section('Responses', element('ul', { class: 'responses' },
      ...responses.map(([status, response]) => responseOf(status, schemas.resolve(response), schemas)))),
    form);
}

const section = (title, content) => element('div', {}, element('h4', { text: title }), content);

function bodyOf(schema, schemas) {
  const choices = schemas.resolve(schema).oneOf ?? schemas.resolve(schema).anyOf ?? [schema];
  return element('div', {}, ...choices.map((choice) =>
    schemas.fields(choice) ?? element('p', { class: 'hint', text: schemas.typeOf(choice) })));
}

function responseOf(status, response, schemas) {
  const contents = Object.entries(response.content ?? {});
  return element('li', {},
    element('span', { class: 'status', text: status }), response.description ?? '',
    ...contents.map(([type, media]) => {
      const title = [type, media.schema && schemas.typeOf(media.schema)].filter(Boolean).join(' · ');
      const details = element('details', {}, element('summary', { text: title }));
      details.addEventListener('toggle', () => details.append(
        ...(media.schema ? [bodyOf(media.schema, schemas)] : []),
        element('pre', { text: pretty(exampleOf(media, schemas)) })), { once: true });
      return details;
    }));
}

function exampleOf(media, schemas) {
  const named = schemas.resolve(Object.values(media.examples ?? {})[0]).value;
  return media.example ?? named ?? schemas.example(media.schema);
}

const pretty = (value) => (typeof value === 'string' ? value : JSON.stringify(value, null, 2));

byID('filter').addEventListener('input', ({ target }) => {
  const words = target.value.toLowerCase().split(/\s+/);
  for (const entry of byID('contents').children) {
    entry.hidden = !words.every((word) => entry.textContent.toLowerCase().includes(word));
  }
});
document.addEventListener('keychanged', load);
startSession(() => {});
load();
