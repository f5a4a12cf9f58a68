-- The functions that BigQuery's spelling of user SQL is translated to. All of them compute from their arguments alone.
-- Each body is parsed here, once, so that neither the search path nor a later schema of a user's changes what it means.
-- A complaint has the code CAI01: its text holds no data and is shown to the user.

-- `because` is what the complaint depends on: without it the planner would compute a call of constants, and fail, before any row is read.
CREATE FUNCTION bq.complain(message text, because text) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN RAISE EXCEPTION USING ERRCODE = 'CAI01', MESSAGE = message; END $$;

CREATE FUNCTION bq.row_fits(size integer) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN CASE WHEN size <= 4194304 THEN true ELSE bq.complain('A row of the result is larger than 4 MB: select fewer or shorter columns.', size::text) END;

-- Moments. Units: microsecond … hour, day, week_0 (Sunday) … week_6, isoweek, month, quarter, year, isoyear.

CREATE FUNCTION bq.span(amount bigint, unit text) RETURNS interval LANGUAGE sql IMMUTABLE
RETURN CASE unit
    WHEN 'quarter' THEN make_interval(months => (amount * 3)::integer)
    WHEN 'month' THEN make_interval(months => amount::integer)
    WHEN 'year' THEN make_interval(years => amount::integer)
    WHEN 'week' THEN make_interval(weeks => amount::integer)
    WHEN 'day' THEN make_interval(days => amount::integer)
    WHEN 'hour' THEN amount * interval '1 hour'
    WHEN 'minute' THEN amount * interval '1 minute'
    WHEN 'second' THEN amount * interval '1 second'
    WHEN 'millisecond' THEN amount * interval '1 millisecond'
    WHEN 'microsecond' THEN amount * interval '1 microsecond'
    END;

CREATE FUNCTION bq.date_add(moment date, amount bigint, unit text) RETURNS date LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN unit IN ('day', 'week', 'month', 'quarter', 'year') THEN (moment + bq.span(amount, unit))::date
    WHEN bq.complain('A DATE has no hours: use TIMESTAMP_ADD or TIMESTAMP_SUB.', unit) THEN NULL::date
    END;

CREATE FUNCTION bq.date_add(moment timestamp, amount bigint, unit text) RETURNS timestamp LANGUAGE sql IMMUTABLE
RETURN moment + bq.span(amount, unit);

CREATE FUNCTION bq.date_add(moment timestamptz, amount bigint, unit text) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN (moment AT TIME ZONE 'UTC' + bq.span(amount, unit)) AT TIME ZONE 'UTC';

CREATE FUNCTION bq.date_trunc(moment timestamp, unit text) RETURNS timestamp LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN unit LIKE 'week\_%' THEN
        date_trunc('day', moment) - make_interval(days => (extract(dow FROM moment)::integer - right(unit, 1)::integer + 7) % 7)
    WHEN unit = 'isoweek' THEN date_trunc('week', moment)
    WHEN unit = 'isoyear' THEN date_trunc('week', make_date(extract(isoyear FROM moment)::integer, 1, 4)::timestamp)
    ELSE date_trunc(unit, moment)
    END;

CREATE FUNCTION bq.date_trunc(moment date, unit text) RETURNS date LANGUAGE sql IMMUTABLE
RETURN bq.date_trunc(moment::timestamp, unit)::date;

CREATE FUNCTION bq.date_trunc(moment timestamptz, unit text) RETURNS timestamptz LANGUAGE sql IMMUTABLE
RETURN bq.date_trunc(moment AT TIME ZONE 'UTC', unit) AT TIME ZONE 'UTC';

