// Intl and the locale methods for en-US and UTC. Another locale, another zone or an option not known here is an error, not a wrong answer.
(() => {
  'use strict';
  const G = globalThis;
  const define = (object, key, value) => Object.defineProperty(object, key, { value, writable: true, configurable: true, enumerable: false });
  const refuse = (what) => {
    throw new RangeError(what);
  };

  function checkLocale(locales) {
    for (const locale of locales === undefined ? [] : Array.isArray(locales) ? locales : [locales]) {
      if (!/^en(?:-US)?$/i.test(String(locale))) refuse(`Only the locale en-US is available here, not ${String(locale)}`);
    }
  }

  function checkOptions(given, known) {
    if (given === undefined) return {};
    const options = {};
    for (const name of Object.keys(Object(given))) {
      const value = given[name];
      if (value === undefined) continue;
      const allowed = Object.hasOwn(known, name) ? known[name] : undefined;
      if (allowed === undefined) refuse(`The option ${name} is not available here`);
      if (Array.isArray(allowed) && !allowed.includes(value)) refuse(`The option ${name}: ${String(value)} is not available here`);
      options[name] = value;
    }
    return options;
  }

  // ---- numbers ----

  // A number as decimal digits and the place of the point in them, as it is printed: 1234.5 is {digits: '12345', point: 4}.
  function decimal(value) {
    if (typeof value === 'bigint') return { negative: value < 0n, digits: String(value < 0n ? -value : value), point: String(value).replace('-', '').length };
    const [mantissa, exponent] = Math.abs(value).toExponential().split('e');
    return { negative: value < 0 || Object.is(value, -0), digits: mantissa.replace('.', ''), point: Number(exponent) + 1 };
  }

  // Rounded half away from zero to so many digits behind the point (negative: before it).
  function rounded({ negative, digits, point }, places) {
    const keep = point + places;
    if (keep >= digits.length) return { negative, digits, point };
    if (keep < 0) return { negative, digits: '0', point: 1 };
    const up = digits[keep] >= '5';
    const kept = digits.slice(0, keep);
    if (!up) return { negative, digits: kept || '0', point: kept ? point : 1 };
    const increased = String(BigInt(kept || '0') + 1n).padStart(kept.length, '0');
    return { negative, digits: increased, point: point + increased.length - kept.length };
  }

  const isZero = (number) => /^0*$/.test(number.digits);

  function layOut({ digits, point }, least, minimumInteger, grouping) {
    const padded = point > 0 ? digits.padEnd(point, '0') : '0'.repeat(1 - point) + digits;
    const at = Math.max(point, 1);
    let whole = padded.slice(0, at).replace(/^0+(?=\d)/, '').padStart(minimumInteger, '0');
    const fraction = padded.slice(at).replace(/0+$/, '').padEnd(least, '0');
    if (grouping && !(grouping === 'min2' && whole.length < 5)) whole = whole.replace(/\B(?=(\d{3})+(?!\d))/g, ',');
    return fraction ? whole + '.' + fraction : whole;
  }

  const digitCounts = Array.from({ length: 101 }, (_, count) => count);
  const NUMBER_OPTIONS = {
    style: ['decimal', 'percent', 'currency'], currency: true, currencyDisplay: ['symbol', 'narrowSymbol', 'code'], currencySign: ['standard'],
    minimumIntegerDigits: digitCounts.slice(1, 22), minimumFractionDigits: digitCounts, maximumFractionDigits: digitCounts,
    minimumSignificantDigits: digitCounts.slice(1, 22), maximumSignificantDigits: digitCounts.slice(1, 22),
    useGrouping: [true, false, 'true', 'false', 'always', 'auto', 'min2'], notation: ['standard', 'compact'], compactDisplay: ['short', 'long'],
    signDisplay: ['auto', 'always', 'never', 'exceptZero', 'negative'], localeMatcher: true, numberingSystem: ['latn'],
  };
  const SYMBOLS = { USD: '$', EUR: '€', GBP: '£', JPY: '¥', INR: '₹', CAD: 'CA$', AUD: 'A$', BRL: 'R$', CNY: 'CN¥', KRW: '₩', MXN: 'MX$', NZD: 'NZ$', HKD: 'HK$', ILS: '₪', VND: '₫', TWD: 'NT$', PHP: '₱' };
  const NARROW = { CAD: '$', AUD: '$', CNY: '¥', MXN: '$', NZD: '$', HKD: '$', TWD: '$' };
  const NO_CENTS = new Set('BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF'.split(' '));
  const THOUSANDTHS = new Set('BHD IQD JOD KWD LYD OMR TND'.split(' '));
  const UNITS = [['K', ' thousand', 3], ['M', ' million', 6], ['B', ' billion', 9], ['T', ' trillion', 12]];

  function numberOptions(locales, given) {
    checkLocale(locales);
    const options = checkOptions(given, NUMBER_OPTIONS);
    options.style ??= 'decimal';
    options.notation ??= 'standard';
    if (options.style === 'currency') {
      if (options.currency === undefined) throw new TypeError('Currency code is required with currency style.');
      options.currency = String(options.currency).toUpperCase();
      if (!/^[A-Z]{3}$/.test(options.currency)) refuse(`Invalid currency code : ${options.currency}`);
    }
    const compact = options.notation === 'compact';
    const cents = options.style !== 'currency' ? 0 : NO_CENTS.has(options.currency) ? 0 : THOUSANDTHS.has(options.currency) ? 3 : 2;
    const { minimumFractionDigits: least, maximumFractionDigits: most } = options;
    if (least !== undefined && most !== undefined && least > most) refuse('maximumFractionDigits value is out of range.');
    options.fixed = least !== undefined || most !== undefined;
    options.least = least ?? Math.min(cents, most ?? cents);
    options.most = most ?? Math.max(options.least, options.style === 'currency' ? cents : options.style === 'percent' ? 0 : 3);
    options.significant = options.minimumSignificantDigits !== undefined || options.maximumSignificantDigits !== undefined;
    if ((options.minimumSignificantDigits ?? 1) > (options.maximumSignificantDigits ?? 21)) refuse('maximumSignificantDigits value is out of range.');
    const grouping = compact && (options.useGrouping ?? 'auto') === 'auto' ? 'min2' : (options.useGrouping ?? true);
    options.grouping = grouping === false || grouping === 'false' ? grouping === 'false' : grouping === 'min2' ? 'min2' : true;
    return options;
  }

  function significant(number, most) {
    const leading = number.digits.length - number.digits.replace(/^0+/, '').length;
    return rounded(number, most - (number.point - leading));
  }

  function body(number, options) {
    if (options.significant) {
      const kept = significant(number, options.maximumSignificantDigits ?? 21);
      const shown = kept.digits.replace(/^0+/, '').length || 1;
      const magnitude = kept.point - (kept.digits.length - shown);
      return [kept, layOut(kept, Math.max(0, (options.minimumSignificantDigits ?? 1) - magnitude), options.minimumIntegerDigits ?? 1, options.grouping)];
    }
    const kept = rounded(number, options.most);
    return [kept, layOut(kept, options.least, options.minimumIntegerDigits ?? 1, options.grouping)];
  }

  function compacted(number, options) {
    const detailed = options.fixed || options.significant;
    const shorten = (one) => (detailed ? body(one, options)[0] : one.point >= 2 ? rounded(one, 0) : significant(one, 2));
    const size = (one) => (isZero(one) ? 0 : one.point - (one.digits.length - one.digits.replace(/^0+/, '').length));
    const scaled = (unit) => ({ ...number, point: number.point - (unit < 0 ? 0 : UNITS[unit][2]) });
    let unit = UNITS.findLastIndex((one) => size(number) > one[2]);
    if (unit + 1 < UNITS.length && size(shorten(scaled(unit))) > 3) unit++; // 999,999 is a million
    const kept = shorten(scaled(unit));
    const text = detailed ? body(scaled(unit), options)[1] : layOut(kept, 0, options.minimumIntegerDigits ?? 1, options.grouping);
    if (unit < 0) return [kept, text];
    return [kept, text + UNITS[unit][options.compactDisplay === 'long' && options.style !== 'currency' ? 1 : 0]];
  }

  function formatNumber(value, options) {
    if (typeof value !== 'bigint') value = typeof value === 'string' && /^-?\d{16,}$/.test(value) ? BigInt(value) : Number(value);
    let negative, zero, text;
    if (value !== value) [negative, zero, text] = [false, true, 'NaN'];
    else if (value === Infinity || value === -Infinity) [negative, zero, text] = [value < 0, false, '∞'];
    else {
      const number = decimal(value);
      if (options.style === 'percent') number.point += isZero(number) ? 0 : 2;
      const [kept, shown] = options.notation === 'compact' ? compacted(number, options) : body(number, options);
      [negative, zero, text] = [number.negative, isZero(kept), shown];
    }
    if (options.style === 'percent') text += '%';
    if (options.style === 'currency') {
      const { currency, currencyDisplay } = options;
      const narrow = currencyDisplay === 'narrowSymbol' ? (NARROW[currency] ?? SYMBOLS[currency] ?? refuse(`The narrow symbol of ${currency} is not available here`)) : undefined;
      const symbol = currencyDisplay === 'code' ? currency : (narrow ?? SYMBOLS[currency] ?? currency);
      text = symbol + (symbol.length === 3 && /^[A-Z]+$/.test(symbol) ? '\u00a0' : '') + text;
    }
    const display = options.signDisplay ?? 'auto';
    if (display === 'never') return text;
    if (display === 'exceptZero' && zero) return text;
    if (negative && !(display === 'negative' && zero)) return '-' + text;
    return display === 'always' || display === 'exceptZero' ? '+' + text : text;
  }

  define(Number.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return formatNumber(Number.prototype.valueOf.call(this), numberOptions(locales, options));
  });
  define(BigInt.prototype, 'toLocaleString', function toLocaleString(locales, options) {
    return formatNumber(BigInt.prototype.valueOf.call(this), numberOptions(locales, options));
  });

  // ---- dates ----

  const MONTHS = 'January February March April May June July August September October November December'.split(' ');
  const DAYS = 'Sunday Monday Tuesday Wednesday Thursday Friday Saturday'.split(' ');
  const DATE_FIELDS = ['weekday', 'year', 'month', 'day'];
  const TIME_FIELDS = ['hour', 'minute', 'second', 'fractionalSecondDigits'];
  const numeric = ['numeric', '2-digit'];
  const styles = ['full', 'long', 'medium', 'short'];
  const DATE_OPTIONS = {
    weekday: ['long', 'short'], year: numeric, month: [...numeric, 'long', 'short'], day: numeric, hour: numeric, minute: numeric, second: numeric,
    fractionalSecondDigits: [1, 2, 3], hour12: [true, false], hourCycle: ['h12', 'h23'], timeZone: true, timeZoneName: ['short', 'long'],
    dateStyle: styles, timeStyle: styles, localeMatcher: true, formatMatcher: true, calendar: ['gregory'], numberingSystem: ['latn'],
  };
  const DATE_STYLES = {
    full: { weekday: 'long', year: 'numeric', month: 'long', day: 'numeric' }, long: { year: 'numeric', month: 'long', day: 'numeric' },
    medium: { year: 'numeric', month: 'short', day: 'numeric' }, short: { year: '2-digit', month: 'numeric', day: 'numeric' },
  };
  const TIME_STYLES = {
    full: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'long' },
    long: { hour: 'numeric', minute: '2-digit', second: '2-digit', timeZoneName: 'short' },
    medium: { hour: 'numeric', minute: '2-digit', second: '2-digit' }, short: { hour: 'numeric', minute: '2-digit' },
  };
  const COMBINATIONS = new Set(['', 'y', 'm', 'd', 'w', 'ym', 'md', 'ymd', 'wmd', 'wymd']);
  const pad = (number, width = 2) => String(number).padStart(width, '0');

  function dateOptions(locales, given, wanted) {
    checkLocale(locales);
    const options = checkOptions(given, DATE_OPTIONS);
    const zone = options.timeZone;
    if (zone !== undefined && !/^(?:utc|gmt|etc\/utc|etc\/gmt|\+00:00)$/i.test(String(zone))) refuse(`Only the time zone UTC is available here, not ${String(zone)}`);
    if (options.dateStyle || options.timeStyle) {
      if ([...DATE_FIELDS, ...TIME_FIELDS, 'timeZoneName'].some((name) => options[name] !== undefined)) throw new TypeError("Can't set option when dateStyle or timeStyle is used");
      if (options.dateStyle && wanted === 'time') throw new TypeError('Invalid option : dateStyle');
      if (options.timeStyle && wanted === 'date') throw new TypeError('Invalid option : timeStyle');
      return { ...options, ...DATE_STYLES[options.dateStyle], ...TIME_STYLES[options.timeStyle] };
    }
    const needed = wanted === 'date' ? DATE_FIELDS : wanted === 'time' ? TIME_FIELDS : [...DATE_FIELDS, ...TIME_FIELDS];
    if (!needed.some((name) => options[name] !== undefined)) {
      if (wanted !== 'time') Object.assign(options, { year: 'numeric', month: 'numeric', day: 'numeric' });
      if (wanted === 'time' || wanted === 'any') Object.assign(options, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
    }
    return options;
  }

  function formatDay(date, options) {
    const { weekday, year, month, day } = options;
    const combination = (weekday ? 'w' : '') + (year ? 'y' : '') + (month ? 'm' : '') + (day ? 'd' : '');
    if (!COMBINATIONS.has(combination)) refuse('This combination of weekday, year, month and day is not available here');
    const y = year === '2-digit' ? pad(((date.getUTCFullYear() % 100) + 100) % 100) : String(date.getUTCFullYear());
    if (year && date.getUTCFullYear() < 1) refuse('Years before 1 are not available here');
    const d = day === '2-digit' ? pad(date.getUTCDate()) : String(date.getUTCDate());
    const w = weekday && (weekday === 'long' ? DAYS[date.getUTCDay()] : DAYS[date.getUTCDay()].slice(0, 3));
    if (month === 'long' || month === 'short') {
      const m = month === 'long' ? MONTHS[date.getUTCMonth()] : MONTHS[date.getUTCMonth()].slice(0, 3);
      return (w ? w + ', ' : '') + m + (day ? ' ' + d : '') + (year ? (day ? ', ' : ' ') + y : '');
    }
    const m = month === '2-digit' ? pad(date.getUTCMonth() + 1) : String(date.getUTCMonth() + 1);
    const numbers = [month && m, day && d, year && y].filter(Boolean).join('/');
    return [w, numbers].filter(Boolean).join(', ');
  }

  function formatClock(date, options) {
    const { hour, minute, second, fractionalSecondDigits: fraction, hour12, hourCycle } = options;
    if (!hour && !minute && !second && !fraction) return '';
    if ((fraction && !minute) || (fraction && !second) || (hour && second && !minute)) refuse('This combination of hour, minute and second is not available here');
    const half = hour && (hour12 ?? hourCycle !== 'h23');
    const parts = [];
    if (hour) {
      const h = date.getUTCHours();
      const midnight = hour12 === false ? 24 : 0; // what Node prints for hour12: false
      const shown = half ? h % 12 || 12 : h || midnight;
      parts.push(half && hour !== '2-digit' ? String(shown) : pad(shown));
    }
    if (minute) parts.push(hour || second ? pad(date.getUTCMinutes()) : String(date.getUTCMinutes()));
    if (second) {
      const s = minute ? pad(date.getUTCSeconds()) : String(date.getUTCSeconds());
      parts.push(fraction ? s + '.' + pad(date.getUTCMilliseconds(), 3).slice(0, fraction) : s);
    }
    return parts.join(':') + (half ? (date.getUTCHours() < 12 ? ' AM' : ' PM') : '');
  }

  function formatDate(date, options) {
    const day = formatDay(date, options);
    let clock = formatClock(date, options);
    if (day && clock && options.weekday && !options.month) refuse('A weekday with a time and without a month is not available here');
    if (options.timeZoneName) {
      if (!options.minute) refuse('A time zone name without hours and minutes is not available here');
      clock += options.timeZoneName === 'long' ? ' Coordinated Universal Time' : ' UTC';
    }
    const joined = options.month === 'long' ? ' at ' : ', ';
    return [day, clock].filter(Boolean).join(joined);
  }

  for (const [name, wanted] of [['toLocaleDateString', 'date'], ['toLocaleTimeString', 'time'], ['toLocaleString', 'any']]) {
    const method = {
      [name](locales, options) {
        const time = Date.prototype.getTime.call(this);
        const checked = dateOptions(locales, options, wanted);
        return time !== time ? 'Invalid Date' : formatDate(this, checked);
      },
    }[name];
    define(Date.prototype, name, method);
  }

  // ---- collation: letters before accents before case, with the order of signs that en-US has ----

  const SIGNS = '\t\n\v\f\r\u0085\u2028\u2029 \u00a0_-–—,;:!?.…·\'‘’"“”()[]{}§¶@*/\\&#%‰†‡•`´˜^¨°©®+±÷×<=>|¦~¬¤¢$£¥€0123456789';
  const ORDER = new Map([...SIGNS].map((sign, index) => [sign, index + 1]));
  const FOLDED = { ß: 'ss', æ: 'ae', œ: 'oe', ø: 'o', đ: 'd', ł: 'l', ı: 'i' };

  function collationKeys(text) {
    const primary = [], secondary = [], tertiary = [];
    for (const sign of text.normalize('NFD')) {
      if (/\p{Mn}/u.test(sign)) {
        if (secondary.length) secondary[secondary.length - 1] += sign;
        continue;
      }
      const lower = sign.toLowerCase();
      const folded = FOLDED[lower];
      for (const one of folded ?? lower) {
        primary.push(ORDER.get(one) ?? one.codePointAt(0) + 1000);
        secondary.push(folded ? '\uffff' : '');
        tertiary.push(sign === lower ? 0 : 1);
      }
    }
    return [primary, secondary, tertiary];
  }

  function compareLists(left, right) {
    const count = Math.min(left.length, right.length);
    for (let index = 0; index < count; index++) if (left[index] !== right[index]) return left[index] < right[index] ? -1 : 1;
    return Math.sign(left.length - right.length);
  }

  const COLLATOR_OPTIONS = {
    numeric: [true, false], sensitivity: ['base', 'accent', 'case', 'variant'], usage: ['sort'], caseFirst: ['false'], ignorePunctuation: [false], localeMatcher: true,
  };

  function compareText(left, right, options) {
    if (left === right) return 0;
    if (options.numeric) {
      const split = (text) => text.match(/\d+|\D+/g) ?? [];
      const [one, other] = [split(left), split(right)];
      for (let index = 0; index < Math.min(one.length, other.length); index++) {
        const [a, b] = [one[index], other[index]];
        const order = /^\d/.test(a) && /^\d/.test(b) ? Number(a) - Number(b) : compareText(a, b, { sensitivity: options.sensitivity });
        if (order) return Math.sign(order);
      }
      return Math.sign(one.length - other.length);
    }
    const sensitivity = options.sensitivity ?? 'variant';
    const [one, other] = [collationKeys(left), collationKeys(right)];
    const levels = { base: [0], accent: [0, 1], case: [0, 2], variant: [0, 1, 2] }[sensitivity];
    for (const level of levels) {
      const order = compareLists(one[level], other[level]);
      if (order) return order;
    }
    return 0;
  }

  function collatorOptions(locales, options) {
    checkLocale(locales);
    return checkOptions(options, COLLATOR_OPTIONS);
  }

  define(String.prototype, 'localeCompare', function localeCompare(that, locales, options) {
    return compareText(String(this), String(that), collatorOptions(locales, options));
  });
  for (const name of ['toLocaleUpperCase', 'toLocaleLowerCase']) {
    const plainly = String.prototype[name.replace('Locale', '')];
    const method = { [name](locales) { checkLocale(locales); return plainly.call(this); } }[name];
    define(String.prototype, name, method);
  }

  // ---- Intl ----

  const resolved = (options) => ({ locale: 'en-US', ...options });
  class NumberFormat {
    #options;
    format;
    constructor(locales, options) {
      this.#options = numberOptions(locales, options);
      define(this, 'format', (value) => formatNumber(value, this.#options));
    }
    resolvedOptions() {
      const { style, currency, notation, least, most } = this.#options;
      return resolved({ numberingSystem: 'latn', style, ...(currency ? { currency } : {}), minimumFractionDigits: least, maximumFractionDigits: most, notation });
    }
  }
  class DateTimeFormat {
    #options;
    format;
    constructor(locales, options) {
      this.#options = dateOptions(locales, options, 'default');
      define(this, 'format', (date) => {
        const moment = date === undefined ? new Date() : new Date(date);
        if (Number.isNaN(moment.getTime())) refuse('Invalid time value');
        return formatDate(moment, this.#options);
      });
    }
    resolvedOptions() {
      return resolved({ calendar: 'gregory', numberingSystem: 'latn', timeZone: 'UTC' });
    }
  }
  class PluralRules {
    #ordinal;
    constructor(locales, options) {
      checkLocale(locales);
      this.#ordinal = checkOptions(options, { type: ['cardinal', 'ordinal'], localeMatcher: true }).type === 'ordinal';
    }
    select(number) {
      number = Math.abs(Number(number));
      if (!this.#ordinal) return number === 1 ? 'one' : 'other';
      const [one, two] = [number % 10, number % 100];
      if (one === 1 && two !== 11) return 'one';
      if (one === 2 && two !== 12) return 'two';
      return one === 3 && two !== 13 ? 'few' : 'other';
    }
  }
  class Collator {
    #options;
    compare;
    constructor(locales, options) {
      this.#options = collatorOptions(locales, options);
      define(this, 'compare', (left, right) => compareText(String(left), String(right), this.#options));
    }
    resolvedOptions() {
      return resolved({ usage: 'sort', sensitivity: 'variant', ...this.#options });
    }
  }
  class ListFormat {
    #options;
    constructor(locales, options) {
      checkLocale(locales);
      this.#options = checkOptions(options, { type: ['conjunction', 'disjunction'], style: ['long'], localeMatcher: true });
    }
    format(list) {
      const items = [...list];
      if (!items.every((item) => typeof item === 'string')) throw new TypeError('Iterable yielded a value which is not a string');
      const word = this.#options.type === 'disjunction' ? 'or' : 'and';
      if (items.length < 3) return items.join(` ${word} `);
      return items.slice(0, -1).join(', ') + `, ${word} ` + items.at(-1);
    }
  }
  const Intl = { NumberFormat, DateTimeFormat, PluralRules, Collator, ListFormat };
  for (const kind of Object.values(Intl)) {
    define(kind, 'supportedLocalesOf', (locales) => (Array.isArray(locales) ? locales : [locales]).filter((locale) => /^en(?:-US)?$/i.test(String(locale))));
  }
  define(Intl, 'getCanonicalLocales', (locales) => (checkLocale(locales), locales === undefined ? [] : ['en-US']));
  define(G, 'Intl', Intl);
})();
