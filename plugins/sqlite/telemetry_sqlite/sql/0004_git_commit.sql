ALTER TABLE agent_runs ADD COLUMN git_commit_hash TEXT;
ALTER TABLE agent_runs ADD COLUMN git_commit_source TEXT;
ALTER TABLE agent_runs ADD COLUMN git_commit_author TEXT;
ALTER TABLE agent_runs ADD COLUMN git_commit_timestamp TEXT;
