"""Who may ask the service for what: API keys, their scopes, projects and limits, without HTTP."""
