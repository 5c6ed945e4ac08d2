// The start: two views as tabs, named by the address, and the session for both.

import { byID } from './dom.js';
import { Playground } from './playground.js';
import { QueueView } from './queue.js';
import { startSession } from './session.js';

const names = ['playground', 'queue'];
const tabs = names.map((name) => byID(`tab-${name}`));
const playground = new Playground();
const queue = new QueueView();

function show() {
  const wanted = location.hash.slice(1);
  // Other fragments, as of the skip link, are places on this page.
  if (wanted && !names.includes(wanted)) return;
  const current = wanted || names[0];
  names.forEach((name, index) => {
    const isCurrent = name === current;
    tabs[index].setAttribute('aria-selected', String(isCurrent));
    tabs[index].tabIndex = isCurrent ? 0 : -1;
    byID(`panel-${name}`).hidden = !isCurrent;
  });
  document.title = current === 'queue' ? 'Queue · GPT-2 Service' : 'GPT-2 Service';
  if (current === 'queue') queue.start();
  else queue.stop();
}

tabs.forEach((tab, index) => {
  tab.addEventListener('keydown', (event) => {
    const next = {
      ArrowRight: (index + 1) % tabs.length,
      ArrowLeft: (index + tabs.length - 1) % tabs.length,
      Home: 0,
      End: tabs.length - 1,
    }[event.key];
    if (next !== undefined) {
      event.preventDefault();
      tabs[next].focus();
      location.hash = names[next];
    } else if (event.key === ' ') {
      event.preventDefault();
      tab.click();
    }
  });
});

addEventListener('hashchange', show);
show();
startSession((info) => playground.apply(info));
