// What the browser remembers. Where that is forbidden or full, it is remembered until the reload.

class Store {
  #open;
  #here = new Map();

  /** @param open gives the browser's storage, or throws where there is none. */
  constructor(open) {
    this.#open = open;
  }

  get(name) {
    try {
      return this.#open().getItem(name) ?? this.#here.get(name) ?? null;
    } catch {
      return this.#here.get(name) ?? null;
    }
  }

  /** An empty text is kept as such; `null` forgets. */
  set(name, value) {
    this.#here.delete(name);
    try {
      if (value === null) this.#open().removeItem(name);
      else this.#open().setItem(name, value);
    } catch {
      if (value !== null) this.#here.set(name, value);
    }
  }
}

/** Outlives the browser. */
export const permanent = new Store(() => localStorage);
/** Lasts as long as the tab. */
export const untilClosed = new Store(() => sessionStorage);
