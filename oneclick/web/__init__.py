"""The web server, for browsers and for the webhooks of other services."""
