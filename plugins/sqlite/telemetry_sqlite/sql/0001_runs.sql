-- What schema 1 had. A file may lack any of it, so each statement is tried (care/upgrading.py).
CREATE TABLE IF NOT EXISTS run_events (run_id TEXT, event_type TEXT, timestamp TEXT, payload_json TEXT);
CREATE TABLE IF NOT EXISTS schema_migrations (version INTEGER PRIMARY KEY);

ALTER TABLE agent_runs ADD COLUMN schema_version INTEGER;
ALTER TABLE agent_runs ADD COLUMN created_at TEXT;
ALTER TABLE agent_runs ADD COLUMN updated_at TEXT;
ALTER TABLE agent_runs ADD COLUMN end_time TEXT;
ALTER TABLE agent_runs ADD COLUMN agent_owner TEXT;
ALTER TABLE agent_runs ADD COLUMN product TEXT;
ALTER TABLE agent_runs ADD COLUMN platform TEXT;
ALTER TABLE agent_runs ADD COLUMN items_discovered INTEGER DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN items_succeeded INTEGER DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN items_failed INTEGER DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN duration_ms INTEGER DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN input_summary TEXT;
ALTER TABLE agent_runs ADD COLUMN output_summary TEXT;
ALTER TABLE agent_runs ADD COLUMN error_summary TEXT;
ALTER TABLE agent_runs ADD COLUMN git_repo TEXT;
ALTER TABLE agent_runs ADD COLUMN git_branch TEXT;
ALTER TABLE agent_runs ADD COLUMN git_run_tag TEXT;
ALTER TABLE agent_runs ADD COLUMN host TEXT;
ALTER TABLE agent_runs ADD COLUMN trigger_type TEXT;
ALTER TABLE agent_runs ADD COLUMN metrics_json TEXT;
ALTER TABLE agent_runs ADD COLUMN api_posted INTEGER DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN api_posted_at TEXT;
ALTER TABLE agent_runs ADD COLUMN api_retry_count INTEGER DEFAULT 0;

ALTER TABLE run_events ADD COLUMN run_id TEXT;
ALTER TABLE run_events ADD COLUMN event_type TEXT;
ALTER TABLE run_events ADD COLUMN timestamp TEXT;
ALTER TABLE run_events ADD COLUMN payload_json TEXT;
