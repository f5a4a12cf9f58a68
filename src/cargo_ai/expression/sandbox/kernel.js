// The kernel of an expression context: compiled expressions, the data they read, and the form in which results go back.
// Evaluates to an object of functions; whatever else it holds is out of reach of the expressions.
(() => {
  'use strict';
  const { parse, stringify } = JSON;
  const { defineProperty, fromEntries } = Object;
  const { now } = Date;
  const evaluate = eval; // called by another name it evaluates in the global scope
  const MOST_WARNINGS = 20;
  const SHORT = 2000; // characters
  const MOST_LAYOUTS = 256;
  const SLICE = 5; // milliseconds of one call over many rows, and characters of what it gives
  const LARGE = 65536;
  const compiled = [];
  let missing = [];

  // ---- paths: reading a property of nothing gives undefined and a sentence, not an error ----

  function written(label, keys, count) {
    let text = label;
    for (let index = 0; index < count; index++) {
      const key = keys[index];
      if (typeof key === 'string' && /^[\p{L}_$][\p{L}\d_$]*$/u.test(key)) text += '.' + key;
      else text += '[' + (typeof key === 'number' ? key : typeof key === 'string' ? "'" + key + "'" : '…') + ']';
    }
    return text;
  }

  function note(label, keys, count, value) {
    if (missing.length >= MOST_WARNINGS) return;
    let sentence = written(label, keys, keys.length) + ' is undefined';
    if (count < keys.length) {
      const holder = written(label, keys, count);
      sentence += value === null ? ': ' + holder + ' is null' : ': there is no ' + holder;
    }
    sentence += '.';
    if (!missing.includes(sentence)) missing.push(sentence);
  }

  // A key that is computed comes as a function, called when the property is read.
  function keyAt(keys, index) {
    const key = keys[index];
    return typeof key === 'function' ? (keys[index] = key()) : key;
  }

  // `optional` has one bit for each key that was read with ?. and one for what follows the last key.
  function path(value, label, optional, ...keys) {
    const length = keys.length;
    for (let index = 0; index < length; index++) {
      if (value === undefined || value === null) {
        if (!((optional >> index) & 1)) note(label, keys, index, value);
        return undefined;
      }
      value = value[keyAt(keys, index)];
    }
    if (value === undefined && !((optional >> (length - 1)) & 3)) note(label, keys, length, value);
    return value;
  }

  // The object of a method call: nothing has no methods, and the sentence says what it was that is not there. A `?.` before it
  // cuts the call short, which the caller sees by undefined.
  function owner(method, value, label, optional, ...keys) {
    let count = 0;
    for (; count < keys.length && value !== undefined && value !== null; count++) value = value[keyAt(keys, count)];
    if (value === undefined || value === null) {
      if (count < keys.length && (optional >> count) & 1) return undefined;
      const what = count < keys.length ? undefined : value;
      throw new TypeError(written(label, keys, keys.length) + ' is ' + what + ', so ' + method + ' cannot be called on it');
    }
    if (typeof value[method] !== 'function') throw new TypeError(written(label, [...keys, method], keys.length + 1) + ' is not a function');
    return value;
  }

  // ---- results ----

  function plain(key, value) {
    if (typeof value === 'bigint') return value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : String(value);
    if (value instanceof Set) return [...value];
    if (value instanceof Map) return fromEntries(value);
    return value;
  }

  // Half a character is not text outside of JavaScript. JSON.stringify has escaped it; pairs it has left as they are.
  function whole(text) {
    return text.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length === 6 ? '\\ufffd' : found));
  }

  function encode(value) {
    if (typeof value === 'string') {
      const text = stringify(value);
      return '{"v":' + (text.includes('\\ud') ? whole(text) : text);
    }
    if (value === true || value === false || (typeof value === 'number' && value - value === 0)) return '{"v":' + (value === 0 ? 0 : value);
    if (value === undefined || typeof value === 'function' || typeof value === 'symbol') return '{"u":1';
    if (typeof value === 'number' && !(value - value === 0)) return '{"n":"' + value + '"';
    if (value instanceof Promise) throw new TypeError('it gives a promise; only a script can wait');
    const text = stringify(value, plain);
    if (text === undefined) return '{"u":1';
    return '{"v":' + (text.includes('\\ud') ? whole(text) : text);
  }

  function failure(error) {
    try {
      if (error instanceof Error) return '{"e":' + stringify({ name: String(error.name), message: String(error.message).slice(0, 500) });
      if (error === null) return '{"e":{"name":"Error","message":"null was thrown, or the memory ran out"}';
      return '{"e":' + stringify({ name: 'Error', message: (typeof error === 'object' ? stringify(error) : String(error)).slice(0, 500) });
    } catch {
      return '{"e":{"name":"Error","message":"an error that cannot be shown"}';
    }
  }

  function one(id, values) {
    if (missing.length) missing = [];
    let text;
    try {
      const value = compiled[id].apply(undefined, values);
      if (missing.length === 0) {
        if (typeof value === 'string') {
          text = stringify(value);
          return text.includes('\\ud') ? whole(text) : text;
        }
        if (value === null || typeof value === 'boolean' || (typeof value === 'number' && value - value === 0)) return value === 0 ? '0' : '' + value;
      }
      text = encode(value);
    } catch (error) {
      if (error instanceof InternalError && error.message === 'out of memory') throw error;
      text = failure(error);
    }
    return text + (missing.length ? ',"w":' + stringify(missing) + '}' : '}');
  }

  function oneOfMany(entries, row) {
    const results = [];
    for (const [id, changes] of entries) results.push(one(id, changes ? parse(stringify(row)) : row));
    return results.join(',');
  }

  // ---- data: each name a JSON text, or an object whose properties are parsed when they are first read ----

  function lazily(object, key, text) {
    const settle = (value) => defineProperty(object, key, { value, writable: true, configurable: true, enumerable: true });
    defineProperty(object, key, {
      configurable: true,
      enumerable: true,
      get() {
        const value = parse(text);
        settle(value);
        return value;
      },
      set: settle,
    });
  }

  // `names`: lines of `name` (its whole value), `name\t\t` (an object) or `name\tkey` (a property of the object before).
  // A short text is parsed at once, which takes less than the accessor. Names that every object has can only be defined.
  function build(layout, texts) {
    const values = [];
    let object;
    let next = 0;
    for (const line of layout) {
      if (line.isValue) values.push(texts[next] === 'undefined' ? (next++, undefined) : parse(texts[next++]));
      else if (line.key === undefined) values.push((object = {}));
      else if (line.isPlain && texts[next].length < SHORT) object[line.key] = parse(texts[next++]);
      else lazily(object, line.key, texts[next++]);
    }
    return values;
  }

  // What `lines` say, once for all requests that have the same.
  const layouts = new Map();

  function layoutOf(lines) {
    let layout = layouts.get(lines);
    if (layout === undefined) {
      layout = lines === '' ? [] : lines.split('\n').map((line) => {
        const tab = line.indexOf('\t');
        const key = tab === -1 || line.endsWith('\t\t') ? undefined : line.slice(tab + 1);
        return { isValue: tab === -1, key, isPlain: key !== undefined && !(key in {}) };
      });
      if (layouts.size >= MOST_LAYOUTS) layouts.clear();
      layouts.set(lines, layout);
    }
    return layout;
  }

  // Rows that wait for their results.
  let rows = [];
  let nextRow = 0;

  return {
    compile(source) {
      compiled.push(evaluate(source)(path, owner));
      return compiled.length - 1;
    },
    // `plan`: ids in order; one with `!` may change its data, so it gets its own.
    run(plan, lines, ...texts) {
      const layout = layoutOf(lines);
      let shared;
      const results = [];
      for (const entry of plan.split(',')) {
        const changes = entry.endsWith('!');
        const values = changes ? build(layout, texts) : (shared ??= build(layout, texts));
        results.push(one(changes ? +entry.slice(0, -1) : +entry, values));
      }
      return ['[', results.join(','), ']'].join(''); // joined, not added: the binding cannot read a text that is kept in pieces
    },
    // `text`: `[[value of the first name, ...], ...]`.
    take(text) {
      rows = parse(text);
      nextRow = 0;
    },
    // The results of the next rows, for a moment: `count [[result, ...], ...]`.
    more(plan) {
      if (nextRow >= rows.length) throw new RangeError('no row waits');
      const entries = plan.split(',').map((entry) => [parseInt(entry), entry.endsWith('!')]);
      const only = entries.length === 1 ? entries[0][0] : undefined;
      const ends = now() + SLICE;
      const first = nextRow;
      const texts = [];
      let size = 0;
      do {
        const row = rows[nextRow];
        const text = only === undefined ? oneOfMany(entries, row) : one(only, row);
        size += text.length;
        texts.push(text);
        rows[nextRow++] = undefined;
      } while (nextRow < rows.length && size < LARGE && now() < ends);
      return [nextRow - first, ' [[', texts.join('],['), ']]'].join('');
    },
  };
})();
