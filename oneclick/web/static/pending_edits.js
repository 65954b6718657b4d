// @ts-check
/** Edits that the server has not acknowledged, kept in the browser: a closed tab or a time offline loses nothing. */

/**
 * @typedef {object} Pending an edit, and what its author had seen when they made it
 * @property {number} [id] of the record; edits are sent in this order
 * @property {string} clip
 * @property {string} key chosen here: what is sent twice is done once
 * @property {import("./model.js").Operation} op
 * @property {string} [page] that made it: it had seen the edits of that page before this one
 * @property {string} [round] of review, as the server names it. Records of before it was kept have none: nobody knows
 * @property {number} [base] number of the newest edit on the server that it comes after
 */

/** The pending edits of one user, in IndexedDB; in memory only where there is none. */
export class PendingEdits {
  /** @param {string} user */
  static async open(user) {
    const edits = new PendingEdits(user);
    edits.db = await new Promise((resolve) => {
      let request;
      try {
        request = indexedDB.open(databaseName(user), 1);
      } catch {
        return resolve(null);
      }
      request.onupgradeneeded = () =>
        request.result.createObjectStore("edits", { keyPath: "id", autoIncrement: true });
      request.onsuccess = () => resolve(request.result);
      request.onerror = request.onblocked = () => resolve(null);
    });
    // Whoever signs out deletes the database: a page that is still open must not stand in the way.
    if (edits.db) edits.db.onversionchange = () => edits.db?.close();
    return edits;
  }

  /** @param {string} user */
  constructor(user) {
    this.user = user;
    /** @type {IDBDatabase | null} */
    this.db = null;
    /** @type {WeakSet<Pending>} edits that are not stored, or not yet: this page alone has them */
    this.unkept = new WeakSet();
    /** @type {Promise<any>} the newest change; one follows another */
    this.last = Promise.resolve();
  }

  /** @returns {Promise<Pending[]>} of all clips */
  async all() {
    await this.last;
    return (await this.#run("readonly", (store) => store.getAll()))?.result ?? [];
  }

  /** @param {string} clip @returns {Promise<Pending[]>} */
  async of(clip) {
    return (await this.all()).filter((edit) => edit.clip === clip);
  }

  /** @param {Pending} edit */
  add(edit) {
    this.unkept.add(edit);
    return this.#change([edit], async () => {
      const request = await this.#run("readwrite", (store) => store.add({ ...edit }));
      if (request) edit.id = Number(request.result);
      return Boolean(request);
    });
  }

  /**
   * Forget edits and write others anew, both or neither.
   * @param {Pending[]} removed
   * @param {Pending[]} [changed]
   */
  replace(removed, changed = []) {
    return this.#change(changed, async () => {
      const request = await this.#run("readwrite", (store) => {
        for (const { id } of removed) if (id !== undefined) store.delete(id);
        for (const edit of changed) if (edit.id !== undefined) store.put({ ...edit });
        return store.count();
      });
      return Boolean(request);
    });
  }

  /** Forget everything of this user. */
  async delete() {
    await this.#change([], async () => Boolean(await this.#run("readwrite", (store) => store.clear())));
    this.db?.close();
    indexedDB.deleteDatabase(databaseName(this.user));
  }

  /**
   * Do a change after those before it: only then does an edit have its id.
   * @param {Pending[]} edits that it stores
   * @param {() => Promise<boolean>} act
   * @returns {Promise<void>}
   */
  #change(edits, act) {
    this.last = this.last.then(act).then((isKept) => {
      for (const edit of edits)
        if (isKept && edit.id !== undefined) this.unkept.delete(edit);
        else this.unkept.add(edit);
    });
    return this.last;
  }

  /**
   * @param {IDBTransactionMode} mode
   * @param {(store: IDBObjectStore) => IDBRequest} act
   * @returns {Promise<IDBRequest | null>} null where the browser refuses: it is full, or the database was closed
   */
  #run(mode, act) {
    return new Promise((resolve) => {
      if (!this.db) return resolve(null);
      try {
        const transaction = this.db.transaction("edits", mode);
        const request = act(transaction.objectStore("edits"));
        transaction.oncomplete = () => resolve(request);
        transaction.onerror = transaction.onabort = () => resolve(null);
      } catch {
        resolve(null);
      }
    });
  }
}

/** @param {string} user */
const databaseName = (user) => `oneclick-review-${user}`;
