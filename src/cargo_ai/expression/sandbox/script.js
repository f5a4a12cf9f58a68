// Runs one script in a context of its own: its last value or what it returns, awaited. Evaluates to a function of
// (source, texts of nodes and parentNodes) that gives a function for the result: null while promises are pending.
((source, nodes, parentNodes) => {
  'use strict';
  const { parse, stringify } = JSON;
  const evaluate = eval;
  const G = globalThis;
  const lines = [];
  let size = 0;
  G.nodes = parse(nodes);
  G.parentNodes = parse(parentNodes);
  const log = (...values) => {
    if (size > 65536) return;
    const text = values.map((value) => (typeof value === 'string' ? value : (stringify(value, plain) ?? String(value)))).join(' ');
    size += text.length + 1;
    lines.push(text);
  };
  G.console = { log, info: log, warn: log, error: log, debug: log };
  const libraries = G.__libraries ?? {};
  delete G.__libraries;
  G.require = (name) => {
    const library = Object.hasOwn(libraries, name) ? libraries[name] : undefined;
    if (library === undefined) throw new Error(`Cannot find module '${name}': lodash and date-fns are there`);
    return library;
  };
  let started = false;
  Object.defineProperty(G, '__started', {
    configurable: true,
    value() {
      started = true;
      delete G.__started;
    },
  });

  let result = null;
  const plain = (key, value) => {
    if (typeof value === 'bigint') return value <= 9007199254740991n && value >= -9007199254740991n ? Number(value) : String(value);
    if (value instanceof Set) return [...value];
    if (value instanceof Map) return Object.fromEntries(value);
    return value;
  };
  const whole = (text) => text.replace(/\\(?:ud[89a-f][0-9a-f]{2}|.)/g, (found) => (found.length === 6 ? '\\ufffd' : found));
  const finish = (text) => {
    // Joined, not added: the binding cannot read a text that is kept in pieces.
    result = [text, lines.length ? ',"log":' + whole(stringify(lines.join('\n'))) : '', '}'].join('');
  };
  const done = (value) => {
    try {
      const text = value === undefined || typeof value === 'function' || typeof value === 'symbol' ? undefined : stringify(value, plain);
      finish(text === undefined ? '{"u":1' : '{"v":' + whole(text));
    } catch (error) {
      failed(error);
    }
  };
  const failed = (error) => {
    let told = { name: 'Error', message: 'an error that cannot be shown' };
    try {
      told = error instanceof Error ? { name: String(error.name), message: String(error.message).slice(0, 500), stack: String(error.stack).slice(0, 2000) }
        : { name: 'Error', message: error === null ? 'null was thrown, or the memory ran out' : (typeof error === 'object' ? stringify(error) : String(error)).slice(0, 500) };
    } catch {}
    finish('{"e":' + whole(stringify(told)));
  };
  const settle = (value) => {
    if (value !== null && typeof value === 'object' && typeof value.then === 'function') Promise.resolve(value).then(done, failed);
    else done(value);
  };
  const asFunction = (error) => {
    // `return` and `await` at the top: the body of a function. It has not run, so nothing happens twice.
    let body;
    try {
      body = evaluate('(async function(nodes,parentNodes){' + source + '\n})');
    } catch (other) {
      return failed(/\b(?:return|await)\b/.test(source) ? other : error);
    }
    return settle(body(G.nodes, G.parentNodes));
  };
  try {
    settle(evaluate('__started();' + source));
  } catch (error) {
    if (started || !(error instanceof SyntaxError)) failed(error);
    else asFunction(error);
  }
  return () => result;
});
