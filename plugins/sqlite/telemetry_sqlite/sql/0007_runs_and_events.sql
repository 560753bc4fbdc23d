CREATE TABLE IF NOT EXISTS agent_runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    event_id TEXT NOT NULL UNIQUE,
    run_id TEXT NOT NULL,
    schema_version INTEGER DEFAULT 7,
    created_at TEXT NOT NULL DEFAULT (datetime('now')),
    updated_at TEXT DEFAULT (datetime('now')),
    start_time TEXT NOT NULL,
    end_time TEXT,
    agent_name TEXT NOT NULL,
    agent_owner TEXT,
    job_type TEXT NOT NULL,
    status TEXT NOT NULL DEFAULT 'running'
        CHECK (status IN ('running', 'success', 'failure', 'partial', 'timeout', 'cancelled')),
    product TEXT,
    product_family TEXT,
    platform TEXT,
    subdomain TEXT,
    website TEXT,
    website_section TEXT,
    item_name TEXT,
    items_discovered INTEGER DEFAULT 0 CHECK (items_discovered >= 0),
    items_succeeded INTEGER DEFAULT 0 CHECK (items_succeeded >= 0),
    items_failed INTEGER DEFAULT 0 CHECK (items_failed >= 0),
    items_skipped INTEGER DEFAULT 0 CHECK (items_skipped >= 0),
    duration_ms INTEGER DEFAULT 0 CHECK (duration_ms >= 0),
    input_summary TEXT,
    output_summary TEXT,
    source_ref TEXT,
    target_ref TEXT,
    error_summary TEXT,
    error_details TEXT,
    git_repo TEXT,
    git_branch TEXT,
    git_commit_hash TEXT,
    git_run_tag TEXT,
    git_commit_source TEXT,
    git_commit_author TEXT,
    git_commit_timestamp TEXT,
    host TEXT,
    environment TEXT,
    trigger_type TEXT,
    metrics_json TEXT,
    context_json TEXT,
    api_posted INTEGER DEFAULT 0,
    api_posted_at TEXT,
    api_retry_count INTEGER DEFAULT 0 CHECK (api_retry_count >= 0),
    insight_id TEXT,
    parent_run_id TEXT,
    -- what schema 7 of the reference does not have
    revision INTEGER DEFAULT 0,
    inferred INTEGER DEFAULT 0
);

-- A run id is not unique, so events refer to it without a foreign key.
CREATE TABLE IF NOT EXISTS run_events (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id TEXT,
    event_type TEXT NOT NULL,
    timestamp TEXT NOT NULL,
    payload_json TEXT,
    event_id TEXT UNIQUE,
    distinct_id TEXT,
    context_json TEXT
);

CREATE TABLE IF NOT EXISTS schema_migrations (
    version INTEGER PRIMARY KEY,
    applied_at TEXT DEFAULT (datetime('now')),
    description TEXT
);

INSERT OR IGNORE INTO schema_migrations (version, description) VALUES (7, 'runs and events');
