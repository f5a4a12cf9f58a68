-- What a login of a workspace must not reach in the database that this is run in, taken from PUBLIC and left to the application.
-- A superuser runs it, after each creation of a database and each upgrade of PostgreSQL; running it again changes nothing.
-- The embedded database is hardened by every start. For another one, with the application's login in place of cargo_owner:
--   psql -d cargo_ai -c "SET cargo_ai.owner = 'cargo_owner'" -f harden.sql
DO $harden$
DECLARE
    owner text := current_setting('cargo_ai.owner');
    -- Patterns of LIKE. They read files, settings, other sessions, sizes and definitions, run SQL given as text, lock, wait or count.
    denied text[] := ARRAY[
        'pg\_%', 'lo\_%', 'loread', 'lowrite', 'has\_%\_privilege', 'txid\_%', '%\_to\_xml', '%\_to\_xmlschema', '%\_to\_xml\_and\_xmlschema',
        'ts\_stat', 'ts\_rewrite', 'set\_config', 'current\_setting', 'nextval', 'currval', 'setval', 'lastval', 'currtid%',
        'inet\_client\_%', 'inet\_server\_%', 'version', 'obj\_description', 'col\_description', 'shobj\_description', 'to\_reg%',
        'regclass', 'format\_type', 'row\_security\_active', 'brin\_%', 'gin\_clean\_pending\_list', 'binary\_upgrade\_%', 'current\_schema%',
        'aclexplode', 'acldefault', 'makeaclitem', 'aclcontains', 'getdatabaseencoding', 'oidvectortypes', 'dblink%', 'unicode\_version',
        'icu\_unicode\_version', 'error\_on\_null', 'ts\_debug'
    ];
    kept text[] := ARRAY['pg_input_is_valid', 'pg_column_size', 'pg_typeof'];
    one record;
BEGIN
    FOR one IN
        SELECT p.oid::regprocedure AS name FROM pg_proc p
        WHERE p.pronamespace = 'pg_catalog'::regnamespace AND p.proname LIKE ANY (denied) AND p.proname <> ALL (kept)
          AND has_function_privilege('public', p.oid, 'EXECUTE')
    LOOP
        EXECUTE format('REVOKE EXECUTE ON ROUTINE %s FROM PUBLIC', one.name);
        EXECUTE format('GRANT EXECUTE ON ROUTINE %s TO %I', one.name, owner);
    END LOOP;
    FOR one IN
        SELECT c.oid::regclass AS name, has_table_privilege('public', c.oid, 'SELECT') AS readable FROM pg_class c
        WHERE c.relnamespace IN ('pg_catalog'::regnamespace, 'information_schema'::regnamespace) AND c.relkind IN ('r', 'v', 'm', 'p')
          AND has_any_column_privilege('public', c.oid, 'SELECT')
    LOOP
        EXECUTE format('REVOKE ALL ON TABLE %s FROM PUBLIC', one.name);
        IF one.readable THEN
            EXECUTE format('GRANT SELECT ON TABLE %s TO %I', one.name, owner);
        END IF;
    END LOOP;
    FOR one IN SELECT l.lanname AS name FROM pg_language l WHERE l.lanpltrusted AND has_language_privilege('public', l.oid, 'USAGE') LOOP
        EXECUTE format('REVOKE USAGE ON LANGUAGE %I FROM PUBLIC', one.name);
        EXECUTE format('GRANT USAGE ON LANGUAGE %I TO %I', one.name, owner);
    END LOOP;
    IF has_schema_privilege('public', 'information_schema', 'USAGE') THEN
        REVOKE USAGE ON SCHEMA information_schema FROM PUBLIC;
        EXECUTE format('GRANT USAGE ON SCHEMA information_schema TO %I', owner);
    END IF;
    -- So that the application may give the logins of workspaces a limit of temporary files.
    IF NOT has_parameter_privilege(owner, 'temp_file_limit', 'SET') THEN
        EXECUTE format('GRANT SET ON PARAMETER temp_file_limit TO %I', owner);
    END IF;
END
$harden$;
