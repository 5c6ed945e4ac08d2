// The live view of the queue.

import { getJSON, postJSON } from './api.js';
import { TimeChart } from './charts.js';
import { byID, element, isEnabled, setEnabled, setRows, setText } from './dom.js';
import { count, isNumber, milliseconds, plural, short, timeOfDay } from './format.js';
import { Poller } from './poller.js';

const priorities = ['high', 'default', 'low'];

export class QueueView {
  #poller = new Poller(() => this.#poll(), { interval: 1000 });
  #charts = null;
  #dead = { known: [], count: 0, at: 0 };

  constructor() {
    byID('retry').addEventListener('click', () => this.#retry());
    document.addEventListener('keychanged', () => {
      if (!byID('panel-queue').hidden) this.#poller.start();
    });
  }

  start() {
    this.#charts ??= makeCharts();
    this.#poller.start();
  }

  stop() {
    this.#poller.stop();
  }

  async #poll() {
    try {
      const queue = await getJSON('/queue');
      await this.#readDead(queue.dead ?? 0);
      this.#show(queue);
      byID('queue-banner').hidden = true;
      byID('queue-live').classList.remove('stale');
    } catch (error) {
      this.#showProblem(error);
      // Without another key it would only be refused again.
      if (error.status === 401) this.#poller.stop();
      throw error;
    }
  }

  /** The list is asked for when its length changes, and now and then, since jobs may replace each other in it. */
  async #readDead(length) {
    const now = performance.now();
    if (length === this.#dead.count && (length === 0 || now - this.#dead.at < 5000)) return;
    const known = length ? (await getJSON('/queue/dead')).dead ?? [] : [];
    this.#dead = { known, count: length, at: now };
  }

