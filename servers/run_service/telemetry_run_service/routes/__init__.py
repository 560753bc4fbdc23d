"""The routes: what each one does, and the order in which a request is checked."""
