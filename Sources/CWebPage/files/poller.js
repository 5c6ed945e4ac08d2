// Doing something again and again, but only while somebody looks, and less often while it fails.

/** Runs `task` at once and then every `interval` milliseconds, up to `longest` after failures. */
export class Poller {
  #task;
  #interval;
  #longest;
  #failures = 0;
  #timer = 0;
  #wanted = false;
  #busy = false;
  #again = false;

  constructor(task, { interval, longest = 10_000 }) {
    this.#task = task;
    this.#interval = interval;
    this.#longest = longest;
    document.addEventListener('visibilitychange', () => {
      if (this.#wanted && !document.hidden) this.now();
    });
    addEventListener('online', () => this.#wanted && this.now());
  }

  start() {
    if (this.#wanted) return;
    this.#wanted = true;
    this.now();
  }

  stop() {
    this.#wanted = false;
    clearTimeout(this.#timer);
  }

  /** Without waiting for the next turn; a turn that is under way is followed by another. */
  async now() {
    clearTimeout(this.#timer);
    if (this.#busy) {
      this.#again = true;
      return;
    }
    this.#busy = true;
    this.#again = false;
    try {
      await this.#task();
      this.#failures = 0;
    } catch {
      // The task has shown what went wrong; here it only counts.
      this.#failures += 1;
    }
    this.#busy = false;
    if (!this.#wanted || document.hidden) return;
    const delay = Math.min(this.#longest, this.#interval * 2 ** Math.min(this.#failures, 6));
    this.#timer = setTimeout(() => this.now(), this.#again ? 0 : delay);
  }
}