  #show(queue) {
    const points = queue.recent?.points ?? [];
    const interval = queue.recent?.interval_seconds || 1;
    this.#showTiles(queue, points, interval);
    this.#showDepth(queue.depth ?? {});
    this.#charts.throughput.update(points, interval);
    this.#charts.latency.update(points, interval);
    byID('paused').hidden = !queue.paused;
    this.#showWorkers(queue.workers ?? []);
    this.#showDead();
    this.#showJobs(queue.jobs ?? []);
    setText(byID('freshness'), `As of ${timeOfDay(Date.now() / 1000)}, read each second while this page is looked at.`);
  }

  #showTiles(queue, points, interval) {
    const minute = points.slice(-Math.max(1, Math.round(60 / interval)));
    const seconds = minute.length * interval || 1;
    const total = (name) => minute.reduce((sum, point) => sum + (point[name] ?? 0), 0);
    const slow = points.findLast((point) => isNumber(point.p95_ms));
    const counts = queue.counts ?? {};
    const isLate = isNumber(queue.oldest_wait_ms) && queue.waiting > 0;
    const alive = (queue.workers ?? []).filter((worker) => worker.alive).length;
    const tiles = [
      ['Waiting', count(queue.waiting), isLate ? `the oldest for ${milliseconds(queue.oldest_wait_ms)}` : 'nothing waits'],
      ['Running', count(queue.running), `on ${plural(alive, 'worker')}`],
      ['Jobs a second', short(total('completed') / seconds), 'over the last minute'],
      ['Tokens a second', short(total('tokens') / seconds), 'over the last minute'],
      ['Latency, p95', milliseconds(slow?.p95_ms), slow ? `p50 ${milliseconds(slow.p50_ms)}` : 'no jobs yet'],
      ['Done', count(counts.posted), `${count(counts.failed)} failed, ${count(counts.recovered)} recovered`],
    ];
    const list = byID('tiles');
    if (!list.children.length) {
      list.append(...tiles.map(() => element('li', { class: 'card tile' },
        element('span', { class: 'hint' }), element('strong'), element('span', { class: 'hint' }))));
    }
    tiles.forEach((texts, index) => texts.forEach((text, part) => setText(list.children[index].children[part], text)));
  }

  #showDepth(depth) {
    const names = [...priorities, ...Object.keys(depth).filter((name) => !priorities.includes(name))];
    const most = Math.max(1, ...names.map((name) => depth[name] ?? 0));
    const list = byID('depth');
    if (list.children.length !== names.length * 2) {
      list.replaceChildren(...names.flatMap((name) => [
        element('dt', { text: name }),
        element('dd', {}, element('span', { class: 'bar' }), element('span', { class: 'number' })),
      ]));
    }
    names.forEach((name, index) => {
      const [bar, number] = list.children[index * 2 + 1].children;
      bar.style.setProperty('--share', `${((depth[name] ?? 0) / most) * 100}%`);
      setText(number, count(depth[name] ?? 0));
    });
  }

  #showWorkers(workers) {
    const labels = ['Worker', 'State', 'Runs', 'Jobs', 'Tokens a second', 'Model'];
    fill('workers', labels, workers.map((worker) => [
      { text: worker.id, kind: 'id' },
      {
        text: worker.alive ? 'alive' : `silent for ${milliseconds(worker.last_beat_ms)}`,
        kind: `pill ${worker.alive ? 'good' : 'bad'}`, title: `last beat ${milliseconds(worker.last_beat_ms)} ago`,
      },
      plural(worker.running ?? 0, 'job'),
      { text: (worker.jobs ?? []).join(' ') || '–', kind: 'id' },
      { text: short(worker.tokens_per_second), kind: 'number' },
      [worker.info?.model, worker.info?.version].filter(Boolean).join(' · ') || '–',
    ]));
  }

  #showDead() {
    fill('dead', ['Job', 'Reason', 'Priority'], this.#dead.known.map((job) => [
      { text: job.id ?? 'without an id', kind: 'id' }, job.reason ?? '–', job.priority ?? '–',
    ]));
    byID('retry').hidden = this.#dead.count === 0;
    setText(byID('dead-title'), this.#dead.count ? `Dead jobs (${count(this.#dead.count)})` : 'Dead jobs');
  }

  #showJobs(jobs) {
    const labels = ['Ended', 'Job', 'Task', 'Status', 'Priority', 'Time', 'Tokens'];
    const kinds = { completed: 'good', failed: 'bad', expired: 'bad' };
    fill('jobs', labels, jobs.map((job) => [
      timeOfDay(job.time), { text: job.id ?? '–', kind: 'id' }, job.task_name ?? '–',
      { text: job.status ?? '–', kind: `pill ${kinds[job.status] ?? ''}` }, job.priority ?? '–',
      { text: milliseconds(job.ms), kind: 'number' }, { text: count(job.completion_tokens), kind: 'number' },
    ]));
  }

  async #retry() {
    if (!isEnabled(byID('retry'))) return;
    setEnabled(byID('retry'), false);
    try {
      const { retried } = await postJSON('/queue/dead/retry', '{}', { timeout: 15_000 });
      setText(byID('retry-note'), `${plural(retried ?? 0, 'job')} put back into the queue.`);
      byID('dead-title').scrollIntoView({ block: 'nearest' });
    } catch (error) {
      setText(byID('retry-note'), `Not retried: ${error.message}`);
    }
    setEnabled(byID('retry'), true);
    this.#dead.count = -1;
    this.#poller.now();
  }

  #showProblem(error) {
    const titles = { 401: 'A key is needed to see the queue', 503: 'The queue can’t be reached' };
    const banner = byID('queue-banner');
    const texts = [
      titles[error.status] ?? 'No answer',
      error.message,
      error.status === 401 ? 'Enter it above.' : 'The page tries again by itself; what is below is from before.',
    ];
    // It is announced anew only when it says something else.
    if (banner.hidden || banner.textContent !== texts.join('')) {
      const [title, ...rest] = texts;
      banner.replaceChildren(element('strong', { text: title }), ...rest.map((text) => element('p', { text })));
    }
    banner.hidden = false;
    byID('queue-live').classList.add('stale');
  }
}

/** The rows of a table, or the note that there are none. */
function fill(id, labels, rows) {
  const table = byID(id);
  setRows(table.tBodies[0], rows, labels);
  table.hidden = rows.length === 0;
  table.parentNode.querySelector('.empty').hidden = rows.length > 0;
}

function makeCharts() {
  const ratio = (name) => (point, interval) => (isNumber(point[name]) ? point[name] / interval : null);
  return {
    throughput: new TimeChart(byID('chart-throughput'), {
      title: 'Throughput', unit: 'jobs a second', format: short, stacked: true,
      series: [
        { name: 'completed', kind: 'mark-one', value: ratio('completed') },
        { name: 'failed', kind: 'mark-bad', value: ratio('failed') },
      ],
    }),
    latency: new TimeChart(byID('chart-latency'), {
      title: 'Latency', unit: 'milliseconds', format: milliseconds, stacked: false,
      series: [
        { name: 'p50', kind: 'mark-one', value: (point) => point.p50_ms },
        { name: 'p95', kind: 'mark-two', value: (point) => point.p95_ms },
        { name: 'p99', kind: 'mark-three', value: (point) => point.p99_ms },
      ],
    }),
  };
}
