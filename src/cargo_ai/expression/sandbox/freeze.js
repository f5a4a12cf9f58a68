// Makes everything that expressions share unchangeable, so that none can leave anything behind for another.
(() => {
  'use strict';
  const { getOwnPropertyDescriptor, ownKeys } = Reflect;
  const { defineProperty, freeze, getOwnPropertyNames, getPrototypeOf } = Object;
  // Setters of hidden state, which freezing does not reach, and callbacks that run in somebody else's time.
  delete Error.prepareStackTrace;
  delete Error.stackTraceLimit;
  delete globalThis.FinalizationRegistry;
  delete globalThis.queueMicrotask;
  // Names that objects of one's own commonly redefine: assigning to them must work although the prototype's is frozen.
  const SHADOWED = new Set(['constructor', 'toString', 'valueOf', 'toJSON', 'name', 'message', 'toLocaleString', 'hasOwnProperty']);
  const seen = new Set();
  const queue = [];
  const add = (value) => {
    if (value !== null && (typeof value === 'object' || typeof value === 'function') && !seen.has(value)) {
      seen.add(value);
      queue.push(value);
    }
  };
  for (const name of getOwnPropertyNames(globalThis)) if (name !== 'globalThis') add(globalThis[name]);
  const hidden = [function* () {}, async () => {}, async function* () {}, [].values(), new Map().values(), new Set().values()];
  hidden.push(''[Symbol.iterator](), 'a'.matchAll(/a/g), [].values().map((x) => x), Iterator.from({ next() {} }));
  for (const value of hidden) add(getPrototypeOf(value));
  while (queue.length) {
    const object = queue.pop();
    for (const key of ownKeys(object)) {
      const described = getOwnPropertyDescriptor(object, key);
      if (!described) continue;
      add(described.value);
      add(described.get);
      add(described.set);
      if (described.configurable && described.writable && typeof object === 'object' && SHADOWED.has(key)) {
        const value = described.value;
        const get = () => value;
        const set = function (changed) {
          if (this === object) throw new TypeError('read only');
          defineProperty(this, key, { value: changed, writable: true, enumerable: true, configurable: true });
        };
        freeze(get);
        freeze(set);
        defineProperty(object, key, { configurable: false, enumerable: described.enumerable, get, set });
      }
    }
    add(getPrototypeOf(object));
    freeze(object);
  }
  freeze(globalThis);
  return seen.size;
})();
