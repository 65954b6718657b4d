"""Who may use the review pages: users and roles, sessions, one-time links, the audit log."""
