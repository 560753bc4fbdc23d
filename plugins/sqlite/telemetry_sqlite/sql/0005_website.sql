ALTER TABLE agent_runs ADD COLUMN website TEXT;
ALTER TABLE agent_runs ADD COLUMN website_section TEXT;
ALTER TABLE agent_runs ADD COLUMN item_name TEXT;
