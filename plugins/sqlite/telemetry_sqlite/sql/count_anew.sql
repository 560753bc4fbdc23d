-- Fills the tallies of a database in which they were not kept until now.
DELETE FROM run_tallies;
INSERT INTO run_tallies (kind, name, runs)
    SELECT 'agent', agent_name, count(*) FROM agent_runs GROUP BY 2;
INSERT INTO run_tallies (kind, name, runs)
    SELECT 'job', job_type, count(*) FROM agent_runs GROUP BY 2;
INSERT INTO run_tallies (kind, name, runs)
    SELECT 'minute', substr(created_at, 1, 16), count(*) FROM agent_runs GROUP BY 2;
