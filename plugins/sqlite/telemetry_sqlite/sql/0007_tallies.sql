-- How many runs there are by 'agent', by 'job' and by the 'minute' in which they were created,
-- kept by the database itself, whoever writes.
CREATE TABLE IF NOT EXISTS run_tallies (
    kind TEXT NOT NULL,
    name TEXT NOT NULL,
    runs INTEGER NOT NULL,
    PRIMARY KEY (kind, name)
) WITHOUT ROWID;

CREATE TRIGGER IF NOT EXISTS run_tallies_insert AFTER INSERT ON agent_runs BEGIN
    INSERT INTO run_tallies (kind, name, runs) VALUES ('agent', NEW.agent_name, 1)
        ON CONFLICT (kind, name) DO UPDATE SET runs = runs + 1;
    INSERT INTO run_tallies (kind, name, runs) VALUES ('job', NEW.job_type, 1)
        ON CONFLICT (kind, name) DO UPDATE SET runs = runs + 1;
    INSERT INTO run_tallies (kind, name, runs) VALUES ('minute', substr(NEW.created_at, 1, 16), 1)
        ON CONFLICT (kind, name) DO UPDATE SET runs = runs + 1;
END;

-- INSERT OR REPLACE deletes without asking a trigger: what it may delete is noted before, and
-- subtracted after, if it is gone. Who inserts otherwise leaves the note to the next one.
CREATE TABLE IF NOT EXISTS run_tallies_noted (id INTEGER, agent TEXT, job TEXT, minute TEXT);

CREATE TRIGGER IF NOT EXISTS run_tallies_note BEFORE INSERT ON agent_runs
    WHEN EXISTS (SELECT 1 FROM agent_runs WHERE event_id = NEW.event_id OR id = NEW.id)
BEGIN
    DELETE FROM run_tallies_noted;
    INSERT INTO run_tallies_noted (id, agent, job, minute)
        SELECT id, agent_name, job_type, substr(created_at, 1, 16) FROM agent_runs
        WHERE event_id = NEW.event_id OR id = NEW.id;
END;

CREATE TRIGGER IF NOT EXISTS run_tallies_replace AFTER INSERT ON agent_runs
    WHEN EXISTS (SELECT 1 FROM run_tallies_noted)
BEGIN
    DELETE FROM run_tallies_noted
        WHERE id <> NEW.id AND EXISTS (SELECT 1 FROM agent_runs WHERE id = run_tallies_noted.id);
    UPDATE run_tallies SET runs = runs - (SELECT count(*) FROM run_tallies_noted WHERE agent = name)
        WHERE kind = 'agent' AND name IN (SELECT agent FROM run_tallies_noted);
    UPDATE run_tallies SET runs = runs - (SELECT count(*) FROM run_tallies_noted WHERE job = name)
        WHERE kind = 'job' AND name IN (SELECT job FROM run_tallies_noted);
    UPDATE run_tallies
        SET runs = runs - (SELECT count(*) FROM run_tallies_noted WHERE minute = name)
        WHERE kind = 'minute' AND name IN (SELECT minute FROM run_tallies_noted);
    DELETE FROM run_tallies
        WHERE kind = 'agent' AND name IN (SELECT agent FROM run_tallies_noted) AND runs < 1;
    DELETE FROM run_tallies
        WHERE kind = 'job' AND name IN (SELECT job FROM run_tallies_noted) AND runs < 1;
    DELETE FROM run_tallies
        WHERE kind = 'minute' AND name IN (SELECT minute FROM run_tallies_noted) AND runs < 1;
    DELETE FROM run_tallies_noted;
END;

CREATE TRIGGER IF NOT EXISTS run_tallies_delete AFTER DELETE ON agent_runs BEGIN
    DELETE FROM run_tallies_noted WHERE id = OLD.id;
    UPDATE run_tallies SET runs = runs - 1 WHERE kind = 'agent' AND name = OLD.agent_name;
    UPDATE run_tallies SET runs = runs - 1 WHERE kind = 'job' AND name = OLD.job_type;
    UPDATE run_tallies SET runs = runs - 1
        WHERE kind = 'minute' AND name = substr(OLD.created_at, 1, 16);
    DELETE FROM run_tallies WHERE kind = 'agent' AND name = OLD.agent_name AND runs < 1;
    DELETE FROM run_tallies WHERE kind = 'job' AND name = OLD.job_type AND runs < 1;
    DELETE FROM run_tallies
        WHERE kind = 'minute' AND name = substr(OLD.created_at, 1, 16) AND runs < 1;
END;

CREATE TRIGGER IF NOT EXISTS run_tallies_update
    AFTER UPDATE OF agent_name, job_type, created_at ON agent_runs
    WHEN OLD.agent_name IS NOT NEW.agent_name OR OLD.job_type IS NOT NEW.job_type
        OR substr(OLD.created_at, 1, 16) IS NOT substr(NEW.created_at, 1, 16)
BEGIN
    UPDATE run_tallies SET runs = runs - 1 WHERE kind = 'agent' AND name = OLD.agent_name;
    UPDATE run_tallies SET runs = runs - 1 WHERE kind = 'job' AND name = OLD.job_type;
    UPDATE run_tallies SET runs = runs - 1
        WHERE kind = 'minute' AND name = substr(OLD.created_at, 1, 16);
    INSERT INTO run_tallies (kind, name, runs) VALUES ('agent', NEW.agent_name, 1)
        ON CONFLICT (kind, name) DO UPDATE SET runs = runs + 1;
    INSERT INTO run_tallies (kind, name, runs) VALUES ('job', NEW.job_type, 1)
        ON CONFLICT (kind, name) DO UPDATE SET runs = runs + 1;
    INSERT INTO run_tallies (kind, name, runs) VALUES ('minute', substr(NEW.created_at, 1, 16), 1)
        ON CONFLICT (kind, name) DO UPDATE SET runs = runs + 1;
    DELETE FROM run_tallies WHERE kind = 'agent' AND name = OLD.agent_name AND runs < 1;
    DELETE FROM run_tallies WHERE kind = 'job' AND name = OLD.job_type AND runs < 1;
    DELETE FROM run_tallies
        WHERE kind = 'minute' AND name = substr(OLD.created_at, 1, 16) AND runs < 1;
END;
