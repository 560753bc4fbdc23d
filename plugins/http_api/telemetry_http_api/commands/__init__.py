"""The commands of a run service's users: thin, each imported when it is called."""
