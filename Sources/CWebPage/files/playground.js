// The playground: one form, one run at a time.

import { eventsOf, parse, postJSON, send, ServiceError } from './api.js';
import { Controls } from './controls.js';
import { byID, copy, element, isEnabled, setEnabled, setText } from './dom.js';
import { examplesFor } from './examples.js';
import { plural } from './format.js';
import { inspect } from './inspector.js';
import { Run } from './output.js';
import { asCurl, asPython, classifyFields, encode, generateFields } from './request.js';
import { permanent, untilClosed } from './storage.js';

const draftName = 'gpt2.prompt';
const taskName = 'gpt2.task';

export class Playground {
  #info = { tasks: [{ name: 'default', kind: 'generate' }] };
  #task = this.#info.tasks[0];
  #controls = new Controls();
  #inspector = inspect(byID('choices'));
  /** Of the run that is under way. */
  #abort = null;
  #run = null;
  /** What the run was asked to continue. */
  #asked = '';

  constructor() {
    const prompt = byID('prompt');
    // Who comes for the first time has something to run.
    prompt.value = untilClosed.get(draftName) ?? examplesFor(this.#task)[0][1];
    prompt.addEventListener('input', () => {
      untilClosed.set(draftName, prompt.value);
      this.#clearProblem();
    });
    byID('form').addEventListener('submit', (event) => {
      event.preventDefault();
      this.#start();
    });
    byID('panel-playground').addEventListener('keydown', (event) => {
      if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
        event.preventDefault();
        this.#start();
      } else if (event.key === 'Escape') this.#abort?.abort();
    });
    byID('cancel').addEventListener('click', () => this.#abort?.abort());
    byID('copy-curl').addEventListener('click', () => this.#copyProgram(asCurl, 'curl'));
    byID('copy-python').addEventListener('click', () => this.#copyProgram(asPython, 'Python'));
    byID('copy-text').addEventListener('click', async () =>
      this.#copied(await copy(this.#asked + this.#run.text), 'the text'));
    byID('continue').addEventListener('click', () => this.#setPrompt(this.#asked + this.#run.text));
    byID('keep-seed').addEventListener('click', () => {
      this.#controls.set({ seed: this.#run.result.seed });
      this.#toast('The next text uses this seed.');
    });
    byID('tint').addEventListener('click', () => {
      const isOn = byID('choices').classList.toggle('plain') === false;
      byID('tint').setAttribute('aria-pressed', String(isOn));
    });
    // A narrow window has no room for settings that nobody asked for.
    byID('settings').open = matchMedia('(min-width: 60rem)').matches;
    this.#showTasks();
  }

  /** Takes what `GET /info` says. */
  apply(info) {
    this.#info = info;
    if (!info.tasks?.length) this.#info.tasks = [{ name: 'default', kind: 'generate' }];
    this.#controls.applyLimits(info.limits);
    this.#showTasks();
  }

  #showTasks() {
    const stored = permanent.get(taskName);
    const { tasks } = this.#info;
    this.#task = tasks.find((task) => task.name === stored) ?? tasks[0];
    const options = tasks.map((task) => {
      const input = element('input', { type: 'radio', name: 'task', value: task.name, checked: task === this.#task,
        onchange: () => this.#choose(task) });
      const title = task.kind === 'classify' ? `Sorts into ${(task.labels ?? []).join(', ')}` : 'Continues a text';
      return element('label', { title }, input, element('span', { text: task.name }));
    });
    byID('tasks').replaceChildren(byID('tasks').firstElementChild, ...options);
    this.#showTask();
  }

  #choose(task) {
    this.#task = task;
    permanent.set(taskName, task.name);
    this.#clearProblem();
    this.#showTask();
  }

  #showTask() {
    const isText = this.#task.kind !== 'classify';
    setText(byID('prompt-label'), isText ? 'Prompt' : 'Text to classify');
    setText(byID('run'), isText ? 'Generate' : 'Classify');
    setText(byID('output-title'), isText ? 'Text' : 'Class');
    byID('prompt').placeholder = isText
      ? 'Begin a text, and GPT-2 writes on.'
      : `A text to sort into ${(this.#task.labels ?? []).join(' or ')}.`;
    byID('settings').hidden = !isText;
    byID('panel-playground').classList.toggle('one-column', !isText);
    const examples = examplesFor(this.#task).map(([title, text]) =>
      element('button', { type: 'button', class: 'quiet', text: title, onclick: () => this.#setPrompt(text) }));
    byID('examples').replaceChildren(element('span', { class: 'hint', text: 'Try' }), ...examples);
  }

  #setPrompt(text) {
    const prompt = byID('prompt');
    prompt.value = text;
    untilClosed.set(draftName, text);
    this.#clearProblem();
    prompt.focus();
    prompt.setSelectionRange(text.length, text.length);
    prompt.scrollTop = prompt.scrollHeight;
  }

  #request() {
    const prompt = byID('prompt').value;
    const isText = this.#task.kind !== 'classify';
    return {
      path: isText ? '/generate' : '/classify',
      body: isText ? generateFields(prompt, this.#task, this.#controls.values) : classifyFields(prompt, this.#task),
      authenticated: Boolean(this.#info.authentication),
    };
  }

  async #start() {
    if (!isEnabled(byID('run'))) return;
    this.#clearProblem();
    let request;
    try {
      request = this.#request();
    } catch (error) {
      this.#showProblem(error);
      return;
    }
    const { path, body } = request;
    this.#abort = new AbortController();
    this.#setRunning(true);
    this.#inspector.hide();
    this.#asked = byID('prompt').value;
    this.#run = new Run(this.#asked, body.stream ? body.n ?? 1 : 0);
    setText(byID('progress'), 'Waiting for the first token');
    const output = byID('output');
    if (output.getBoundingClientRect().top > innerHeight * 0.8) output.scrollIntoView({ block: 'nearest' });
    const { signal } = this.#abort;
    try {
      if (body.stream) await this.#stream(path, encode(body), signal);
      else this.#run.finish(await postJSON(path, encode(body), { signal }));
    } catch (error) {
      if (signal.aborted) this.#run.end(`Stopped after ${plural(this.#run.tokenCount, 'token')}.`);
      else {
        this.#run.end('');
        this.#showProblem(error);
      }
    }
    this.#abort = null;
    this.#setRunning(false);
  }

  async #stream(path, body, signal) {
    const response = await send(path, { method: 'POST', body, signal });
    try {
      for await (const data of eventsOf(response)) {
        if (data === '[DONE]') break;
        const event = parse(data);
        if (event.error) throw ServiceError.of(event.error);
        if (event.status) this.#run.finish(event);
        else this.#run.addToken(event);
      }
    } catch (error) {
      if (error instanceof ServiceError || signal.aborted) throw error;
      throw new ServiceError('The connection broke before the text was finished.');
    }
    if (!this.#run.result) throw new ServiceError('The answer ended before the text was finished.');
  }

  #setRunning(isRunning) {
    setEnabled(byID('run'), !isRunning);
    setEnabled(byID('cancel'), isRunning);
    byID('output').setAttribute('aria-busy', String(isRunning));
  }

  #showProblem(error) {
    const param = error.param === 'input' ? 'prompt' : error.param;
    const again = error.retryAfter ? ` Try again in ${plural(error.retryAfter, 'second')}.` : '';
    const message = `${error.message}${again}`;
    byID('problem').replaceChildren(
      element('strong', { text: titleOf(error) }), element('p', { text: message }),
      ...(param ? [element('p', { class: 'hint', text: `Field: ${param}` })] : []));
    byID('problem').hidden = false;
    if (byID('choices').querySelector('.token') === null) byID('choices').replaceChildren();
    if (param === 'prompt') {
      setText(byID('prompt-problem'), error.message);
      byID('prompt-problem').hidden = false;
      byID('prompt').setAttribute('aria-invalid', 'true');
      byID('prompt').focus();
    } else if (param && this.#controls.showProblem(param, error.message)) byID(param).focus();
  }

  #clearProblem() {
    byID('problem').hidden = true;
    byID('prompt-problem').hidden = true;
    byID('prompt').removeAttribute('aria-invalid');
    this.#controls.clearProblems();
  }

  async #copyProgram(write, name) {
    try {
      this.#copied(await copy(write(this.#request())), `this request as ${name}`);
    } catch (error) {
      this.#showProblem(error);
    }
  }

  #copied(isDone, what) {
    if (isDone) this.#toast(`Copied ${what}.`);
  }

  #toast(text) {
    setText(byID('toast'), text);
    setTimeout(() => byID('toast').textContent === text && setText(byID('toast'), ''), 4000);
  }
}

function titleOf(error) {
  if (error.status === 401) return 'A key is needed';
  if (error.status === 429) return 'Too much at once';
  if (error.status === 503) return 'The service isn’t ready';
  return error.param ? 'This request can’t be run' : 'That didn’t work';
}