CREATE FUNCTION bq.date_diff(a date, b date, unit text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN unit = 'day' THEN (a - b)::bigint
    WHEN unit LIKE 'week\_%' OR unit = 'isoweek' THEN ((bq.date_trunc(a, unit) - bq.date_trunc(b, unit)) / 7)::bigint
    WHEN unit = 'isoyear' THEN (extract(isoyear FROM a) - extract(isoyear FROM b))::bigint
    WHEN unit = 'year' THEN (extract(year FROM a) - extract(year FROM b))::bigint
    WHEN unit = 'quarter' THEN
        ((extract(year FROM a) - extract(year FROM b)) * 4 + extract(quarter FROM a) - extract(quarter FROM b))::bigint
    ELSE ((extract(year FROM a) - extract(year FROM b)) * 12 + extract(month FROM a) - extract(month FROM b))::bigint
    END;

CREATE FUNCTION bq.date_diff(a timestamptz, b timestamptz, unit text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN bq.date_diff((a AT TIME ZONE 'UTC')::date, (b AT TIME ZONE 'UTC')::date, unit);

CREATE FUNCTION bq.micros(moment timestamp) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN (extract(epoch FROM moment) * 1000000)::bigint;

CREATE FUNCTION bq.unit_micros(unit text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE unit
    WHEN 'microsecond' THEN 1 WHEN 'millisecond' THEN 1000 WHEN 'second' THEN 1000000
    WHEN 'minute' THEN 60000000 WHEN 'hour' THEN 3600000000 WHEN 'day' THEN 86400000000 END;

-- Whole units between two moments, cut towards zero.
CREATE FUNCTION bq.timestamp_diff(a timestamptz, b timestamptz, unit text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN (bq.micros(a AT TIME ZONE 'UTC') - bq.micros(b AT TIME ZONE 'UTC')) / bq.unit_micros(unit);

-- Boundaries between two moments.
CREATE FUNCTION bq.datetime_diff(a timestamp, b timestamp, unit text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN unit IN ('microsecond', 'millisecond', 'second', 'minute', 'hour') THEN
        (bq.micros(date_trunc(unit, a)) - bq.micros(date_trunc(unit, b))) / bq.unit_micros(unit)
    ELSE bq.date_diff(a::date, b::date, unit)
    END;

CREATE FUNCTION bq.datetime_diff(a timestamptz, b timestamptz, unit text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN bq.datetime_diff(a AT TIME ZONE 'UTC', b AT TIME ZONE 'UTC', unit);

CREATE FUNCTION bq.extract(moment timestamp, part text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN part = 'dayofweek' THEN extract(dow FROM moment)::bigint + 1
    WHEN part = 'dayofyear' THEN extract(doy FROM moment)::bigint
    WHEN part LIKE 'week\_%' THEN
        (extract(doy FROM moment)::bigint + 6 - (extract(dow FROM moment)::bigint - right(part, 1)::bigint + 7) % 7) / 7
    WHEN part = 'isoweek' THEN extract(week FROM moment)::bigint
    WHEN part = 'microsecond' THEN extract(microseconds FROM moment)::bigint % 1000000
    WHEN part = 'millisecond' THEN (extract(microseconds FROM moment)::bigint % 1000000) / 1000
    ELSE floor(date_part(part, moment))::bigint
    END;

CREATE FUNCTION bq.extract(moment date, part text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN bq.extract(moment::timestamp, part);

CREATE FUNCTION bq.extract(moment timestamptz, part text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN bq.extract(moment AT TIME ZONE 'UTC', part);

CREATE FUNCTION bq.last_day(moment date, unit text) RETURNS date LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN unit = 'day' THEN moment
    WHEN unit LIKE 'week\_%' OR unit = 'isoweek' THEN bq.date_trunc(moment, unit) + 6
    WHEN unit = 'isoyear' THEN bq.date_trunc(bq.date_trunc(moment, unit) + 375, unit) - 1
    ELSE (bq.date_trunc(moment, unit) + bq.span(1, unit))::date - 1
    END;

-- Numbers. Halves are rounded away from zero; number columns are double precision, which the database's own forms do not take.

CREATE FUNCTION bq.round(x numeric, digits bigint DEFAULT 0) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN round(x, digits::integer);

CREATE FUNCTION bq.round(x double precision, digits bigint DEFAULT 0) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN CASE WHEN x IN ('NaN', 'Infinity', '-Infinity') THEN x ELSE round(x::numeric, digits::integer)::double precision END;

CREATE FUNCTION bq.round(x bigint, digits bigint DEFAULT 0) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN round(x::numeric, digits::integer);

CREATE FUNCTION bq.trunc(x numeric, digits bigint DEFAULT 0) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN trunc(x, digits::integer);

CREATE FUNCTION bq.trunc(x double precision, digits bigint DEFAULT 0) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN CASE WHEN x IN ('NaN', 'Infinity', '-Infinity') THEN x ELSE trunc(x::numeric, digits::integer)::double precision END;

CREATE FUNCTION bq.trunc(x bigint, digits bigint DEFAULT 0) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN trunc(x::numeric, digits::integer);

CREATE FUNCTION bq.mod(a bigint, b bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN a % b;

CREATE FUNCTION bq.mod(a numeric, b numeric) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN a % b;

CREATE FUNCTION bq.mod(a double precision, b double precision) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN (a::numeric % b::numeric)::double precision;

CREATE FUNCTION bq.div(a double precision, b double precision) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN div(a::numeric, b::numeric)::bigint;

CREATE FUNCTION bq.ieee_divide(a double precision, b double precision) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN b <> 0 OR b IS NULL OR a IS NULL THEN a / b
    WHEN a = 0 OR a = 'NaN' THEN 'NaN'
    WHEN a > 0 THEN 'Infinity'
    ELSE '-Infinity' END;

CREATE FUNCTION bq.to_int64(x double precision) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN round(x::numeric)::bigint;

CREATE FUNCTION bq.to_int64(x numeric) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN round(x)::bigint;

CREATE FUNCTION bq.to_int64(x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN x;

CREATE FUNCTION bq.to_int64(x boolean) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN x::integer::bigint;

CREATE FUNCTION bq.to_int64(x text) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN x::bigint;

CREATE FUNCTION bq.to_int64(x jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN x::bigint;

-- Safe casts: NULL where the cast would fail. In plpgsql: a constant in a plain expression is computed too early, and fails.

CREATE FUNCTION bq.safe_cast_int64(x text) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF pg_input_is_valid(x, 'bigint') THEN RETURN x::bigint; END IF; RETURN NULL; END $$;

CREATE FUNCTION bq.safe_cast_int64(x numeric) RETURNS bigint LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF abs(x) < 9223372036854775807 THEN RETURN round(x)::bigint; END IF; RETURN NULL; END $$;

CREATE FUNCTION bq.safe_cast_int64(x double precision) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN bq.safe_cast_int64(x::numeric);

CREATE FUNCTION bq.safe_cast_int64(x bigint) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN x;

CREATE FUNCTION bq.safe_cast_int64(x boolean) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN x::integer::bigint;

CREATE FUNCTION bq.safe_cast_float64(x text) RETURNS double precision LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF pg_input_is_valid(x, 'double precision') THEN RETURN x::double precision; END IF; RETURN NULL; END $$;

CREATE FUNCTION bq.safe_cast_float64(x double precision) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN x;

CREATE FUNCTION bq.safe_cast_float64(x boolean) RETURNS double precision LANGUAGE sql IMMUTABLE
RETURN NULL::double precision;

CREATE FUNCTION bq.safe_cast_numeric(x text) RETURNS numeric LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF pg_input_is_valid(x, 'numeric') THEN RETURN x::numeric; END IF; RETURN NULL; END $$;

CREATE FUNCTION bq.safe_cast_numeric(x numeric) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN x;

CREATE FUNCTION bq.safe_cast_numeric(x double precision) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN x::numeric;

CREATE FUNCTION bq.safe_cast_numeric(x boolean) RETURNS numeric LANGUAGE sql IMMUTABLE
RETURN NULL::numeric;

CREATE FUNCTION bq.safe_cast_bool(x text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN CASE lower(x) WHEN 'true' THEN true WHEN 'false' THEN false END;

CREATE FUNCTION bq.safe_cast_bool(x double precision) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN x <> 0;

CREATE FUNCTION bq.safe_cast_bool(x boolean) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN x;

CREATE FUNCTION bq.safe_cast_date(x text) RETURNS date LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN
    IF x ~ '^\d{4}-\d{1,2}-\d{1,2}' AND pg_input_is_valid(x, 'timestamptz') THEN RETURN left(x, 10)::date; END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION bq.safe_cast_datetime(x text) RETURNS timestamp LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN
    IF x ~ '^\d{4}-\d{1,2}-\d{1,2}' AND pg_input_is_valid(x, 'timestamp') THEN RETURN x::timestamp; END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION bq.safe_cast_timestamp(x text) RETURNS timestamptz LANGUAGE plpgsql STABLE AS
$$ BEGIN
    IF x ~ '^\d{4}-\d{1,2}-\d{1,2}' AND pg_input_is_valid(x, 'timestamptz') THEN RETURN x::timestamptz; END IF;
    RETURN NULL;
END $$;

CREATE FUNCTION bq.safe_cast_json(x text) RETURNS jsonb LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN IF pg_input_is_valid(x, 'jsonb') THEN RETURN x::jsonb; END IF; RETURN NULL; END $$;

-- Texts.

CREATE FUNCTION bq.ends_with(x text, ending text) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN right(x, length(ending)) = ending OR (ending = '' AND x IS NOT NULL);

CREATE FUNCTION bq.substr(x text, start bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN start < 0 THEN substr(x, greatest(length(x) + start + 1, 1)::integer)
    ELSE substr(x, greatest(start, 1)::integer) END;

CREATE FUNCTION bq.substr(x text, start bigint, size bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN left(bq.substr(x, start), CASE WHEN size >= 0 OR bq.complain('SUBSTR cannot give a negative number of characters.', size::text) THEN size::integer END);

CREATE FUNCTION bq.repeat(x text, times bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE
    WHEN length(x) * times <= 100000 OR bq.complain('REPEAT gives at most 100,000 characters here.', times::text) THEN repeat(x, greatest(times, 0)::integer) END;

CREATE FUNCTION bq.lpad(x text, size bigint, filler text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN size <= 100000 OR bq.complain('LPAD gives at most 100,000 characters here.', size::text) THEN lpad(x, size::integer, filler) END;

CREATE FUNCTION bq.rpad(x text, size bigint, filler text DEFAULT ' ') RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN size <= 100000 OR bq.complain('RPAD gives at most 100,000 characters here.', size::text) THEN rpad(x, size::integer, filler) END;

CREATE FUNCTION bq.split(x text, delimiter text) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN x = '' THEN ARRAY[''] WHEN delimiter = '' THEN string_to_array(x, NULL) ELSE string_to_array(x, delimiter) END;

CREATE FUNCTION bq.regexp_extract_all(x text, pattern text) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN x IS NOT NULL THEN ARRAY(SELECT found[1] FROM regexp_matches(x, pattern, 'g') AS found) END;

-- Objects and arrays. An array column is jsonb; its items come out as text.

CREATE FUNCTION bq.json_query(v jsonb, path text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN v #> path;

CREATE FUNCTION bq.json_query(v text, path text[]) RETURNS jsonb LANGUAGE sql IMMUTABLE
RETURN bq.safe_cast_json(v) #> path;

CREATE FUNCTION bq.json_text(v jsonb, path text[]) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jsonb_typeof(v #> path) IN ('object', 'array') THEN NULL ELSE v #>> path END;

CREATE FUNCTION bq.json_text(v text, path text[]) RETURNS text LANGUAGE sql IMMUTABLE
RETURN bq.json_text(bq.safe_cast_json(v), path);

CREATE FUNCTION bq.field(v jsonb, key text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN v ->> key;

CREATE FUNCTION bq.field(v text, key text) RETURNS text LANGUAGE sql IMMUTABLE
RETURN bq.safe_cast_json(v) ->> key;

CREATE FUNCTION bq.texts(v jsonb) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jsonb_typeof(v) = 'array' THEN ARRAY(SELECT jsonb_array_elements_text(v)) END;

CREATE FUNCTION bq.items(v jsonb) RETURNS jsonb[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jsonb_typeof(v) = 'array' THEN ARRAY(SELECT jsonb_array_elements(v)) END;

CREATE FUNCTION bq.json_texts(v jsonb, path text[]) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN bq.texts(v #> path);

CREATE FUNCTION bq.json_texts(v text, path text[]) RETURNS text[] LANGUAGE sql IMMUTABLE
RETURN bq.texts(bq.safe_cast_json(v) #> path);

CREATE FUNCTION bq.json_items(v jsonb, path text[]) RETURNS jsonb[] LANGUAGE sql IMMUTABLE
RETURN bq.items(v #> path);

CREATE FUNCTION bq.json_items(v text, path text[]) RETURNS jsonb[] LANGUAGE sql IMMUTABLE
RETURN bq.items(bq.safe_cast_json(v) #> path);

-- JSON without blanks, as BigQuery writes it.
CREATE FUNCTION bq.to_json_string(v jsonb) RETURNS text LANGUAGE plpgsql IMMUTABLE AS
$$ BEGIN
    RETURN CASE jsonb_typeof(v)
        WHEN 'object' THEN
            (SELECT '{' || coalesce(string_agg(to_json(e.key)::text || ':' || bq.to_json_string(e.value), ',' ORDER BY e.at), '') || '}'
             FROM jsonb_each(v) WITH ORDINALITY AS e(key, value, at))
        WHEN 'array' THEN
            (SELECT '[' || coalesce(string_agg(bq.to_json_string(e.value), ',' ORDER BY e.at), '') || ']'
             FROM jsonb_array_elements(v) WITH ORDINALITY AS e(value, at))
        ELSE coalesce(v::text, 'null') END;
END $$;

CREATE FUNCTION bq.unnest(v jsonb) RETURNS SETOF text LANGUAGE sql IMMUTABLE ROWS 10
BEGIN ATOMIC
    SELECT jsonb_array_elements_text(CASE WHEN jsonb_typeof(v) = 'array' THEN v ELSE '[]' END);
END;

CREATE FUNCTION bq.unnest(v anyarray) RETURNS SETOF anyelement LANGUAGE sql IMMUTABLE ROWS 100 AS
$$ SELECT pg_catalog.unnest(v) $$;

CREATE FUNCTION bq.array_length(v jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE
RETURN CASE WHEN jsonb_typeof(v) = 'array' THEN jsonb_array_length(v)::bigint END;

CREATE FUNCTION bq.array_length(v anyarray) RETURNS bigint LANGUAGE sql IMMUTABLE AS
$$ SELECT pg_catalog.cardinality(v)::bigint $$;

CREATE FUNCTION bq.item(v jsonb, at bigint) RETURNS text LANGUAGE sql IMMUTABLE
RETURN CASE WHEN at >= 0 THEN v ->> at::integer END;

CREATE FUNCTION bq.item(v anyarray, at bigint) RETURNS anyelement LANGUAGE sql IMMUTABLE AS
$$ SELECT v[(at + 1)::integer] $$;

-- Lists that are computed: bounded, since all of one is held.

CREATE FUNCTION bq.listed(count double precision) RETURNS boolean LANGUAGE sql IMMUTABLE
RETURN coalesce(count, 0) <= 1000000 OR bq.complain('A list that is computed has at most 1,000,000 items here.', count::text);

CREATE FUNCTION bq.series(first bigint, last bigint, step bigint DEFAULT 1) RETURNS SETOF bigint LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT generate_series(first, last, step)
    WHERE step <> 0 AND bq.listed((last::double precision - first::double precision) / step);
END;

CREATE FUNCTION bq.series(first timestamptz, last timestamptz, step interval) RETURNS SETOF timestamptz LANGUAGE sql IMMUTABLE
BEGIN ATOMIC
    SELECT generate_series(first, last, step, 'UTC')
    WHERE extract(epoch FROM step) <> 0 AND bq.listed((extract(epoch FROM last - first) / extract(epoch FROM step))::double precision);
END;

CREATE FUNCTION bq.generate_array(first bigint, last bigint, step bigint DEFAULT 1) RETURNS bigint[] LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT bq.series(first, last, step));

CREATE FUNCTION bq.generate_array(first numeric, last numeric, step numeric DEFAULT 1) RETURNS numeric[] LANGUAGE sql IMMUTABLE
RETURN CASE WHEN step <> 0 AND bq.listed(((last - first) / step)::double precision) THEN ARRAY(SELECT generate_series(first, last, step)) END;

CREATE FUNCTION bq.generate_moments(first date, last date, step interval) RETURNS date[] LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT (s AT TIME ZONE 'UTC')::date FROM bq.series(first::timestamp AT TIME ZONE 'UTC', last::timestamp AT TIME ZONE 'UTC', step) AS s);

CREATE FUNCTION bq.generate_moments(first timestamptz, last timestamptz, step interval) RETURNS timestamptz[] LANGUAGE sql IMMUTABLE
RETURN ARRAY(SELECT bq.series(first, last, step));
