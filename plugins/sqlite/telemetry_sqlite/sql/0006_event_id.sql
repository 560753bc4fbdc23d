ALTER TABLE agent_runs ADD COLUMN event_id TEXT;
ALTER TABLE agent_runs ADD COLUMN items_skipped INTEGER DEFAULT 0;
ALTER TABLE agent_runs ADD COLUMN source_ref TEXT;
ALTER TABLE agent_runs ADD COLUMN target_ref TEXT;
ALTER TABLE agent_runs ADD COLUMN error_details TEXT;
ALTER TABLE agent_runs ADD COLUMN context_json TEXT;
ALTER TABLE agent_runs ADD COLUMN environment TEXT;
ALTER TABLE agent_runs ADD COLUMN parent_run_id TEXT;

ALTER TABLE run_events ADD COLUMN event_id TEXT;
