-- One for each choice of agent, job and status: whatever is asked for is read in its order, and
-- nothing beside it. The index's own rowid order breaks ties, so no list is sorted.
CREATE INDEX IF NOT EXISTS idx_runs_created ON agent_runs (created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_agent_created ON agent_runs (agent_name, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_job_type_created ON agent_runs (job_type, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_status_created ON agent_runs (status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_agent_job_type_created
    ON agent_runs (agent_name, job_type, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_agent_status_created
    ON agent_runs (agent_name, status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_job_type_status_created
    ON agent_runs (job_type, status, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_agent_job_type_status_created
    ON agent_runs (agent_name, job_type, status, created_at DESC);

CREATE INDEX IF NOT EXISTS idx_runs_run_id ON agent_runs (run_id, created_at DESC);
CREATE INDEX IF NOT EXISTS idx_runs_parent ON agent_runs (parent_run_id, created_at DESC)
    WHERE parent_run_id IS NOT NULL;

CREATE INDEX IF NOT EXISTS idx_runs_start ON agent_runs (start_time DESC);
-- The runs that were not created in the minute in which they started: 1 not in its day, 2 not in
-- its hour, 3 the others. Of all the rest a start time says nearly when they were created, and
-- these few are decided on without being read (listing.py).
CREATE INDEX IF NOT EXISTS idx_runs_apart
    ON agent_runs (
        CASE WHEN substr(created_at, 1, 10) <> substr(start_time, 1, 10) THEN 1
            WHEN substr(created_at, 1, 13) <> substr(start_time, 1, 13) THEN 2 ELSE 3 END,
        created_at DESC, id, start_time, agent_name, job_type, status
    )
    WHERE substr(created_at, 1, 16) <> substr(start_time, 1, 16);

CREATE INDEX IF NOT EXISTS idx_runs_unposted ON agent_runs (created_at)
    WHERE api_posted = 0 AND status <> 'running';

CREATE INDEX IF NOT EXISTS idx_events_run ON run_events (run_id, timestamp)
    WHERE run_id IS NOT NULL;
