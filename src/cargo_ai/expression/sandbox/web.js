// What JavaScript programs expect of their surroundings beyond the language: URL, URLSearchParams, structuredClone, console.
(() => {
  'use strict';
  const G = globalThis;
  const define = (key, value) => Object.defineProperty(G, key, { value, writable: true, configurable: true, enumerable: false });

  // ---- percent encoding ----

  const percent = (text) => encodeURIComponent(text).replace(/[!'()*~._-]/g, (sign) => '%' + sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0'));
  const escaper = (signs) => (text) =>
    text.toWellFormed().replace(signs, (sign) => (sign < '\x80' ? '%' + sign.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0') : percent(sign)));
  const inFragment = escaper(/[\x00-\x20"<>`]|[\x7f-\u{10ffff}]/gu);
  const inQuery = escaper(/[\x00-\x20"#<>]|[\x7f-\u{10ffff}]/gu);
  const inSpecialQuery = escaper(/[\x00-\x20"#<>']|[\x7f-\u{10ffff}]/gu);
  const inPath = escaper(/[\x00-\x20"#<>?`{}]|[\x7f-\u{10ffff}]/gu);
  const inUser = escaper(/[\x00-\x20"#<>?`{}\/:;=@[\\\]^|]|[\x7f-\u{10ffff}]/gu);
  const inOpaque = escaper(/[\x00-\x1f]|[\x7f-\u{10ffff}]/gu);
  const inForm = (text) => encodeURIComponent(text.toWellFormed()).replace(/%20/g, '+').replace(/[!'()~]/g, (sign) => '%' + sign.charCodeAt(0).toString(16).toUpperCase());

  function fromForm(text) {
    text = text.replace(/\+/g, ' ');
    if (!text.includes('%')) return text;
    try {
      return decodeURIComponent(text);
    } catch {
      return text.replace(/(?:%[0-9a-f]{2})+/gi, (run) => {
        try {
          return decodeURIComponent(run);
        } catch {
          return run.replace(/%([0-9a-f]{2})/gi, (_, code) => (parseInt(code, 16) < 128 ? String.fromCharCode(parseInt(code, 16)) : '\ufffd'));
        }
      });
    }
  }

  // ---- URLSearchParams ----

  let changed; // what a URL does when its parameters change; set by URL, reached through the private field below
  class URLSearchParams {
    #pairs = [];
    #owner = null;
    constructor(start) {
      if (start === undefined || start === null) return;
      if (typeof start === 'object' || typeof start === 'function') {
        const entries = typeof start[Symbol.iterator] === 'function' ? start : Object.entries(start);
        for (const entry of entries) {
          const pair = [...entry];
          if (pair.length !== 2) throw new TypeError('Each query pair must be an iterable [name, value] tuple');
          this.#pairs.push([String(pair[0]).toWellFormed(), String(pair[1]).toWellFormed()]);
        }
      } else this.#parse(String(start).replace(/^\?/, ''));
    }
    #parse(text) {
      this.#pairs = text.split('&').filter(Boolean).map((part) => {
        const at = part.indexOf('=');
        return at < 0 ? [fromForm(part), ''] : [fromForm(part.slice(0, at)), fromForm(part.slice(at + 1))];
      });
    }
    #update() {
      if (this.#owner) changed(this.#owner, this.toString());
    }
    static own(params, owner, text) {
      params.#owner = owner;
      params.#parse(text);
    }
    get size() { return this.#pairs.length; }
    append(name, value) { this.#pairs.push([String(name), String(value)]); this.#update(); }
    delete(name, value) { this.#pairs = this.#pairs.filter((pair) => pair[0] !== String(name) || (value !== undefined && pair[1] !== String(value))); this.#update(); }
    get(name) { return this.#pairs.find((pair) => pair[0] === String(name))?.[1] ?? null; }
    getAll(name) { return this.#pairs.filter((pair) => pair[0] === String(name)).map((pair) => pair[1]); }
    has(name, value) { return this.#pairs.some((pair) => pair[0] === String(name) && (value === undefined || pair[1] === String(value))); }
    set(name, value) {
      const at = this.#pairs.findIndex((pair) => pair[0] === String(name));
      if (at < 0) this.#pairs.push([String(name), String(value)]);
      else {
        this.#pairs[at] = [this.#pairs[at][0], String(value)];
        this.#pairs = this.#pairs.filter((pair, index) => index <= at || pair[0] !== String(name));
      }
      this.#update();
    }
    sort() { this.#pairs.sort((a, b) => (a[0] < b[0] ? -1 : a[0] > b[0] ? 1 : 0)); this.#update(); }
    forEach(call, self) { for (const [name, value] of this.#pairs) call.call(self, value, name, this); }
    *keys() { for (const pair of this.#pairs) yield pair[0]; }
    *values() { for (const pair of this.#pairs) yield pair[1]; }
    *entries() { for (const pair of this.#pairs) yield [...pair]; }
    [Symbol.iterator]() { return this.entries(); }
    toString() { return this.#pairs.map(([name, value]) => inForm(name) + '=' + inForm(value)).join('&'); }
  }
  const own = URLSearchParams.own;
  delete URLSearchParams.own;

  // ---- hosts ----

  function punycode(label) {
    if (!/[^\x00-\x7f]/.test(label)) return label;
    const points = [...label].map((sign) => sign.codePointAt(0));
    let output = points.filter((point) => point < 128).map((point) => String.fromCharCode(point)).join('');
    let handled = output.length;
    const basic = handled;
    if (basic) output += '-';
    let [n, delta, bias] = [128, 0, 72];
    const digit = (value) => String.fromCharCode(value + (value < 26 ? 97 : 22));
    while (handled < points.length) {
      const next = Math.min(...points.filter((point) => point >= n));
      delta += (next - n) * (handled + 1);
      n = next;
      for (const point of points) {
        if (point < n) delta++;
        if (point !== n) continue;
        let rest = delta;
        for (let k = 36; ; k += 36) {
          const t = k <= bias ? 1 : k >= bias + 26 ? 26 : k - bias;
          if (rest < t) break;
          output += digit(t + ((rest - t) % (36 - t)));
          rest = Math.floor((rest - t) / (36 - t));
        }
        output += digit(rest);
        delta = handled === basic ? Math.floor(delta / 700) : delta >> 1;
        delta += Math.floor(delta / (handled + 1));
        let k = 0;
        for (; delta > 455; k += 36) delta = Math.floor(delta / 35);
        bias = k + Math.floor((36 * delta) / (delta + 38));
        delta = 0;
        handled++;
      }
      delta++;
      n++;
    }
    return 'xn--' + output;
  }

  const invalid = () => {
    throw new TypeError('Invalid URL');
  };

  function host(text) {
    if (/^\[[0-9a-f:.]+\]$/i.test(text)) return text.toLowerCase();
    let name;
    try {
      name = decodeURIComponent(text);
    } catch {
      return invalid();
    }
    name = name.normalize('NFKC').toLowerCase().replace(/[\u3002\uff0e\uff61]/g, '.').replace(/\u00ad/g, '');
    name = name.split('.').map(punycode).join('.');
    if (name === '' || /[\x00-\x20"#%\/:<>?@[\\\]^`{|}\x7f]/.test(name)) invalid();
    if (/(?:^|\.)(?:\d+|0x[0-9a-f]*)\.?$/.test(name)) {
      const numbers = name.replace(/\.$/, '').split('.');
      if (numbers.length !== 4 || !numbers.every((number) => /^(?:0|[1-9]\d{0,2})$/.test(number) && Number(number) < 256)) invalid();
      return numbers.join('.');
    }
    return name;
  }

  // ---- URL ----

  const PORTS = { 'http:': '80', 'https:': '443', 'ws:': '80', 'wss:': '443', 'ftp:': '21', 'file:': '' };
  const isSpecial = (protocol) => Object.hasOwn(PORTS, protocol);

  function segments(path, special, before) {
    const result = before;
    const parts = (special ? path.replace(/\\/g, '/') : path).split('/');
    parts.forEach((part, index) => {
      const last = index === parts.length - 1;
      const dots = part.replace(/%2e/gi, '.');
      if (dots === '..') { result.pop(); if (last) result.push(''); }
      else if (dots === '.') { if (last) result.push(''); }
      else result.push(inPath(part));
    });
    return result;
  }

  function parse(input, base) {
    let text = String(input).replace(/^[\x00-\x20]+|[\x00-\x20]+$/g, '').replace(/[\t\n\r]/g, '');
    const url = { protocol: '', username: '', password: '', host: null, port: '', path: [], opaque: null, search: null, hash: null };
    const hashAt = text.indexOf('#');
    if (hashAt >= 0) [url.hash, text] = [inFragment(text.slice(hashAt + 1)), text.slice(0, hashAt)];
    const scheme = /^([a-z][a-z0-9+.-]*):/i.exec(text);
    if (scheme) {
      url.protocol = scheme[0].toLowerCase();
      text = text.slice(scheme[0].length);
    } else {
      if (!base || (base.opaque !== null && (text !== '' || hashAt < 0))) invalid();
      url.protocol = base.protocol;
    }
    const special = isSpecial(url.protocol);
    const queryAt = text.indexOf('?');
    const hasQuery = queryAt >= 0;
    if (hasQuery) [url.search, text] = [(special ? inSpecialQuery : inQuery)(text.slice(queryAt + 1)), text.slice(0, queryAt)];
    const slashed = special ? text.replace(/\\/g, '/') : text;
    const relative = !scheme || (special && base && base.protocol === url.protocol && !slashed.startsWith('/'));
    if (relative && base && !slashed.startsWith('//')) {
      Object.assign(url, { username: base.username, password: base.password, host: base.host, port: base.port, opaque: base.opaque });
      if (text === '') {
        url.path = base.path;
        if (!hasQuery) url.search = base.search;
      } else if (slashed.startsWith('/')) url.path = segments(slashed.slice(1), special, []);
      else url.path = segments(text, special, base.path.slice(0, -1));
      return url;
    }
    if (special ? url.protocol !== 'file:' || slashed.startsWith('//') : slashed.startsWith('//')) {
      const rest = slashed.replace(special && url.protocol !== 'file:' ? /^\/*/ : /^\/\//, '');
      const end = rest.indexOf('/');
      authority(url, end < 0 ? rest : rest.slice(0, end), special);
      url.path = end < 0 ? (special ? [''] : []) : segments(rest.slice(end + 1), special, []);
    } else if (special) Object.assign(url, { host: '', path: segments(slashed.replace(/^\//, ''), special, []) });
    else if (text.startsWith('/')) url.path = segments(text.slice(1), special, []);
    else url.opaque = inOpaque(text);
    return url;
  }

  function authority(url, text, special) {
    const at = text.lastIndexOf('@');
    if (at >= 0) {
      const [, user, password] = /^([^:]*):?([\s\S]*)$/.exec(text.slice(0, at));
      [url.username, url.password] = [inUser(user), inUser(password)];
    }
    const found = /^(\[[^\]]*\]|[^:]*)(?::(\d*))?$/.exec(text.slice(at + 1));
    if (!found || Number(found[2] ?? 0) > 65535) invalid();
    if (found[1] === '' && special && url.protocol !== 'file:') invalid();
    url.host = found[1] === '' ? '' : special ? host(found[1]) : inOpaque(found[1]);
    const port = found[2] ? String(Number(found[2])) : '';
    url.port = port === PORTS[url.protocol] ? '' : port;
  }

  class URL {
    #url;
    #params = new URLSearchParams();
    constructor(input, base) {
      this.#url = parse(input, base === undefined ? undefined : new URL(base).#url);
      own(this.#params, this, this.#url.search ?? '');
    }
    static canParse(input, base) {
      try {
        return Boolean(new URL(input, base));
      } catch {
        return false;
      }
    }
    static parse(input, base) { return URL.canParse(input, base) ? new URL(input, base) : null; }
    static change(url, text) { url.#url.search = text === '' ? null : text; }
    #replace(text) {
      this.#url = parse(text);
      own(this.#params, this, this.#url.search ?? '');
    }
    get protocol() { return this.#url.protocol; }
    set protocol(value) { this.#replace(this.href.replace(/^[^:]*:?/, String(value).replace(/:.*$/, '') + ':')); }
    get username() { return this.#url.username; }
    set username(value) { this.#url.username = inUser(String(value)); }
    get password() { return this.#url.password; }
    set password(value) { this.#url.password = inUser(String(value)); }
    get hostname() { return this.#url.host ?? ''; }
    set hostname(value) { this.#url.host = isSpecial(this.protocol) ? host(String(value)) : inOpaque(String(value)); }
    get port() { return this.#url.port; }
    set port(value) {
      const digits = /^\d*/.exec(String(value))[0];
      if (Number(digits) < 65536) this.#url.port = digits === PORTS[this.protocol] || digits === '' ? '' : String(Number(digits));
    }
    get host() { return this.hostname + (this.port ? ':' + this.port : ''); }
    set host(value) { authority(this.#url, String(value), isSpecial(this.protocol)); }
    get origin() { return isSpecial(this.protocol) && this.protocol !== 'file:' ? this.protocol + '//' + this.host : 'null'; }
    get pathname() { return this.#url.opaque ?? (this.#url.path.length ? '/' + this.#url.path.join('/') : ''); }
    set pathname(value) { if (this.#url.opaque === null) this.#url.path = segments(String(value).replace(/^[\/\\]/, '').replace(/#/g, '%23').replace(/\?/g, '%3F'), isSpecial(this.protocol), []); }
    get search() { return this.#url.search ? '?' + this.#url.search : ''; }
    set search(value) {
      const text = String(value);
      this.#url.search = text === '' ? null : (isSpecial(this.protocol) ? inSpecialQuery : inQuery)(text.replace(/^\?/, ''));
      own(this.#params, this, this.#url.search ?? '');
    }
    get searchParams() { return this.#params; }
    get hash() { return this.#url.hash ? '#' + this.#url.hash : ''; }
    set hash(value) { this.#url.hash = String(value) === '' ? null : inFragment(String(value).replace(/^#/, '')); }
    get href() {
      const { username, password, host: name, search, hash } = this.#url;
      const user = username || password ? username + (password ? ':' + password : '') + '@' : '';
      return this.protocol + (name === null ? '' : '//' + user + this.host) + this.pathname + (search === null ? '' : '?' + search) + (hash === null ? '' : '#' + hash);
    }
    set href(value) { this.#replace(value); }
    toString() { return this.href; }
    toJSON() { return this.href; }
  }
  changed = URL.change;
  delete URL.change;
  define('URL', URL);
  define('URLSearchParams', URLSearchParams);

  // ---- structuredClone, console ----

  const uncloneable = (value) => {
    throw new TypeError(`${typeof value === 'symbol' ? 'A symbol' : 'A function'} could not be cloned.`);
  };

  function clone(value, seen) {
    if (typeof value === 'function' || typeof value === 'symbol') uncloneable(value);
    if (value === null || typeof value !== 'object') return value;
    if (seen.has(value)) return seen.get(value);
    const keep = (copy) => (seen.set(value, copy), copy);
    if (value instanceof Date) return keep(new Date(value.getTime()));
    if (value instanceof RegExp) return keep(new RegExp(value.source, value.flags));
    if (value instanceof Error) return keep(Object.assign(new value.constructor(value.message), { stack: value.stack }));
    if (value instanceof Map) {
      const copy = keep(new Map());
      for (const [key, one] of value) copy.set(clone(key, seen), clone(one, seen));
      return copy;
    }
    if (value instanceof Set) {
      const copy = keep(new Set());
      for (const one of value) copy.add(clone(one, seen));
      return copy;
    }
    if (value instanceof ArrayBuffer) return keep(value.slice(0));
    if (ArrayBuffer.isView(value)) return keep(value.slice ? value.slice() : new DataView(value.buffer.slice(0)));
    const copy = keep(Array.isArray(value) ? new Array(value.length) : {});
    for (const key of Object.keys(value)) copy[key] = clone(value[key], seen);
    return copy;
  }
  define('structuredClone', function structuredClone(value) {
    return clone(value, new Map());
  });
  const nothing = () => undefined;
  define('console', { log: nothing, info: nothing, warn: nothing, error: nothing, debug: nothing });
})();
