ALTER TABLE agent_runs ADD COLUMN insight_id TEXT;
