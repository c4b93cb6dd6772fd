// What this device keeps for itself, for the page and its service worker: who it is, and the last that it was told.

export interface Kept {
  /** Who this device is; its token is nowhere else. */
  device: { id: string; token: string; name: string };
  /** What the buttons of notifications are called in the reader's language. */
  words: { open: string; useful: string; notUseful: string };
  /** The last answers, for a page without a server. */
  last: unknown;
  /** The push subscription that the server knows. */
  endpoint: string;
}

const NAME = "lapwing";
const STORE = "kept";

function opened(): Promise<IDBDatabase> {
  return new Promise((done, failed) => {
    const asked = indexedDB.open(NAME, 1);
    asked.onupgradeneeded = () => asked.result.createObjectStore(STORE);
    asked.onsuccess = () => done(asked.result);
    asked.onerror = () => failed(asked.error);
  });
}

async function within<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest<T>): Promise<T> {
  const database = await opened();
  try {
    return await new Promise((done, failed) => {
      const transaction = database.transaction(STORE, mode);
      const asked = work(transaction.objectStore(STORE));
      transaction.oncomplete = () => done(asked.result);
      transaction.onerror = transaction.onabort = () => failed(transaction.error);
    });
  } finally {
    database.close();
  }
}

/** What is kept under a name; null where there is nothing, or the browser keeps nothing. */
export async function kept<K extends keyof Kept>(name: K): Promise<Kept[K] | null> {
  return within("readonly", (store) => store.get(name) as IDBRequest<Kept[K] | undefined>).then((value) => value ?? null, () => null);
}

export async function keep<K extends keyof Kept>(name: K, value: Kept[K]): Promise<void> {
  await within("readwrite", (store) => store.put(value, name));
}

/** Forget everything but the words of buttons. */
export async function forget(): Promise<void> {
  for (const name of ["device", "last", "endpoint"] as const) await within("readwrite", (store) => store.delete(name));
}
